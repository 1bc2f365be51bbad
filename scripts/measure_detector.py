"""Count what the small detector finds: faces in drawn groups, or in the pictures of folders.

    python scripts/measure_detector.py
    python scripts/measure_detector.py FOLDER...

For drawn groups the people are known: how many were found, how many were found where nobody is, and
how far the five landmarks are off, in per cent of the distance between the eyes.
"""

import argparse
import logging
from pathlib import Path

import torch

from pdgrad_core.alignment import load_yunet
from pdgrad_core.faces.group import draw_group
from pdgrad_core.images import load_image, resize

GROUPS, PERSONS = 20, 4
ENDINGS = {".png", ".jpg", ".jpeg", ".webp"}


def main() -> None:
    """Read the arguments and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, help="pictures; drawn groups if none")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    if args.folders:
        count_in_folders(args.folders)
    else:
        for size, factor in ((128, 1.0), (128, 0.5), (64, 1.0), (64, 0.5)):
            measure_groups(size, factor)


def count_in_folders(folders: list[Path]) -> None:
    """Print the number of faces in each picture."""
    detector = load_yunet()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in ENDINGS:
                faces = detector(load_image(path))
                surest = f", surest {faces[0].score:.3f}" if faces else ""
                print(f"{path}: {len(faces)}{surest}")


def measure_groups(size: int, factor: float) -> None:
    """Print a line about groups whose portraits are `size` px wide, shrunk by `factor`."""
    detector = load_yunet()
    found, extra, errors = 0, 0, []
    for group in range(GROUPS):
        seeds = [PERSONS * group + one for one in range(PERSONS)]
        drawn = draw_group(seeds, seeds, size)
        height, width = (round(side * factor) for side in drawn.image.shape[-2:])
        photo = resize(drawn.image, height, width)
        truth = (drawn.landmarks + 0.5) * factor - 0.5
        faces = detector(photo)
        matched = 0
        for points in truth:
            between_eyes = float((points[0] - points[1]).norm())
            apart = [(torch.from_numpy(one.landmarks) - points).norm(dim=1).mean() for one in faces]
            if apart and float(min(apart)) < between_eyes / 2:
                matched += 1
                errors.append(float(min(apart)) / between_eyes)
        found, extra = found + matched, extra + len(faces) - matched
    error = 100 * sum(errors) / max(1, len(errors))
    print(
        f"portraits of {size * factor:.0f} px: {found} of {GROUPS * PERSONS} found, {extra} where "
        f"nobody is, landmarks off by {error:.1f}% of the eyes' distance"
    )


if __name__ == "__main__":
    main()
