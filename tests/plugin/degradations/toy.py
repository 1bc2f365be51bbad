"""A degradation preset: a little noise."""

from .presets import PRESETS, Preset

PRESETS.add("toy_preset", Preset("toy_preset", source="nobody", noise_delta=(1.0, 2.0)))
