"""The methods that the PDGrad study compares, as data: what guides, and which settings are tried.

Every method starts from the same noised coarse image with the same noise, in the same steps; only
the guidance differs. The controls are what a sceptic would ask for.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from ..errors import InvalidInputError
from ..guidance.terms import Expression, Sum, surgeries_of
from ..pgdiff import PGDiffParts
from ..recipe_base import GuideImages
from ..recipes import PDGradParts, recipe
from ..registry import unknown_name
from .pairs import DEGREES, TUNED_ON

BASELINE = "a1"
"""The method that the others are compared with in pairs."""

Change = Mapping[str, Any]


@dataclass(frozen=True)
class Choice:
    """The numbers that a method runs with.

    Attributes:
        strength_mode: Key in `STRENGTHS`.
        strength: s.
        tau: Start of the reverse process, of 1000.
        steps: Steps executed.
        weight: Weight of PGDiff's identity loss; 0 for other methods.
    """

    strength_mode: Literal["constant", "dynamic"] = "dynamic"
    strength: float = 0.1
    tau: int = 500
    steps: int = 25
    weight: float = 0.0

    def label(self) -> str:
        """Return a short name, fit for a file."""
        weight = f"-w{self.weight:g}" if self.weight else ""
        return f"{self.strength_mode}{self.strength:g}-tau{self.tau}-steps{self.steps}{weight}"


@dataclass(frozen=True)
class Method:
    """One row of the study.

    Attributes:
        name: In the tables.
        title: In a few words.
        parts: Makes the guidance; None for a picture that is there already, or for no guidance.
        picture: "degraded", "coarse" or "reference", where nothing is to be restored.
        start: The first settings tried.
        stages: Changes tried one after the other, each from the best settings so far.
        degrees: Degrees of degradation under which it is tested.
        settings_of: The method whose settings it takes, instead of being tuned itself.
    """

    name: str
    title: str
    parts: Any = None
    picture: str | None = None
    start: Choice = field(default_factory=Choice)
    stages: tuple[tuple[Change, ...], ...] = ()
    degrees: tuple[str, ...] = tuple(DEGREES)
    settings_of: str = ""

    def build(self, images: GuideImages, choice: Choice) -> Expression | None:
        """Return the guidance with these settings; None for none."""
        if self.parts is None:
            return None
        if isinstance(self.parts, PGDiffParts):
            return replace(self.parts, identity=choice.weight)(images)
        return self.parts(images)


@dataclass(frozen=True)
class PivotsOnly:
    """A control: the pivots low_c and high_r, without what surgery is to reconcile with them."""

    def __call__(self, images: GuideImages) -> Expression:
        """Return the sum of the pivots."""
        return Sum(tuple(surgery.pivot for surgery in surgeries_of(PDGradParts()(images))))


_LESSER = (
    ("a3", "A3: only d_arc at the low level", recipe("a3").build),
    ("a4", "A4: only d_vgg at the low level", recipe("a4").build),
    ("a5", "A5: only the coarse image", recipe("a5").build),
    ("a6", "A6: only the reference", recipe("a6").build),
    ("torchjd_upgrad", "torchjd's UPGrad", PDGradParts("torchjd_upgrad")),
    # PCGrad of two gradients is twice UPGrad: the same direction. So another one beside it.
    ("torchjd_alignedmtl", "torchjd's AlignedMTL", PDGradParts("torchjd_alignedmtl")),
)


def _strengths(**values: tuple[float, ...]) -> tuple[Change, ...]:
    return tuple(
        {"strength_mode": mode, "strength": s} for mode, several in values.items() for s in several
    )


# Around what a first look at the embedded networks found to work; see docs/evidence.md.
_STRENGTHS = _strengths(dynamic=(0.05, 0.1, 0.2), constant=(100.0,))
_PGDIFF_STRENGTHS = _strengths(dynamic=(0.1, 0.2), constant=(0.05, 0.1))
_TAUS: tuple[Change, ...] = ({"tau": 700}, {"tau": 350})


def _guided(steps: int) -> tuple[tuple[Change, ...], ...]:
    # The start matters most, and strengths are to be compared from a good one.
    return (_TAUS, _STRENGTHS, ({"steps": 2 * steps},))


def _pdgrad(
    name: str, title: str, parts: Any, steps: int, degrees: tuple[str, ...] = tuple(DEGREES)
) -> Method:
    start = Choice(steps=steps)
    return Method(name, title, parts, start=start, stages=_guided(steps), degrees=degrees)


def _pgdiff(name: str, title: str, weights: tuple[float, ...], steps: int) -> Method:
    parts = recipe(name).build
    start = Choice("constant", 0.1, steps=steps, weight=weights[1])
    changes = tuple({"weight": weight} for weight in weights)
    stages = (_TAUS, _PGDIFF_STRENGTHS, changes, ({"steps": 2 * steps},))
    return Method(name.replace("-", "_"), title, parts, start=start, stages=stages)


def all_methods(steps: int) -> tuple[Method, ...]:
    """Return every method, in the order of the tables.

    Args:
        steps: Steps of the shorter of the two schedules tried.
    """
    return (
        Method("degraded", "the degraded picture itself", picture="degraded"),
        Method("reference_photo", "the reference photo itself", picture="reference"),
        Method("coarse", "the coarse restoration", picture="coarse"),
        Method(
            "no_guidance",
            "the prior alone, from the noised coarse image",
            start=Choice(strength=0.0, steps=steps),
            stages=(_TAUS, ({"steps": 2 * steps},)),
        ),
        _pgdiff("pgdiff-reference", "PGDiff's losses, squared identity", (1.0, 5.0, 25.0), steps),
        _pgdiff(
            "pgdiff-reference-cosine",
            "PGDiff's losses, cosine identity",
            (160.0, 640.0, 2500.0),
            steps,
        ),
        _pdgrad("a1", "A1: the plain sum", PDGradParts("sum"), steps),
        _pdgrad("a2", "A2: projection without k", PDGradParts("projection"), steps),
        _pdgrad("pdgrad", "PDGrad", PDGradParts(), steps),
        *(
            # What these are there to show, one degree shows.
            _pdgrad(name, title, parts, steps, degrees=(TUNED_ON,))
            for name, title, parts in _LESSER
        ),
        _pdgrad(
            "a1_half_low_r",
            "control: A1 with low_r at half weight",
            PDGradParts("sum", low_reference_weight=0.5),
            steps,
        ),
        _pdgrad("pivots_only", "control: low_c + high_r alone", PivotsOnly(), steps),
        Method(
            "a1_as_pdgrad",
            "control: A1 with the settings that PDGrad was tuned to",
            PDGradParts("sum"),
            settings_of="pdgrad",
        ),
    )


def chosen_methods(names: tuple[str, ...], steps: int) -> tuple[Method, ...]:
    """Return the named methods in the order of the tables; all for no name.

    Raises:
        UnknownNameError: There is no such method.
        InvalidInputError: A method is left out that another one needs: the coarse image, which
            every choice is measured by, or one whose settings are taken.
    """
    every = all_methods(steps)
    known = [method.name for method in every]
    for name in names:
        if name not in known:
            raise unknown_name("method of the study", name, known)
    if names and "coarse" not in names:
        raise InvalidInputError(
            "--methods must contain 'coarse': settings are chosen relative to it."
        )
    chosen = tuple(method for method in every if not names or method.name in names)
    for method in chosen:
        if names and method.settings_of and method.settings_of not in names:
            raise InvalidInputError(
                f"--methods must contain {method.settings_of!r}: {method.name!r} takes its "
                "settings."
            )
    return chosen


def as_row(choice: Choice | None) -> dict[str, Any]:
    """Return a choice as columns of a table; empty ones where nothing was to be chosen."""
    row = asdict(choice or Choice())
    return row if choice else dict.fromkeys(row, "")
