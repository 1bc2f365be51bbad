"""Which files and networks a set of published models consists of, and what stands in for what."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..dependencies import EXTRA_ARCHES
from ..diffusion.priors import PRIORS
from ..features import FEATURES
from ..restorers import RESTORERS
from ..weights.catalogue import WeightFile, weight_file
from ..weights.folders import locate

DEFAULT_RESTORER = "codeformer"
DEFAULT_PRIOR = "guided_diffusion"

STAND_IN_RESTORER = "gfpgan"
"""What makes the coarse face where CodeFormer's package was not installed."""


@dataclass(frozen=True)
class Wanted:
    """One file of a set of models.

    Attributes:
        role: "prior", "restorer" or a feature network's name.
        file: The one that is here; where none is, the one to get.
        path: Where it lies, None where it is missing.
        first: The first choice, which may be another file.
    """

    role: str
    file: WeightFile
    path: Path | None
    first: WeightFile

    @property
    def note(self) -> str:
        """One sentence where a stand-in is used, else nothing."""
        if self.path is None or self.file is self.first:
            return ""
        return (
            f"{self.path.name} is used for {self.role}, since {self.first.file_name} is not here."
        )


def default_restorer() -> tuple[str, str]:
    """Return the restorer that is used where nobody chose one, and a note if it is a stand-in."""
    if EXTRA_ARCHES.is_installed:
        return DEFAULT_RESTORER, ""
    return STAND_IN_RESTORER, (
        f"GFPGAN makes the coarse face, since CodeFormer's package {EXTRA_ARCHES.pip} "
        f"({EXTRA_ARCHES.remark}) is not installed."
    )


def wanted_files(
    folders: Sequence[Path], restorer: str, features: Sequence[str], prior: str | None = None
) -> list[Wanted]:
    """Return the files of a set of models, those that are here and those that are not.

    Args:
        folders: Where they are looked for.
        restorer: Key in `RESTORERS`.
        features: Feature networks by name.
        prior: Key in `PRIORS`; None for the papers' kind.
    """
    roles: dict[str, Sequence[str]] = {
        "prior": PRIORS[prior or DEFAULT_PRIOR].weights,
        "restorer": [name for name in (RESTORERS[restorer].weights,) if name],
        **{name: FEATURES[name].weights for name in features},
    }
    return [_wanted(role, names, folders) for role, names in roles.items() if names]


def _wanted(role: str, names: Sequence[str], folders: Sequence[Path]) -> Wanted:
    """Choose among alternatives: what is here; else the first that can be had without trouble."""
    files = [weight_file(name) for name in names]
    for file in files:
        path = locate(file, folders)
        if path is not None:
            return Wanted(role, file, path, files[0])
    fetchable = next((file for file in files if file.url is not None), files[0])
    return Wanted(role, fetchable, None, files[0])
