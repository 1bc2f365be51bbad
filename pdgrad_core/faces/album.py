"""A drawn album: group photos in bad condition, and good photos of most who are on them."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ..degradations import Degradation, degrade
from ..errors import WriteError
from ..images import save_image
from .group import draw_group
from .people import DRAWN_SEEDS, VIEWS_PER_PERSON

ALBUM_PEOPLE: Mapping[str, int] = {"anna": 2, "bert": 1, "carl": 2}
"""Known people, and how many good photos there are of each."""

_SCANS: Mapping[str, tuple[int, ...]] = {
    "party.png": (0, 2),
    "1950/garden.png": (1,),
    "1950/three.png": (2, 0, 3),
    "1951/wedding.png": (1, 2),
}
"""Who is on each photo; the last one of the drawn people is a stranger."""

_BAD = Degradation(
    kernel="gaussian", kernel_px=9, sigma_px=(1.0, 1.0), scale=2.0, noise_delta=6.0
)  # fmt: skip


def draw_album(folder: Path) -> list[Path]:
    """Write an album for `pdgrad album`: photos in `scans`, their people in `people`.

    Args:
        folder: Made where it is missing.

    Returns:
        The files.

    Raises:
        WriteError: One of the two folders is there already.
    """
    for name in ("scans", "people"):
        if (folder / name).exists():
            raise WriteError(
                f"{folder / name} is there already; an album is drawn into a folder of its own."
            )
    pictures: dict[str, Tensor] = {}
    for number, (name, photos) in enumerate(ALBUM_PEOPLE.items()):
        for view in range(photos):
            pictures[f"people/{name}/{view + 1}.png"] = _picture((number,), view)
    for number, (name, people) in enumerate(_SCANS.items()):
        good = _picture(people, 500 + number)
        pictures[f"scans/{name}"] = degrade(good, _BAD, [number])[0]
    for name, picture in pictures.items():
        save_image(picture, folder / name)
    return [folder / name for name in pictures]


def _picture(people: tuple[int, ...], view: int) -> Tensor:
    seeds = [DRAWN_SEEDS["test"] + number for number in people]
    return draw_group(seeds, [seed * VIEWS_PER_PERSON + view for seed in seeds]).image
