"""Which terms of an expression share one gradient: the plan that a compiled guidance follows.

Terms that are only ever added, under the same masks, are one group; what a surgery must see apart
is a group of its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from ..features.base import FeatureNetwork, Features
from ..masks import known_pixels
from .terms import Expression, Masked, Sum, Surgery, Term, surgeries_of

Masks = tuple[Tensor, ...]
"""The masks an expression lies under, from the outermost in."""


@dataclass
class Leaf:
    """A term with its network, the group it is added to, and its weight within that group."""

    term: Term
    network: FeatureNetwork
    group: int
    weight: float
    target: Features | None = None

    @property
    def taps(self) -> tuple[str, ...]:
        """The network's taps that its loss compares."""
        return self.term.loss.taps(self.network)


@dataclass(frozen=True)
class Group:
    """What the surgery sees as one gradient."""

    index: int


@dataclass(frozen=True)
class Mix:
    """A weighted sum of compiled parts."""

    parts: tuple[tuple[float, "Node"], ...]


@dataclass(frozen=True)
class Operation:
    """A surgery on two compiled parts."""

    surgery: Surgery
    pivot: "Node"
    other: "Node"


Node = Group | Mix | Operation


class Builder:
    """Walks an expression once and hands out groups.

    Attributes:
        leaves: Every term with its place.
        known: For each group the pixels where its gradient counts, None for all.
    """

    def __init__(self, networks: Mapping[str, FeatureNetwork]) -> None:
        self.networks = networks
        self.leaves: list[Leaf] = []
        self.known: list[Tensor | None] = []

    def build(self, expression: Expression, masks: Masks = ()) -> Node:
        """Return the compiled node of an expression."""
        if isinstance(expression, Masked):
            return self.build(expression.part, (*masks, expression.mask))
        if isinstance(expression, Surgery):
            return Operation(
                expression,
                self.build(expression.pivot, masks),
                self.build(expression.other, masks),
            )
        parts = expression.items() if isinstance(expression, Sum) else [(1.0, expression)]
        plain: list[tuple[float, Term, Masks]] = []
        found: list[tuple[float, Node]] = []
        for weight, part in parts:
            if any(surgeries_of(part)):
                found.append((weight, self.build(part, masks)))
            else:
                plain += _flat(part, weight, masks)
        # What needs no surgery is one cotangent, however many terms it has.
        groups = self._groups(plain)
        if not found and len(groups) == 1:
            return groups[0]
        return Mix((*found, *((1.0, group) for group in groups)))

    def _groups(self, terms: list[tuple[float, Term, Masks]]) -> list[Group]:
        """Return one group for each set of masks among terms that are only added."""
        places: dict[tuple[int, ...], Group] = {}
        for weight, term, masks in terms:
            key = tuple(id(mask) for mask in masks)
            if key not in places:
                places[key] = Group(len(self.known))
                self.known.append(_known(masks))
            network = self.networks[term.loss.network]
            group = places[key].index
            self.leaves.append(Leaf(term, network, group, weight * term.weight))
        return list(places.values())


def _flat(
    expression: Expression, weight: float, masks: Masks
) -> Iterator[tuple[float, Term, Masks]]:
    """Yield the terms of an expression without surgery, each with its weight and masks."""
    if isinstance(expression, Term):
        yield weight, expression, masks
    elif isinstance(expression, Masked):
        yield from _flat(expression.part, weight, (*masks, expression.mask))
    elif isinstance(expression, Sum):
        for factor, part in expression.items():
            yield from _flat(part, weight * factor, masks)


def _known(masks: Masks) -> Tensor | None:
    known: Tensor | None = None
    for mask in masks:
        here = known_pixels(mask)
        known = here if known is None else known & here
    return known
