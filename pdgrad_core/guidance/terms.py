"""The expression a guidance is written in: terms, weighted sums, surgeries and masks.

A PDGrad level is `Surgery("low", pivot=low_c, other=low_r, combiner)`, the whole method the `Sum`
of two of them; any other composition is as good. The expression says nothing about how it is
computed, and its leaves may be open: a term towards several references, or towards pictures that
are fitted to the faces only when they are known.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from torch import Tensor
from typing_extensions import Self

from ..combiners import Combiner
from ..errors import InvalidInputError
from ..losses import Loss
from ..masks import Faces, known_pixels
from .targets import OwnReferences, Pictures, References, Target


class Expression(ABC):
    """A node of the tree; a leaf is one without children."""

    @property
    @abstractmethod
    def children(self) -> tuple["Expression", ...]:
        """The parts, from left to right."""

    @abstractmethod
    def with_children(self, children: tuple["Expression", ...], /) -> "Expression":
        """Return this node with other parts."""

    def walk(self) -> Iterator["Expression"]:
        """Yield every node of the tree, the parts of a node before it."""
        for child in self.children:
            yield from child.walk()
        yield self

    def map_leaves(self, change: Callable[["Term"], "Expression"]) -> "Expression":
        """Return the tree with every term replaced by what `change` makes of it."""
        return self.with_children(tuple(child.map_leaves(change) for child in self.children))

    def placed(self, faces: Faces) -> "Expression":
        """Return the tree with its pictures and masks fitted to the faces of a run.

        Raises:
            InvalidInputError: A picture or a mask does not fit them.
        """
        return self.with_children(tuple(child.placed(faces) for child in self.children))

    def renamed(self, rename: Callable[[str], str]) -> "Expression":
        """Return the tree with other names for its terms and surgeries."""
        return self.with_children(tuple(child.renamed(rename) for child in self.children))


@dataclass(frozen=True)
class Term(Expression):
    """One loss towards one target.

    Attributes:
        name: What the trace and errors call it ("low_c", "low_c.arc").
        loss: The loss.
        target: Image `(B or 1, 3, H, W)` in [-1, 1], or a callable that gives it at each step;
            several references; pictures that are still to be fitted to the faces; None for a loss
            that compares with none.
        weight: Factor of the loss.
        shares: `(B or 1,)`, how much the term counts for each face; None for alike.
    """

    name: str
    loss: Loss
    target: Target
    weight: float = 1.0
    shares: Tensor | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.loss.takes_target and self.target is None:
            raise InvalidInputError(
                f"The guidance term {self.name!r} compares x0hat with an image, but was given none."
            )

    @property
    def children(self) -> tuple[Expression, ...]:
        """None: a term is a leaf."""
        return ()

    def with_children(self, children: tuple[Expression, ...], /) -> Self:  # noqa: ARG002
        """Return the term itself."""
        return self

    def map_leaves(self, change: Callable[["Term"], Expression]) -> Expression:
        """See `Expression`."""
        return change(self)

    def placed(self, faces: Faces) -> Expression:
        """See `Expression`."""
        target = self.target
        if isinstance(target, Pictures | OwnReferences):
            target = target.placed(self.name, faces)
        return replace(self, loss=self.loss.placed(faces), target=target)

    def renamed(self, rename: Callable[[str], str]) -> Expression:
        """See `Expression`."""
        return replace(self, name=rename(self.name))

    def averaged(self) -> Expression:
        """Return the mean over the references, each a term of its own; else the term itself."""
        if not isinstance(self.target, References):
            return self
        images, weights = self.target.images, self.target.weights
        if weights is not None:
            return Sum(tuple(self._share(i, weights[i]) for i in range(len(images))))
        if len(images) == 1:
            return replace(self, target=images[0])
        terms = (
            replace(self, name=numbered(self.name, str(i)), target=image)
            for i, image in enumerate(images, start=1)
        )
        return Sum(tuple(terms), (1 / len(images),) * len(images))

    def _share(self, index: int, shares: Tensor) -> "Term":
        """Return the term towards one of its references, with that one's weights."""
        assert isinstance(self.target, References)
        alone = len(self.target.images) == 1
        name = self.name if alone else numbered(self.name, str(index + 1))
        return replace(self, name=name, target=self.target.images[index], shares=shares)


@dataclass(frozen=True)
class Sum(Expression):
    """A weighted sum of expressions.

    Attributes:
        parts: The summands.
        weights: A factor for each; all 1 where empty.
    """

    parts: tuple[Expression, ...]
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.parts:
            raise InvalidInputError("A sum of guidances needs at least one, not none.")
        if self.weights and len(self.weights) != len(self.parts):
            raise InvalidInputError(
                f"A sum of {len(self.parts)} guidances needs as many weights, "
                f"not {len(self.weights)}."
            )

    @property
    def children(self) -> tuple[Expression, ...]:
        """The summands."""
        return self.parts

    def with_children(self, children: tuple[Expression, ...], /) -> Expression:
        """See `Expression`."""
        return replace(self, parts=children)

    def items(self) -> Iterator[tuple[float, Expression]]:
        """Yield (weight, summand)."""
        yield from zip(self.weights or (1.0,) * len(self.parts), self.parts, strict=True)


@dataclass(frozen=True)
class Surgery(Expression):
    """Gradient surgery between a pivot and another expression.

    Attributes:
        name: What the trace calls it ("low").
        pivot: The expression whose gradient's direction is kept.
        other: The expression that gives way where it opposes the pivot.
        combiner: The method.
    """

    name: str
    pivot: Expression
    other: Expression
    combiner: Combiner = field(repr=False)

    @property
    def children(self) -> tuple[Expression, ...]:
        """Pivot and other."""
        return self.pivot, self.other

    def with_children(self, children: tuple[Expression, ...], /) -> Expression:
        """See `Expression`."""
        pivot, other = children
        return replace(self, pivot=pivot, other=other)

    def renamed(self, rename: Callable[[str], str]) -> Expression:
        """See `Expression`."""
        pivot, other = (child.renamed(rename) for child in self.children)
        return replace(self, name=rename(self.name), pivot=pivot, other=other)


@dataclass(frozen=True)
class Masked(Expression):
    """An expression whose gradient is zero where a mask is: PGDiff's holes and scratches.

    A surgery inside sees the gradients masked already, so conflicts in the hole do not count.

    Attributes:
        part: The expression.
        mask: `(B or 1, 1, H, W)`, 1 where nothing is to be guided; fractions count as 1.
    """

    part: Expression
    mask: Tensor = field(repr=False)

    def __post_init__(self) -> None:
        known_pixels(self.mask)

    @property
    def children(self) -> tuple[Expression, ...]:
        """The one part."""
        return (self.part,)

    def with_children(self, children: tuple[Expression, ...], /) -> Expression:
        """See `Expression`."""
        return replace(self, part=children[0])

    def placed(self, faces: Faces) -> Expression:
        """See `Expression`."""
        return Masked(self.part.placed(faces), faces.fitted_mask(self.mask))


def terms_of(expression: Expression) -> Iterator[Term]:
    """Yield every term of an expression, from left to right."""
    return (node for node in expression.walk() if isinstance(node, Term))


def surgeries_of(expression: Expression) -> Iterator[Surgery]:
    """Yield every surgery of an expression, innermost first."""
    return (node for node in expression.walk() if isinstance(node, Surgery))


def numbered(name: str, number: str) -> str:
    """Return a term's name with a number, before what follows its last dot ("low_r1.arc")."""
    stem, dot, part = name.rpartition(".")
    return f"{stem}{number}.{part}" if dot else f"{name}{number}"


def with_unique_names(expression: Expression) -> Expression:
    """Return the tree with a number at every name used before: the trace tells them apart."""
    used: dict[str, int] = {}

    def rename(name: str) -> str:
        used[name] = used.get(name, 0) + 1
        return name if used[name] == 1 else numbered(name, f" {used[name]}")

    return expression.renamed(rename)
