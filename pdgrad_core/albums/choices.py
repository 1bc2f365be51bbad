"""What a user may choose for an album, beside the method."""

import hashlib
import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from ..parameters import Param, check_parameters
from ..people.error_rates import FALSE_ACCEPT, ErrorRates

Unknown = Literal["restore", "leave"]

UNKNOWN: tuple[Unknown, ...] = ("restore", "leave")


@dataclass(frozen=True)
class AlbumChoices:
    """How faces are found, and what becomes of those of nobody known.

    Attributes:
        unknown: "restore" faces of nobody known without a reference, or "leave" them alone.
        false_accept: Chance that a stranger is taken for anybody.
        smallest_px: Shorter side of the smallest face's box that is restored.
        threshold: Lowest score of what is taken for a face.
        tiles: Whether large photos are looked at in parts too, for small faces.
        turns: Whether photos in which nothing is found are looked at on their sides.

    Raises:
        InvalidInputError: A value out of range.
    """

    unknown: Annotated[Unknown, Param(choices=UNKNOWN)] = "restore"
    false_accept: Annotated[float, Param(1e-5, 0.5)] = FALSE_ACCEPT
    smallest_px: Annotated[int, Param(8, 2000, 1, "px")] = 24
    threshold: Annotated[float, Param(0.0, 1.0)] = 0.97
    tiles: bool = True
    turns: bool = True

    def __post_init__(self) -> None:
        check_parameters(type(self), vars(self))

    def cosine(self, rates: ErrorRates | None, people: int) -> float:
        """Return the cosine that makes a face somebody's; 1 where faces are not compared."""
        return 1.0 if rates is None else rates.threshold(self.false_accept, max(1, people))


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a JSON-ready value."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
