"""From an expression to g = dL/dx0hat: one forward of each network, one stacked adjoint, one sum.

Compiling finds the groups: terms that are only ever added share one cotangent; what a surgery must
see apart is a group of its own. Per step each network runs once forward on x0hat, the groups'
cotangents go back through it stacked in the batch, and surgery happens on their inner products.
This is the only place where guidance gradients are taken, always with respect to a detached x0hat.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..combiners.base import Gram, combine, gram_of, gram_of_combinations
from ..devices import at_least_float32
from ..diffusion.finiteness import Finiteness
from ..diffusion.sampler import Guided, Record, StepContext
from ..errors import InvalidInputError, NonFiniteGradientError
from ..features.base import FeatureNetwork, Features
from ..masks import check_same_size, keep_known
from ..true_float32 import true_float32
from .groups import Group, Leaf, Planner
from .targets import OwnReferences, Pictures
from .terms import Expression, Sum, Surgery, Term, surgeries_of, terms_of


@dataclass
class CompiledGuidance:
    """A guidance, ready for the sampler; call it with x0hat and the step's context.

    Attributes:
        leaves: Every term with its place.
        root: How groups are combined: the expression, its terms replaced by groups.
        known: For each gradient that is kept apart the pixels where it counts, None for all.
    """

    leaves: list[Leaf]
    root: Expression
    known: list[Tensor | None]

    @property
    def groups(self) -> int:
        """Number of gradients that are kept apart."""
        return len(self.known)

    def reset(self) -> None:
        """Forget moving targets and what combiners remember; the sampler does so before a run."""
        for leaf in self.leaves:
            if callable(leaf.term.target):
                leaf.target = None
        for surgery in surgeries_of(self.root):
            surgery.combiner.reset()

    @true_float32()
    @torch.no_grad()
    def __call__(self, x0hat: Tensor, context: StepContext) -> Guided:
        """Return g and the trace of this step.

        Args:
            x0hat: `(B, 3, H, W)`, clipped and contracted.
            context: Where the step is; moving targets look at its x_t and t.

        Returns:
            g `(B, 3, H, W)`; recorded are each term's loss as "<name>.loss" and, per surgery,
            "<name>.pivot_norm", "other_norm", "cosine", "conflict", "k" and "norm".
        """
        record: Record = {}
        gradients = self.gradients(x0hat, context, record)
        if context.finiteness is not None and not self.on_device:
            context.finiteness.read()  # a solver on the host is not to be given NaN
        return Guided(self.combined(gradients, record), record)

    def combined(self, gradients: Tensor, record: Record) -> Tensor:
        """Return g `(B, 3, H, W)` of the gradients that were kept apart, after surgery."""
        if self.groups == 1:
            return gradients[0]
        gram, scales = gram_of(gradients)
        lengths = self._lengths(self.root, gram, record)
        return combine(gradients, gram, scales, lengths)

    @true_float32()
    @torch.no_grad()
    def gradients(
        self, x0hat: Tensor, context: StepContext, record: Record | None = None
    ) -> Tensor:
        """Return the gradients that are kept apart, `(G, B, 3, H, W)`, before any surgery."""
        record = {} if record is None else record
        self.renew_targets(context)
        gradients = self.at_targets(x0hat, record)
        self.expect_finite(gradients, record, context)
        return self.masked(gradients)

    def at_targets(self, x0hat: Tensor, record: Record) -> Tensor:
        """Return the gradients towards the leaves' targets as they are, `(G, B, 3, H, W)`."""
        total = at_least_float32(x0hat.new_zeros(self.groups, *x0hat.shape))
        for network in dict.fromkeys(leaf.network for leaf in self.leaves):
            leaves = [leaf for leaf in self.leaves if leaf.network is network]
            taps = list(dict.fromkeys(tap for leaf in leaves for tap in leaf.taps))
            features, pull_back = network.vjp(x0hat, taps)
            cotangents: dict[int, Features] = {}
            for leaf in leaves:
                assert leaf.target is not None
                value, found = leaf.term.loss.cotangent(network, features, leaf.target)
                if leaf.term.shares is not None:
                    value, found = _shared_out(value, found, leaf.term.shares)
                record[f"{leaf.term.name}.loss"] = leaf.term.weight * value
                _accumulate(cotangents.setdefault(leaf.group, {}), found, leaf.weight)
            pulled = pull_back(list(cotangents.values()))
            for place, group in enumerate(cotangents):
                total[group] += pulled[place]
        return total

    def renew_targets(self, context: StepContext) -> None:
        """Renew moving targets; repeats of a step keep the first one's, as PGDiff does."""
        moved: dict[int, Tensor] = {}  # a target that several terms share is asked once
        for leaf in self.leaves:
            target = leaf.term.target
            if not callable(target) or (leaf.target is not None and context.repeat > 0):
                continue
            if id(target) not in moved:
                moved[id(target)] = target(context)
            leaf.target = leaf.term.loss.target(leaf.network, moved[id(target)])

    def expect_finite(self, gradients: Tensor, record: Record, context: StepContext) -> None:
        """Note that gradients and losses have to be finite; look at once where nobody will."""
        finiteness = context.finiteness or Finiteness()
        self._expect_finite(finiteness, gradients, record, context.t)
        if context.finiteness is None:
            finiteness.read()

    def masked(self, gradients: Tensor) -> Tensor:
        """Return the gradients, zero where they do not count."""
        if all(known is None for known in self.known):
            return gradients
        for known in self.known:
            check_same_size(known, gradients)
        pairs = zip(gradients, self.known, strict=True)
        return torch.stack([keep_known(one, known) for one, known in pairs])

    @property
    def on_device(self) -> bool:
        """Whether every surgery computes where the gradients are."""
        return all(surgery.combiner.on_device for surgery in surgeries_of(self.root))

    def _expect_finite(
        self, finiteness: Finiteness, gradients: Tensor, record: Record, t: int
    ) -> None:
        """Note that gradients and losses have to be finite; the error names the terms."""
        losses = {leaf.term.name: record[f"{leaf.term.name}.loss"] for leaf in self.leaves}
        values = torch.stack([torch.as_tensor(value).float().sum() for value in losses.values()])
        finite = torch.isfinite(gradients).flatten(1).all(1)
        fine = torch.isfinite(values.to(finite.device))

        def error() -> NonFiniteGradientError:
            bad = [
                leaf.term.name
                for leaf, loss_fine in zip(self.leaves, fine.tolist(), strict=True)
                if not (loss_fine and bool(finite[leaf.group]))
            ]
            found = ", ".join(f"{name} = {torch.as_tensor(losses[name]).tolist()}" for name in bad)
            return NonFiniteGradientError(
                f"The gradient of {' + '.join(bad)} is NaN or infinite at timestep {t} ({found}); "
                "lower its weight or the strength, or compute in float32."
            )

        finiteness.expect(finite.all() & fine.all(), error)

    def _lengths(self, node: Expression, gram: Gram, record: Record) -> Tensor:
        """Return how far the node's gradient goes along each unit gradient, `(B, G)`."""
        if isinstance(node, Group):
            lengths = torch.zeros_like(gram.norms)
            lengths[:, node.index] = gram.norms[:, node.index]
            return lengths
        if isinstance(node, Sum):
            parts = [weight * self._lengths(part, gram, record) for weight, part in node.items()]
            return torch.stack(parts).sum(0)
        assert isinstance(node, Surgery)
        pivot, other = (self._lengths(part, gram, record) for part in node.children)
        return _operate(node, torch.stack([pivot, other], 1), gram, record)


@true_float32()
def compile_guidance(
    expression: Expression, networks: Mapping[str, FeatureNetwork]
) -> CompiledGuidance:
    """Prepare an expression for a run: find the groups, compute what stays fixed once.

    Args:
        expression: Terms, sums, surgeries and masks; its pictures are placed already
            (`Expression.placed`), its references are averaged here.
        networks: The feature networks by name ("arcface", "vgg"); "pixels" is always there.

    Raises:
        InvalidInputError: A term's network is not given, two terms share a name, a weight is not
            finite, or a target has another batch size than the others.
    """
    from ..features.pixels import Pixels

    available: dict[str, FeatureNetwork] = {"pixels": Pixels(), **networks}
    expression = expression.map_leaves(Term.averaged)
    _check_terms(expression, available)
    planner = Planner(available)
    root = planner.plan(expression)
    for leaf in planner.leaves:
        if leaf.term.target is None:
            leaf.target = {}
        elif isinstance(leaf.term.target, Tensor):
            leaf.target = leaf.term.loss.target(leaf.network, leaf.term.target)
    return CompiledGuidance(planner.leaves, root, planner.known)


def _check_terms(expression: Expression, networks: Mapping[str, FeatureNetwork]) -> None:
    names: set[str] = set()
    batches: set[int] = set()
    for term in terms_of(expression):
        if term.name in names:
            raise InvalidInputError(
                f"Two terms of the guidance are named {term.name!r}; the trace could not tell them "
                "apart. Rename one."
            )
        names.add(term.name)
        if not torch.isfinite(torch.tensor(term.weight)):
            raise InvalidInputError(
                f"The weight of {term.name!r} must be a finite number, not {term.weight}."
            )
        if term.loss.network not in networks:
            raise InvalidInputError(
                f"The term {term.name!r} needs the network {term.loss.network!r}, but only "
                f"{', '.join(networks)} are given."
            )
        term.loss.taps(networks[term.loss.network])
        if isinstance(term.target, Pictures | OwnReferences):
            raise InvalidInputError(
                f"The pictures of the term {term.name!r} are not fitted to any faces yet; place "
                "the expression first."
            )
        if isinstance(term.target, Tensor):
            batches.add(term.target.shape[0])
    if len(batches - {1}) > 1:
        raise InvalidInputError(
            f"The guidance's images come in batches of {sorted(batches)}; they must all be of one "
            "size, or single images."
        )


def _shared_out(value: Tensor, found: Features, shares: Tensor) -> tuple[Tensor, Features]:
    """Return a loss `(B,)` and its cotangents as much as they count for each face."""
    shares = shares.to(value.device)
    weighed = {
        tap: one * shares.to(one.dtype).view(-1, *[1] * (one.ndim - 1))
        for tap, one in found.items()
    }
    return value * shares.to(value.dtype), weighed


def _accumulate(total: Features, found: Features, weight: float) -> None:
    for tap, value in found.items():
        scaled = value if weight == 1 else value * weight
        total[tap] = total[tap] + scaled if tap in total else scaled


def _operate(surgery: Surgery, vectors: Tensor, gram: Gram, record: Record) -> Tensor:
    """Return what the surgery makes of pivot and other, `(B, 2, G)` to `(B, G)` lengths."""
    inner = gram_of_combinations(gram, vectors)
    steps = surgery.combiner.lengths(inner, pivot=0)
    factors = torch.where(
        inner.norms > 0, steps / torch.where(inner.norms > 0, inner.norms, 1.0), 0.0
    )
    lengths = _scaled_sum(vectors, inner.norms, steps)
    _record_surgery(record, surgery.name, inner, factors, gram, lengths)
    return lengths


def _scaled_sum(vectors: Tensor, norms: Tensor, steps: Tensor) -> Tensor:
    """Return sum_m steps_m v_m / |v_m| for vectors `(B, M, K)`; a zero vector adds nothing."""
    positive = norms > 0
    unit = vectors / torch.where(positive, norms, 1.0)[..., None]
    return (unit * torch.where(positive, steps, 0.0)[..., None]).sum(1)


def _record_surgery(
    record: Record, name: str, inner: Gram, factors: Tensor, gram: Gram, lengths: Tensor
) -> None:
    cosine = inner.cosines[:, 0, 1]
    record[f"{name}.pivot_norm"] = inner.norms[:, 0]
    record[f"{name}.other_norm"] = inner.norms[:, 1]
    record[f"{name}.cosine"] = cosine
    record[f"{name}.conflict"] = (cosine < 0).float()
    record[f"{name}.k"] = factors[:, 1]
    record[f"{name}.norm"] = gram_of_combinations(gram, lengths[:, None]).norms[:, 0]
