"""Picture files as they are stored: formats, pixel values, colour profiles, what else they hold."""
