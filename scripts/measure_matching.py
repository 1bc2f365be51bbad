"""How often faces of drawn group photos get their own person: python scripts/measure_matching.py.

Writes docs/evidence/matching.csv and matching_thresholds.csv, and prints the cosines of strangers
(`people/error_rates.py`).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from torch import Tensor

from pdgrad_core.alignment import load_yunet
from pdgrad_core.degradations.presets import degrade
from pdgrad_core.embedded import SIZE_PX, demo_weights
from pdgrad_core.evidence.matching import (
    DEGRADATIONS,
    IN_PHOTO,
    PEOPLE,
    REFERENCES,
    STRANGERS,
    Scene,
    Tools,
    cosines_by_degradation,
    matching_table,
    strangers_of,
    threshold_table,
)
from pdgrad_core.evidence.report.tables import write_csv
from pdgrad_core.faces.group import draw_group
from pdgrad_core.faces.identity import sample_identities
from pdgrad_core.faces.people import DRAWN_SEEDS, VIEWS_PER_PERSON
from pdgrad_core.faces.render import render
from pdgrad_core.faces.view import sample_views
from pdgrad_core.features.arcface import load_arcface
from pdgrad_core.images import resize
from pdgrad_core.people import ErrorRates, Person, Portrait, Recognizer, sharpness_of
from pdgrad_core.people.error_rates import CHANCES
from pdgrad_core.restorers import load_restorer

OUT = Path(__file__).parents[1] / "docs" / "evidence"


def portraits(person: int, tools: Tools) -> tuple[Portrait, ...]:
    """Return a person's references."""
    views = [person * VIEWS_PER_PERSON + number for number in range(REFERENCES)]
    who = sample_identities([person] * REFERENCES)
    crops = render(who, sample_views(views), SIZE_PX, parts=False).images
    embeddings = tools.recognizer.embed(crops)
    return tuple(
        Portrait(str(view), crop[None], embedding, None, sharpness_of(crop[None]))
        for view, crop, embedding in zip(views, crops, embeddings, strict=True)
    )


def compared(tools: Tools, people: int) -> dict[str, Tensor]:
    """Return the cosines of drawn people's faces with everybody's references."""
    seeds = [DRAWN_SEEDS["tuning"] + number for number in range(people)]
    views = [seed * VIEWS_PER_PERSON + 500 for seed in seeds]
    faces = render(sample_identities(seeds), sample_views(views), SIZE_PX, parts=False).images
    known = [Person(str(seed), portraits(seed, tools)) for seed in seeds]
    return cosines_by_degradation(tools, faces, known, seeds)


def photo(number: int, face_px: int, degradation: str) -> Scene:
    """Draw a group photo whose portraits have a side of so many pixels."""
    seeds = in_photo(number)
    group = draw_group(seeds, [seed * VIEWS_PER_PERSON + 500 for seed in seeds], 128)
    ratio = face_px / SIZE_PX
    height, width = (round(side * ratio / 2) for side in group.image.shape[-2:])
    image = resize(group.image, height, width, "bicubic").clamp(-1, 1)
    landmarks = (group.landmarks + 0.5) * (ratio / 2) - 0.5
    setting = DEGRADATIONS[degradation]
    if setting is not None:
        image = degrade(image, setting, [number])[0]
    known = [str(seed) for seed in seeds[: IN_PHOTO - STRANGERS]]
    return Scene(image, landmarks, (*known, *[None] * STRANGERS))


def in_photo(number: int) -> list[int]:
    """Return who is on a photo; the last ones are strangers."""
    first = DRAWN_SEEDS["test"] + number * (PEOPLE + STRANGERS)
    known = list(range(first, first + IN_PHOTO - STRANGERS))
    return [*known, *range(first + PEOPLE, first + PEOPLE + STRANGERS)]


def known_in(number: int) -> list[int]:
    """Return who is known where a photo is looked at."""
    first = DRAWN_SEEDS["test"] + number * (PEOPLE + STRANGERS)
    return list(range(first, first + PEOPLE))


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=40, help="of each size and degradation")
    parser.add_argument("--people", type=int, default=400, help="compared for the error rates")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the tables")
    args = parser.parse_args()
    recognizer = Recognizer(load_arcface(demo_weights("arcface")))
    restorer = load_restorer("demo", demo_weights("restorer"))
    tools = Tools(recognizer, restorer, load_yunet(), SIZE_PX)
    cosines = compared(tools, args.people)
    rates = ErrorRates.measured(strangers_of(cosines), CHANCES, "drawn people")
    shown = ", ".join(f"{one:.3f}" for one in rates.cosines)
    sys.stdout.write(f"cosines of strangers at {CHANCES}: {shown}\n")
    recognizer.rates = rates
    args.out.mkdir(parents=True, exist_ok=True)
    write_csv(threshold_table(cosines), args.out / "matching_thresholds.csv")
    people = [
        [Person(str(seed), portraits(seed, tools)) for seed in known_in(number)]
        for number in range(args.photos)
    ]
    rows = matching_table(
        tools,
        lambda face_px, degradation: [
            photo(number, face_px, degradation) for number in range(args.photos)
        ],
        people,
    )
    write_csv(rows, args.out / "matching.csv")


if __name__ == "__main__":
    main()
