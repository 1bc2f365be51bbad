"""Example pictures: a bad photo of a drawn person, a good one, and the same for a group."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from ..errors import InvalidInputError

SIZE_PX = 64
"""Side of a portrait: what the embedded models take."""


@dataclass(frozen=True)
class Example:
    """One example picture.

    Attributes:
        image: `(1, 3, H, W)` RGB in [-1, 1].
        landmarks: A line of five points for each face, px, as the command line and nodes take them.
    """

    image: Tensor
    landmarks: str


def draw_example(name: str) -> Example:
    """Draw an example picture; the same name gives the same pixels.

    Raises:
        InvalidInputError: There is no such example.
    """
    if name not in EXAMPLES:
        raise InvalidInputError(f"There is no example {name!r}; there are {', '.join(EXAMPLES)}.")
    return EXAMPLES[name]()


# What draws is imported when something is drawn: the host's start needs the names only.


def _portrait(person: int, view: int) -> Example:
    from .group import landmarks_text
    from .identity import sample_identities
    from .render import render
    from .view import sample_views

    drawn = render(sample_identities([person]), sample_views([view]), SIZE_PX, parts=False)
    return Example(drawn.images, landmarks_text(drawn.landmarks - 0.5))


def _bad_portrait() -> Example:
    from ..degradations.presets import degrade

    good = _portrait(person=1, view=3)
    return Example(degrade(good.image, "pdgrad", [4])[0], good.landmarks)


def _group(persons: Sequence[int], views: Sequence[int]) -> Example:
    from ..degradations.base import Degradation
    from ..degradations.presets import degrade
    from .group import draw_group, landmarks_text

    blurred = Degradation(
        kernel="gaussian", kernel_px=9, sigma_px=(1.6, 1.6), scale=4.0, noise_delta=6.0
    )
    drawn = draw_group(persons, views, 2 * SIZE_PX)
    return Example(degrade(drawn.image, blurred, [2])[0], landmarks_text(drawn.landmarks))


EXAMPLES: dict[str, Callable[[], Example]] = {
    "bad photo": _bad_portrait,
    "same person": lambda: _portrait(person=1, view=20),
    "bad group photo": lambda: _group((10, 11, 12), (5, 6, 7)),
    "left person of the group": lambda: _portrait(person=10, view=30),
    "right person of the group": lambda: _portrait(person=12, view=31),
}
"""What draws each example, by name."""

EXAMPLE_SIZES = ((SIZE_PX, SIZE_PX), (204, 460))
"""Height and width of the examples, px."""
