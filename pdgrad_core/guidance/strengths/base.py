"""The contract of a strength: where a guidance gradient acts, on the mean or on the sample."""

from typing import Annotated, Any, Literal

from torch import Tensor

from ...parameters import Param, accepted, check_parameters
from ...registry import Registry

STRENGTHS: "Registry[type[StrengthRule]]" = Registry("strength mode")
"""The rules by name, which is the strength's mode."""

Scope = Literal["image", "channel"]
"""Whether a step's length is set for the whole image or for each colour channel."""


class StrengthRule:
    """A strength s and the place where it acts; both places default to leaving things alone.

    Args:
        s: The strength, 0 or more.

    Raises:
        InvalidInputError: s is negative, NaN or infinite.
    """

    def __init__(
        self,
        s: Annotated[
            float, Param(0.0, 1e9, 0.01, tooltip="How strongly the guidance pulls each step.")
        ] = 0.1,
    ) -> None:
        check_parameters(StrengthRule, {"s": s})
        self.s = s

    def on_mean(self, mean: Tensor, variance: Tensor | float, g: Tensor) -> Tensor:  # noqa: ARG002
        """Return the guided mean `(B, C, H, W)`."""
        return mean

    def on_sample(self, x_prev: Tensor, x_t: Tensor, g: Tensor) -> Tensor:  # noqa: ARG002
        """Return the guided sample `(B, C, H, W)`."""
        return x_prev


def make_strength(mode: str, s: float, scope: Scope = "image") -> StrengthRule:
    """Return a strength rule by name.

    Args:
        mode: Key in `STRENGTHS`.
        s: The strength, 0 or more.
        scope: For the rules that have one.

    Raises:
        UnknownNameError: There is no such mode.
        InvalidInputError: s or the scope is out of range.
    """
    rule = STRENGTHS[mode]
    options: dict[str, Any] = {"s": s, "scope": scope}
    return rule(**accepted(rule, options))
