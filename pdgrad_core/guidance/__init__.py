"""Guidance: an expression of losses and surgeries, compiled to one gradient per step."""
