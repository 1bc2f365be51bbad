"""The expression a guidance is written in: terms, weighted sums, surgeries and masks.

A PDGrad level is `Surgery("low", pivot=low_c, other=low_r, combiner)`, the whole method the `Sum`
of two of them; any other composition is as good. The expression says nothing about how it is
computed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from torch import Tensor

from ..combiners import Combiner
from ..diffusion.sampler import StepContext
from ..errors import InvalidInputError
from ..losses import Loss
from ..masks import known_pixels

MovingTarget = Callable[[StepContext], Tensor]
"""A target that depends on x_t and t: PGDiff's restorer f(y, x_t, t)."""


@dataclass(frozen=True)
class Term:
    """One loss towards one target.

    Attributes:
        name: What the trace and errors call it ("low_c").
        loss: The loss.
        target: Image `(B or 1, 3, H, W)` in [-1, 1], or a callable that gives it at each step; None
            for a loss that compares with none.
        weight: Factor of the loss.
    """

    name: str
    loss: Loss
    target: Tensor | MovingTarget | None
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.loss.takes_target and self.target is None:
            raise InvalidInputError(
                f"The guidance term {self.name!r} compares x0hat with an image, but was given none."
            )


@dataclass(frozen=True)
class Sum:
    """A weighted sum of expressions.

    Attributes:
        parts: The summands.
        weights: A factor for each; all 1 where empty.
    """

    parts: tuple["Expression", ...]
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.parts:
            raise InvalidInputError("A sum of guidances needs at least one, not none.")
        if self.weights and len(self.weights) != len(self.parts):
            raise InvalidInputError(
                f"A sum of {len(self.parts)} guidances needs as many weights, "
                f"not {len(self.weights)}."
            )

    def items(self) -> Iterator[tuple[float, "Expression"]]:
        """Yield (weight, summand)."""
        yield from zip(self.weights or (1.0,) * len(self.parts), self.parts, strict=True)


@dataclass(frozen=True)
class Surgery:
    """Gradient surgery between a pivot and another expression.

    Attributes:
        name: What the trace calls it ("low").
        pivot: The expression whose gradient's direction is kept.
        other: The expression that gives way where it opposes the pivot.
        combiner: The method.
    """

    name: str
    pivot: "Expression"
    other: "Expression"
    combiner: Combiner = field(repr=False)


@dataclass(frozen=True)
class Masked:
    """An expression whose gradient is zero where a mask is: PGDiff's holes and scratches.

    A surgery inside sees the gradients masked already, so conflicts in the hole do not count.

    Attributes:
        part: The expression.
        mask: `(B or 1, 1, H, W)`, 1 where nothing is to be guided; fractions count as 1.
    """

    part: "Expression"
    mask: Tensor = field(repr=False)

    def __post_init__(self) -> None:
        known_pixels(self.mask)


Expression: TypeAlias = Term | Sum | Surgery | Masked


def terms_of(expression: Expression) -> Iterator[Term]:
    """Yield every term of an expression, from left to right."""
    if isinstance(expression, Term):
        yield expression
    elif isinstance(expression, Sum):
        for part in expression.parts:
            yield from terms_of(part)
    elif isinstance(expression, Masked):
        yield from terms_of(expression.part)
    else:
        yield from terms_of(expression.pivot)
        yield from terms_of(expression.other)


def surgeries_of(expression: Expression) -> Iterator[Surgery]:
    """Yield every surgery of an expression, innermost first."""
    if isinstance(expression, Sum):
        for part in expression.parts:
            yield from surgeries_of(part)
    elif isinstance(expression, Masked):
        yield from surgeries_of(expression.part)
    elif isinstance(expression, Surgery):
        yield from surgeries_of(expression.pivot)
        yield from surgeries_of(expression.other)
        yield expression
