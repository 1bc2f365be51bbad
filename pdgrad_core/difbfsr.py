"""DifBFSR as data: its contraction's numbers, and building it for a batch of aligned faces."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor

from .contractions.difbfsr import DifBFSR
from .contractions.filters import low_resolution
from .diffusion.noise import per_image_generators
from .errors import InvalidInputError, SamplingStopped
from .images import MIN_SIDE_PX

SCALE = 4
"""The method's own scale: y is so many times smaller than the face."""

CONTRACTION: Mapping[str, Any] = {"fit": "before", "until": 150}
"""Parameters of the `difbfsr` contraction in the recipes."""

_SEEDS: int = 0x5EED_0000_0000
"""Added to an image's seed, so that its networks' weights are not its noise."""


class Chosen(Protocol):
    """What a user may choose; None takes the recipe's own value."""

    @property
    def scale(self) -> int | None:
        """How many times smaller than the face y is."""
        ...

    @property
    def fit(self) -> str | None:
        """When the networks are fitted, "before" sampling or "along" it."""
        ...


def fitted_contraction(
    values: Mapping[str, Any] | None,
    degraded: Tensor,
    seeds: Sequence[int],
    chosen: Chosen,
    should_stop: Callable[[], bool] | None = None,
) -> DifBFSR | None:
    """Return the contraction towards each face's own enlargement, fitted unless that comes along.

    Args:
        values: Parameters of `DifBFSR`; None for no contraction.
        degraded: Aligned faces enlarged to the prior's size, `(B, 3, H, W)` in [-1, 1].
        seeds: One per face.
        chosen: The user's choices.
        should_stop: Asked before each update of the networks.

    Raises:
        InvalidInputError: The scale does not divide the faces' sides, or leaves too little of them.
        SamplingStopped: `should_stop` said so.
    """
    if values is None:
        return None
    scale = SCALE if chosen.scale is None else chosen.scale
    height, width = degraded.shape[-2:]
    if scale < 1 or height % scale or width % scale or min(height, width) // scale < MIN_SIDE_PX:
        raise InvalidInputError(
            f"The scale must divide the face's {width}x{height} pixels and leave at least "
            f"{MIN_SIDE_PX}, not {scale}."
        )

    def stop_if_asked(_done: int, _total: int) -> None:
        if should_stop is not None and should_stop():
            raise SamplingStopped("The restoration was stopped while its enlargement was fitted.")

    options: dict[str, Any] = {**values, "scale": scale}
    if chosen.fit is not None:
        options["fit"] = chosen.fit
    generators = per_image_generators([_SEEDS + seed for seed in seeds])
    contraction = DifBFSR(low_resolution(degraded, scale), generators=generators, **options)
    contraction.prepare(stop_if_asked)
    return contraction
