"""The faces of a study: truth, reference, what is degraded, and the pictures that rows share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..degradations import Degradation, Preset, degrade
from ..diffusion.noise import PerImageNoise, per_image_generators
from ..faces.people import Pairs
from ..images import resize
from ..models.sets import ModelSet
from ..recipes import GuideImages, Job

CASE_SEEDS = 10_000
"""Between the seeds of a face's degradations in one case and the next."""


@dataclass(frozen=True)
class Degree:
    """One way in which a study degrades its faces.

    Attributes:
        name: In file names and tables.
        cases: Gives, for the faces' side in pixels, what every face is put through: each case
            makes a degraded picture of each face.
    """

    name: str
    cases: Callable[[int], Sequence[Preset | Degradation]]


@dataclass(frozen=True)
class FaceSet:
    """Degraded faces with what every row is given.

    Attributes:
        name: Of the folder of their results.
        pairs: Truth and references, `(N, 3, S, S)`, repeated for each case.
        low: y as the degradation left it, `(N, 3, h, w)` in [-1, 1].
        degraded: y at the faces' size, `(N, 3, S, S)` in [-1, 1].
        models: What restores them.
        batch: Images at a time.
        seed: Of the first picture's noise; the next pictures take the next numbers.
        cases: Number of cases, in equal parts one after the other.
    """

    name: str
    pairs: Pairs
    low: Tensor
    degraded: Tensor
    models: ModelSet
    batch: int
    seed: int = 0
    cases: int = 1

    _known: dict[str, Tensor] = field(default_factory=dict[str, Tensor], repr=False)

    def batches(self) -> Sequence[Tensor]:
        """Return the faces' numbers, `(B,)` for each batch."""
        return torch.arange(len(self.pairs)).split(self.batch)

    def picture(self, picture: "Picture") -> Tensor:
        """Return a picture of every face, `(N, 3, S, S)` on the CPU; what was made once is kept."""
        if picture.name not in self._known:
            parts = [picture.paint(self, which).cpu() for which in self.batches()]
            self._known[picture.name] = torch.cat(parts)
        return self._known[picture.name]

    def on_device(self, picture: "Picture", which: Tensor) -> Tensor:
        """Return a picture of some of the faces, `(B, 3, S, S)` on the models' device."""
        return self.picture(picture)[which].to(self.models.device)

    def job(self, which: Tensor) -> Job:
        """Return some of the faces as recipes are given them; a face keeps its seed."""
        seeds = [self.seed + int(number) for number in which]
        device = self.models.device
        noise = PerImageNoise(per_image_generators(seeds), self.degraded.shape[1:], device)
        return Job(self.on_device(DEGRADED, which), self.models, seeds, noise)

    def guide_images(self, which: Tensor, y_c: "Picture | None" = None) -> GuideImages:
        """Return what the guidance of some of the faces may look at; y_c is `COARSE` if None."""
        degraded, coarse, reference = (
            self.on_device(picture, which) for picture in (DEGRADED, y_c or COARSE, REFERENCE)
        )
        return GuideImages(degraded, coarse, (reference,))


@dataclass(frozen=True)
class Picture:
    """A picture of each face that rows share: made once for all of them.

    Attributes:
        name: Two pictures of one name are the same.
        paint: Makes it for some of the faces, by their numbers `(B,)`: `(B, 3, S, S)` in [-1, 1].
    """

    name: str
    paint: Callable[[FaceSet, Tensor], Tensor] = field(repr=False, compare=False)


def _restore_coarsely(faces: FaceSet, which: Tensor) -> Tensor:
    restorer = faces.models.restorer
    assert restorer is not None
    return restorer(faces.on_device(DEGRADED, which))


DEGRADED = Picture("degraded", lambda faces, which: faces.degraded[which])
"""y at the faces' size."""

REFERENCE = Picture("reference", lambda faces, which: faces.pairs.reference[which])
"""y_r, another photo of the same person."""

COARSE = Picture("coarse", _restore_coarsely)
"""y_c, what the restorer makes of y."""


def prepare_faces(
    name: str, pairs: Pairs, degree: Degree, models: ModelSet, batch: int, seed: int = 0
) -> FaceSet:
    """Put every face through every case of a degree.

    Args:
        name: Of the set; its size is added, so that a larger one does not meet its results.
        pairs: The faces.
        degree: How they are degraded.
        models: What restores them.
        batch: Images at a time.
        seed: Of the first degradation, and of the first picture's noise.
    """
    side = pairs.truth.shape[-1]
    cases = degree.cases(side)
    low = torch.cat(
        [degrade(pairs.truth, case, seed + CASE_SEEDS * i)[0] for i, case in enumerate(cases)]
    )
    every = Pairs(
        pairs.truth.repeat(len(cases), 1, 1, 1),
        pairs.reference.repeat(len(cases), 1, 1, 1),
        pairs.person.repeat(len(cases)),
    )
    degraded = resize(low, side, side, "bicubic").clamp(-1, 1)
    name = f"{name}-{len(every)}"
    return FaceSet(name, every, low, degraded, models, batch, seed, len(cases))
