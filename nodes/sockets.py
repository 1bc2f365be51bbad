"""What travels on the pack's own wires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from torch import Tensor

if TYPE_CHECKING:
    from ..pdgrad_core.alignment.align import AlignedFace
    from ..pdgrad_core.diffusion.priors import LoadedPrior as CorePrior
    from ..pdgrad_core.diffusion.sampler import ContractionFn, Record
    from ..pdgrad_core.features.base import FeatureNetwork
    from ..pdgrad_core.people import Guide
    from ..pdgrad_core.restorers.base import Restorer

PriorIO = io.Custom("PDG_PRIOR")
RestorerIO = io.Custom("PDG_RESTORER")
FeaturesIO = io.Custom("PDG_FEATURES")
LossIO = io.Custom("PDG_LOSS")
GuidanceIO = io.Custom("PDG_GUIDANCE")
ContractionIO = io.Custom("PDG_CONTRACTION")
FacesIO = io.Custom("PDG_FACES")
TraceIO = io.Custom("PDG_TRACE")
PeopleIO = io.Custom("PDG_PEOPLE")
GuidesIO = io.Custom("PDG_GUIDES")

Patcher = Any
"""The host's ModelPatcher: it counts a network's memory, moves it and evicts it."""


@dataclass(frozen=True)
class LoadedPrior:
    """PDG_PRIOR: a prior, and the host's handle on its network.

    Attributes:
        prior: The prior.
        patcher: The host's handle.
        notes: A sentence for what was asked of it and the device cannot do.
    """

    prior: CorePrior
    patcher: Patcher
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadedRestorer:
    """PDG_RESTORER: a restorer, and the host's handle on its network, if it has one."""

    restorer: Restorer
    patcher: Patcher | None = None


@dataclass(frozen=True)
class LoadedFeatures:
    """PDG_FEATURES: feature networks by name ("arcface", "vgg"), and the host's handles on them.

    Attributes:
        networks: The networks.
        patchers: The host's handles.
        notes: As of `LoadedPrior`.
    """

    networks: dict[str, FeatureNetwork]
    patchers: tuple[Patcher, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Placement:
    """PDG_FACES: the faces cut out of a batch of photos, with the way back.

    Attributes:
        faces: For each photo, its faces in the order of the crops.
        size: Height and width of the photos, pixels.
    """

    faces: tuple[tuple[AlignedFace, ...], ...]
    size: tuple[int, int]

    @property
    def count(self) -> int:
        """Number of faces on all photos."""
        return sum(len(faces) for faces in self.faces)


@dataclass(frozen=True)
class LoadedContraction:
    """PDG_CONTRACTION: filters on x0hat, applied in order, with the networks they need.

    Attributes:
        filters: Callables `(x0hat, context) -> x0hat`.
        patchers: The host's handles on their networks.
    """

    filters: Sequence[ContractionFn]
    patchers: tuple[Patcher, ...] = ()


@dataclass(frozen=True)
class Trace:
    """PDG_TRACE: what `SampleResult.trace` holds, one row per step."""

    rows: list[Record]

    @classmethod
    def on_cpu(cls, rows: Sequence[Record]) -> Trace:
        """Return a trace whose numbers hold no memory of the device."""
        return cls(
            [
                {
                    name: value.detach().cpu() if isinstance(value, Tensor) else value
                    for name, value in row.items()
                }
                for row in rows
            ]
        )


@dataclass(frozen=True, eq=False)
class PersonPhotos:
    """Somebody who may be on the photos.

    Attributes:
        name: As the user wrote it.
        photos: Each `(1, 3, H, W)` in [-1, 1], of any size.
        landmarks: Of each photo's face, as text; None where it is to be found.
        weight: See `Person`.
    """

    name: str
    photos: tuple[Tensor, ...]
    landmarks: tuple[str | None, ...]
    weight: float = 1.0


KnownPeople = tuple[PersonPhotos, ...]
"""PDG_PEOPLE."""


@dataclass(frozen=True, eq=False)
class Guides:
    """PDG_GUIDES: what guides each of the faces that were matched, in the order of the crops.

    An unknown face has one reference, of weight 0.
    """

    faces: tuple[Guide, ...]
