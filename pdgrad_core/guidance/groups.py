"""Which terms of an expression share one gradient: the plan that a compiled guidance follows.

Terms that are only ever added, under the same masks, are one group; what a surgery must see apart
is a group of its own. The plan is the expression itself with groups in the place of its terms.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from ..features.base import FeatureNetwork, Features
from ..masks import known_pixels
from .terms import Expression, Masked, Sum, Surgery, Term

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
class Group(Expression):
    """Terms whose gradients are added: what a surgery sees as one gradient.

    Attributes:
        index: Its number.
    """

    index: int

    @property
    def children(self) -> tuple[Expression, ...]:
        """None: a group is a leaf."""
        return ()

    def with_children(self, children: tuple[Expression, ...], /) -> Expression:  # noqa: ARG002
        """Return the group itself."""
        return self


class Planner:
    """Walks an expression once and hands out groups.

    Attributes:
        leaves: Every term with its place.
        known: For each group the pixels where its gradient counts, None for all.
    """

    def __init__(self, networks: Mapping[str, FeatureNetwork]) -> None:
        self.networks = networks
        self.leaves: list[Leaf] = []
        self.known: list[Tensor | None] = []

    def plan(self, expression: Expression, masks: Masks = ()) -> Expression:
        """Return the expression with its terms replaced by groups, and no masks left."""
        plain: list[tuple[float, Term, Masks]] = []
        found: list[tuple[float, Expression]] = []
        for weight, part, here in _summands(expression, 1.0, masks):
            if isinstance(part, Surgery):
                pivot, other = self.plan(part.pivot, here), self.plan(part.other, here)
                found.append((weight, replace(part, pivot=pivot, other=other)))
            else:
                plain.append((weight, part, here))
        # What needs no surgery is one cotangent, however many terms it has.
        found += [(1.0, group) for group in self._groups(plain)]
        if len(found) == 1 and found[0][0] == 1:
            return found[0][1]
        weights, parts = zip(*found, strict=True)
        return Sum(parts, weights)

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


def _summands(
    expression: Expression, weight: float, masks: Masks
) -> Iterator[tuple[float, Term | Surgery, Masks]]:
    """Yield what is added up in the end: terms and surgeries, with weights and masks."""
    if isinstance(expression, Sum):
        for factor, part in expression.items():
            yield from _summands(part, weight * factor, masks)
    elif isinstance(expression, Masked):
        yield from _summands(expression.part, weight, (*masks, expression.mask))
    elif isinstance(expression, Term | Surgery):
        yield weight, expression, masks
    else:
        raise TypeError(f"{type(expression).__name__} has no place in a guidance.")


def _known(masks: Masks) -> Tensor | None:
    known: Tensor | None = None
    for mask in masks:
        here = known_pixels(mask)
        known = here if known is None else known & here
    return known
