"""What a user may choose of pasting."""

from dataclasses import dataclass
from typing import Annotated, Literal

from ..parameters import Param, check_parameters

Outline = Literal["face", "crop"]

OUTLINES: tuple[Outline, ...] = ("face", "crop")

FEATHER_FRACTION = 0.1
"""Default width of the soft edge, of the crop's side."""


@dataclass(frozen=True)
class PasteSettings:
    """How restored faces are laid back into their photo.

    Attributes:
        outline: "face" pastes the face and its hair, "crop" all of the square crop.
        match_colors: Whether each result takes the mean and spread of the colours around it.
        match_grain: Whether each result takes the photo's grain.
        multiband: Whether light and colours pass over a wider edge than details.
        feather_fraction: Width of the soft edge, of the crop's side; 0 is a hard edge, which
            leaves no room for bands.

    Raises:
        InvalidInputError: A value out of range, or no such outline.
    """

    outline: Annotated[
        Outline,
        Param(choices=OUTLINES, tooltip="What is pasted: the face and its hair, or the whole crop"),
    ] = "face"
    match_colors: Annotated[
        bool, Param(tooltip="Fit a pasted face's colours to the photo around it")
    ] = True
    match_grain: Annotated[
        bool, Param(tooltip="Give a pasted face the photo's grain, as measured in flat skin")
    ] = True
    multiband: Annotated[
        bool, Param(tooltip="Blend light and colours over a wider edge than details")
    ] = True
    feather_fraction: Annotated[
        float,
        Param(0.0, 0.5, 0.01, tooltip="Width of the soft edge, of the crop's side", flag="feather"),
    ] = FEATHER_FRACTION

    def __post_init__(self) -> None:
        check_parameters(type(self), vars(self))
