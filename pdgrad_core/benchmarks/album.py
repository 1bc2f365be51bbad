"""Albums: faces of several photos restored together, against photo by photo."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..albums import AlbumJob
from ..devices import peak_memory_bytes
from ..errors import InvalidInputError
from ..faces.group import draw_group
from ..faces.identity import sample_identities
from ..faces.people import DRAWN_SEEDS, VIEWS_PER_PERSON
from ..faces.render import render
from ..faces.view import sample_views
from ..images import save_image
from ..models.sets import ModelSet
from ..settings import Settings

FACES = (1, 2, 3)
"""Faces of the drawn photos, in turn."""

_SIZE_PX = 64


def benchmark_album(
    models: ModelSet, settings: Settings, photos: int = 12, people: int = 4, together: int = 8
) -> dict[str, Any]:
    """Restore a drawn album twice, and time its parts.

    Args:
        models: With ArcFace among the features.
        settings: The method.
        photos: Number of drawn photos, 2 or more.
        people: Number of known people, 3 or more; each has two reference photos.
        together: Faces restored together in the second run.

    Returns:
        Seconds and processor seconds of looking at a photo; for "one by one" and "together", in
        "rows", those of a face, and the faces of an hour; the "gain" of the second in seconds; peak
        memory in MB. On a machine that does other work too, the processor's seconds count.
    """
    if photos < 2 or people < max(FACES) or together < 2:
        raise InvalidInputError(
            f"An album's benchmark takes at least 2 photos, {max(FACES)} people and 2 faces "
            f"together, not {photos}, {people} and {together}."
        )
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        _draw(root, photos, people)
        job = AlbumJob(root / "scans", root / "out", root / "people", models, settings)
        seconds, processor, _ = _seconds(replace(job, out=root / "looked"), dry=True)
        looking = (seconds / photos, processor / photos)
        rows: dict[str, Any] = {}
        for label, limit in (("one by one", 1), ("together", together)):
            out = root / label
            # Both find everything looked at; only restoring, pasting and writing is timed.
            _seconds(replace(job, out=out), dry=True)
            seconds, processor, faces = _seconds(replace(job, out=out, faces_at_once=limit))
            rows[label] = {
                "faces_at_once": limit,
                "seconds_per_face": seconds / faces,
                "processor_seconds_per_face": processor / faces,
                "faces_per_hour": 3600 * faces / seconds,
            }
    alone, batched = (rows[label]["seconds_per_face"] for label in ("one by one", "together"))
    return {
        "photos": photos,
        "looking_seconds_per_photo": looking[0],
        "looking_processor_seconds_per_photo": looking[1],
        "rows": rows,
        "gain": alone / batched,
        "peak_memory_mb": peak_memory_bytes(models.device) / 1e6,
    }


def _seconds(job: AlbumJob, dry: bool = False) -> tuple[float, float, int]:
    """Return how long a run takes, the processor's time, and how many faces it had."""
    album = job.open()
    try:
        began, processor = time.perf_counter(), time.process_time()
        found = album.run(dry)
        seconds, processor = time.perf_counter() - began, time.process_time() - processor
        return seconds, processor, sum(len(one.look) for one in found.records)
    finally:
        album.work.close()


def _draw(root: Path, photos: int, people: int) -> None:
    seeds = [DRAWN_SEEDS["test"] + number for number in range(people)]
    for seed in seeds:
        who = sample_identities([seed, seed])
        views = sample_views([seed * VIEWS_PER_PERSON, seed * VIEWS_PER_PERSON + 1])
        for number, image in enumerate(render(who, views, _SIZE_PX, parts=False).images):
            save_image(image[None], root / "people" / str(seed) / f"{number}.png")
    for number in range(photos):
        count = FACES[number % len(FACES)]
        here = [seeds[(number + i) % people] for i in range(count)]
        views = [seed * VIEWS_PER_PERSON + 500 + number for seed in here]
        image = draw_group(here, views, 2 * _SIZE_PX).image
        save_image(image, root / "scans" / f"{number:04d}.png")
