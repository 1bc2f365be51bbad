"""Loading the networks of a restoration, in the precision and form that suits the device."""
