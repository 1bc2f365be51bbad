"""How alike strangers look to an identity network, and the threshold that follows from it."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ..errors import InvalidInputError
from ..features.arcface import ArcFace, IResNetArcFace
from ..parameters import Param

FALSE_ACCEPT = 0.05
"""Default chance that a stranger is taken for anybody among the known people."""

FALSE_ACCEPTS = Param(1e-5, 0.5, 1e-4, tooltip="Chance that a stranger is taken for somebody known")


@dataclass(frozen=True)
class ErrorRates:
    """Cosines that two pictures of different people exceed with known chances.

    Attributes:
        chances: Falling, each between 0 and 1.
        cosines: Rising, one for each chance. Where there is one alone, it is the threshold whatever
            chance is asked for.
        source: Where the numbers are from.
    """

    chances: tuple[float, ...]
    cosines: tuple[float, ...]
    source: str

    @classmethod
    def measured(cls, strangers: Tensor, chances: tuple[float, ...], source: str) -> "ErrorRates":
        """Return the rates of a sample.

        Args:
            strangers: Cosines of pairs of different people, `(N,)`.
            chances: Falling; the least should leave some of the N beyond it.
            source: What was compared.
        """
        values = strangers.double().numpy()
        cosines = np.quantile(values, [1 - chance for chance in chances])
        return cls(chances, tuple(float(one) for one in cosines), source)

    def threshold(self, false_accept: float, people: int = 1) -> float:
        """Return the cosine that a face has to exceed to be somebody's.

        Args:
            false_accept: Chance, from 1e-5 to 0.5, that a stranger is taken for anybody.
            people: How many people each face is compared with: the chance is shared out.

        Raises:
            InvalidInputError: A chance out of range.
        """
        FALSE_ACCEPTS.check("false_accept", false_accept)
        if people < 1:
            raise InvalidInputError(f"A face is compared with one person or more, not {people}.")
        if len(self.cosines) == 1:
            return self.cosines[0]
        # Each comparison has the same chance, and strangers' cosines are nearly independent.
        single = 1 - (1 - false_accept) ** (1 / people)
        return self._cosine_at(single)

    def chance(self, cosine: float) -> float | None:
        """Return how often a stranger is at least this alike; None where it was not measured."""
        if len(self.cosines) == 1:
            return None
        logs = np.log10(self.chances)
        if cosine > self.cosines[-1]:
            return self.chances[-1]
        return float(10 ** np.interp(cosine, self.cosines, logs))

    def _cosine_at(self, chance: float) -> float:
        """Return the cosine of a chance, on the line beyond the last two where none was measured.

        Cosines of strangers are nearly normal, so against the logarithm of the chance they rise
        ever more slowly, and the line errs on the side of a higher threshold.
        """
        logs = -np.log10(self.chances)
        wanted = -float(np.log10(chance))
        if wanted <= logs[-1]:
            return float(np.interp(wanted, logs, self.cosines))
        slope = (self.cosines[-1] - self.cosines[-2]) / (logs[-1] - logs[-2])
        return min(0.99, float(self.cosines[-1] + slope * (wanted - logs[-1])))


CHANCES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001)

DRAWN = ErrorRates(
    CHANCES,
    (-0.005, 0.147, 0.231, 0.303, 0.384, 0.440, 0.492, 0.554, 0.595, 0.637, 0.686, 0.716),
    "drawn people, the embedded identity network",
)
"""Measured by scripts/measure_matching.py (`docs/evidence/matching.csv`)."""

PUBLISHED = ErrorRates(
    (0.001,),
    (0.28,),
    "insightface's own example takes two faces for one person from 0.28; not measured here",
)
"""Of the published networks: no weights of theirs were at hand when this was written.

Source: deepinsight/insightface, web-demos/src_recognition/main.py.
"""

_OWN_SIZE_PX = 112
"""Smaller networks are those that `scripts/train.py` makes, of whole aligned faces."""


def trained_here(arcface: ArcFace) -> bool:
    """Return whether a network is of the kind that this project trains."""
    return isinstance(arcface, IResNetArcFace) and arcface.image_size < _OWN_SIZE_PX


def rates_of(arcface: ArcFace) -> ErrorRates:
    """Return the error rates that are known of a network."""
    return DRAWN if trained_here(arcface) else PUBLISHED
