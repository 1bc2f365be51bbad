"""PDGrad: guidance towards y_c and y_r, with pivot-direction gradient surgery at two levels.

Its ablations, and what else its switches make of it, are rows of the same class.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from torch import Tensor
from typing_extensions import Self

from ..combiners import COMBINERS, Combiner, make_combiner
from ..contractions import Contraction
from ..contractions.low_pass import LowPass
from ..diffusion.sampler import StepImage
from ..guidance.targets import References
from ..guidance.terms import Expression, Sum, Surgery, Term
from ..losses.identity import IdentityLoss
from ..losses.perceptual import PerceptualLoss
from ..losses.pixel import PixelLoss
from ..parameters import Param
from .base import RECIPES, Recipe
from .inputs import GuideImages
from .surgery import CombinerOptions

CombinerName = Annotated[
    str,
    Param(
        choices=tuple(COMBINERS), what="combiner", tooltip="The gradient-surgery method.",
        lacking="has no gradient surgery whose method could be chosen",
    ),
]  # fmt: skip


def _weight(tooltip: str) -> Param:
    return Param(0.0, 1e6, 0.01, tooltip=tooltip, lacking="has no levels to be weighted")


LowReferenceWeight = Annotated[
    float, _weight("Low level: how much the reference's appearance counts, beside the coarse's.")
]
HighReferenceWeight = Annotated[
    float, _weight("High level: how much the reference's identity counts.")
]
HighCoarseWeight = Annotated[
    float, _weight("High level: how much the coarse face's identity counts; 0: not at all.")
]
AnchorWeight = Annotated[
    float, _weight("Low level: how strongly pixels are held at the coarse face's; 0: not at all.")
]

Mirrored = Annotated[
    bool,
    Param(
        tooltip="Compare the identity with the reference's mirror image too.",
        lacking="has no levels, of which the high one could look at a mirror image",
    ),
]
HeldPx = Annotated[
    int,
    Param(
        0, 512, 1, unit="px",
        tooltip="Colours and large shapes stay the coarse face's: what a picture of so many pixels "
        "a side shows of them. 0: nothing is held.",
        lacking="holds no frequencies at the coarse face's",
    ),
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PDGradRecipe(Recipe):
    """PDGrad's objective; its ablations differ in one switch each.

    Source: PDGrad, L_low_a and L_high_a for a in {c, r}, and the surgery of each level.

    Attributes:
        combiner: Key in `COMBINERS`: "pdgrad", "projection" (A2), "sum" (A1), or one of torchjd's.
        combiner_options: Values of the combiner's own parameters.
        low_identity: Whether L_low has d_arc on u_1..u_3 (off: A4).
        low_perceptual: Whether L_low has d_vgg on v_1..v_5 (off: A3).
        towards_coarse: Whether the terms towards y_c take part (off: A6).
        towards_reference: Whether the terms towards y_r take part (off: A5).
        low_reference_weight: Factor of L_low_r (a control: is surgery more than down-weighting?);
            0: the low level has the coarse face alone.
        high_reference_weight: Factor of L_high_r, the pull of the identity towards the reference.
        high_coarse_weight: Factor of L_high_c; 0: nothing asks the identity to stay the coarse
            face's, and the high level has no surgery.
        anchor_weight: Factor of PGDiff's pixel loss towards y_c, added to the low level's pivot.
        mirrored: Whether L_high_r looks at the references' mirror images too.
        held_px: Side in pixels of the picture of y_c that x0hat is contracted to; 0 for none. Of a
            face of another size the same share of frequencies is held.
    """

    combiner: CombinerName = "pdgrad"
    combiner_options: CombinerOptions = field(default_factory=dict[str, float], hash=False)
    low_identity: bool = True
    low_perceptual: bool = True
    towards_coarse: bool = True
    towards_reference: bool = True
    low_reference_weight: LowReferenceWeight = 1.0
    high_reference_weight: HighReferenceWeight = 1.0
    high_coarse_weight: HighCoarseWeight = 1.0
    anchor_weight: AnchorWeight = 0.0
    mirrored: Mirrored = False
    held_px: HeldPx = 0

    @property
    def networks(self) -> tuple[str, ...]:
        """See `Recipe`."""
        return ("arcface", "vgg")

    @property
    def needs_reference(self) -> bool:
        """See `Recipe`."""
        return self.towards_reference

    def configured(self, values: Mapping[str, Any]) -> Self:
        """Return the recipe with other parameters; see `Recipe`.

        Raises:
            InvalidInputError: The combiner has no such parameter, or not in this range.
        """
        changed = super().configured(values)
        changed._method()
        return changed

    def guidance(self, images: GuideImages) -> Expression:
        """Return the guidance: the low level pivots on y_c, the high level on y_r."""
        y_c = images.coarse
        low_c, high_c = self._pivot(y_c), _high("high_c", y_c, self.high_coarse_weight)
        if not self.towards_reference:
            return Sum((low_c, high_c))
        y_r = images.all_references()
        low_r = Sum((self._low("low_r", y_r),), (self.low_reference_weight,))
        high_r = _high("high_r", images.all_references(self.mirrored), self.high_reference_weight)
        if not self.towards_coarse:
            return Sum((low_r, high_r))
        if self.combiner == "sum":
            # What is only added needs no surgery, and goes back through each network once.
            reference = (low_r,) if self.low_reference_weight else ()
            coarse = (high_c,) if self.high_coarse_weight else ()
            return Sum((low_c, *reference, high_r, *coarse))
        low = self._level("low", low_c, low_r, self.low_reference_weight)
        return Sum((low, self._level("high", high_r, high_c, self.high_coarse_weight)))

    def holding(self, images: GuideImages) -> Sequence[Contraction]:
        """Return the contraction towards y_c's low frequencies, where they are held; see `Recipe`.

        Source: DifBFSR eq. 5, with y_c as its yhat.
        """
        if not self.held_px:
            return ()
        factor = max(1.0, images.degraded.shape[-1] / self.held_px)
        return (LowPass(images.coarse, factor=factor),)

    def _level(self, name: str, pivot: Expression, other: Expression, weight: float) -> Expression:
        """Return the surgery of a level; the pivot alone where the other has no weight."""
        return Surgery(name, pivot, other, self._method()) if weight else pivot

    def _pivot(self, y_c: Tensor | StepImage) -> Expression:
        """Return the low level's pivot: L_low_c, anchored at the coarse image's pixels or not."""
        low_c = self._low("low_c", y_c)
        if not self.anchor_weight:
            return low_c
        return Sum((low_c, Term("low_c.pixel", PixelLoss(), y_c, self.anchor_weight)))

    def _method(self) -> Combiner:
        return make_combiner(self.combiner, self.combiner_options)

    def _low(self, name: str, target: Tensor | StepImage | References) -> Expression:
        parts: list[Expression] = []
        if self.low_identity:
            parts.append(Term(f"{name}.arc", IdentityLoss("low"), target))
        if self.low_perceptual:
            parts.append(Term(f"{name}.vgg", PerceptualLoss(), target))
        return Sum(tuple(parts))


def _high(name: str, target: Tensor | StepImage | References, weight: float) -> Term:
    return Term(f"{name}.arc", IdentityLoss("high"), target, weight)


for _row in (
    PDGradRecipe(name="pdgrad", title="PDGrad: pivot-direction gradient surgery"),
    PDGradRecipe(name="a1", title="A1: the plain sum of all terms", combiner="sum"),
    PDGradRecipe(
        name="a2", title="A2: projection without the length limit k", combiner="projection"
    ),
    PDGradRecipe(name="a3", title="A3: only d_arc at the low level", low_perceptual=False),
    PDGradRecipe(name="a4", title="A4: only d_vgg at the low level", low_identity=False),
    PDGradRecipe(name="a5", title="A5: only the coarse restoration", towards_reference=False),
    PDGradRecipe(name="a6", title="A6: only the reference", towards_coarse=False),
    PDGradRecipe(
        name="likeness",
        title="Likeness: the reference's identity, in the coarse face's colours and large shapes",
        high_coarse_weight=0.0,
        mirrored=True,
        held_px=8,
    ),
):
    RECIPES.add(_row.name, _row)
