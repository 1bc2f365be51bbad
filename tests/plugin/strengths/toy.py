"""A strength that only looks at the gradient's sign."""

from .base import STRENGTHS, StrengthRule


@STRENGTHS.register("toy_strength")
class ToyStrength(StrengthRule):
    """Shift the sample by s against the gradient's sign."""

    def on_sample(self, x_prev, x_t, g):
        return x_prev - self.s * 0.01 * g.sign()
