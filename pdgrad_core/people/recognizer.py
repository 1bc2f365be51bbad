"""Who a face looks like to an identity network, from the face itself and its coarse restoration."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from ..features.arcface import ArcFace
from ..images import check_finite
from .error_rates import ErrorRates, rates_of, trained_here

_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Probes:
    """The faces of photos as the identity network sees them.

    Attributes:
        own: Of the faces themselves, `(N, D)` of unit length.
        coarse: Of their coarse restorations, the same; None where there are none.
    """

    own: Tensor
    coarse: Tensor | None = None

    def __len__(self) -> int:
        return len(self.own)

    @cached_property
    def joined(self) -> Tensor:
        """Return one embedding for each face, `(N, D)` of unit length.

        A coarse restoration tells more of a badly degraded face and less of a good one; on drawn
        people the sum of both is near the better one everywhere (`docs/evidence/matching.csv`), on
        photos, with a small restorer, up to 9 of 100 faces behind the face alone
        (`matching_lfw.csv`).
        """
        return self.own if self.coarse is None else F.normalize(self.own + self.coarse, dim=1)

    def select(self, rows: Sequence[int]) -> "Probes":
        """Return some of the faces."""
        return Probes(
            self.own[list(rows)], None if self.coarse is None else self.coarse[list(rows)]
        )


class Recognizer:
    """Embeds aligned faces for comparing people.

    Args:
        arcface: The identity network. A published one is shown what its own template covers,
            whatever it is shown when it guides: that is what it was trained on.
        rates: Its error rates; None for what is known of it.
    """

    def __init__(self, arcface: ArcFace, rates: ErrorRates | None = None) -> None:
        self.rates = rates or rates_of(arcface)
        # A copy shares the weights; how it crops is its own.
        self.arcface = copy.copy(arcface)
        self.arcface.template_crop = not trained_here(arcface)

    def embed(self, crops: Tensor) -> Tensor:
        """Return embeddings `(N, D)` of unit length, on the CPU, of faces `(N, 3, S, S)`.

        Raises:
            NonFiniteError: The network gave NaN or infinite values.
        """
        module = self.arcface.module
        home = crops if module is None else next(module.parameters(), crops)
        found = [
            self.arcface.embed(part.to(home.device, torch.float32)).cpu()
            for part in crops.split(_AT_ONCE)
        ]
        embeddings = torch.cat(found).float()
        check_finite(embeddings, "The identity of a face", "check the identity network's weights")
        return F.normalize(embeddings, dim=1)

    def probe(self, crops: Tensor, coarse: Tensor | None = None) -> Probes:
        """Return what tells who the faces are.

        Args:
            crops: Aligned faces, `(N, 3, S, S)` in [-1, 1].
            coarse: Their coarse restorations, the same shape; None where there are none.
        """
        return Probes(self.embed(crops), None if coarse is None else self.embed(coarse))
