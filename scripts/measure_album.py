"""Memory and time of a long album: python scripts/measure_album.py.

Draws photos of one or two faces, restores them with the smallest settings, and writes a line for
every fifty photos to docs/evidence/album_length.csv: the process's memory and its time per photo.
"""

from __future__ import annotations

import argparse
import csv
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

from pdgrad_core.albums import AlbumChoices, AlbumJob
from pdgrad_core.albums.progress import Progress
from pdgrad_core.allocator import keep_freed_memory
from pdgrad_core.faces.group import draw_group
from pdgrad_core.faces.identity import sample_identities
from pdgrad_core.faces.people import DRAWN_SEEDS, VIEWS_PER_PERSON
from pdgrad_core.faces.render import render
from pdgrad_core.faces.view import sample_views
from pdgrad_core.images import save_image
from pdgrad_core.models.sets import load_model_set
from pdgrad_core.settings import Settings

OUT = Path(__file__).parents[1] / "docs" / "evidence" / "album_length.csv"
EVERY, PEOPLE, FACE_PX = 50, 3, 64


def draw(root: Path, photos: int) -> None:
    """Draw the album and two references of each person."""
    seeds = [DRAWN_SEEDS["test"] + number for number in range(PEOPLE)]
    for seed in seeds:
        views = sample_views([seed * VIEWS_PER_PERSON, seed * VIEWS_PER_PERSON + 1])
        crops = render(sample_identities([seed, seed]), views, 64, parts=False).images
        for number, crop in enumerate(crops):
            save_image(crop[None], root / "people" / str(seed) / f"{number}.png")
    for number in range(photos):
        here = [seeds[(number + i) % PEOPLE] for i in range(1 + number % 2)]
        views = [seed * VIEWS_PER_PERSON + 2 + number % (VIEWS_PER_PERSON - 2) for seed in here]
        save_image(draw_group(here, views, FACE_PX).image, root / "scans" / f"{number:05d}.png")


def memory_mb() -> float:
    """Return the process's resident memory now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


class Watch:
    """Notes memory and time after each photo.

    The time is the processor's: what other programs of the machine take is none of ours.
    """

    def __init__(self, total: int) -> None:
        self.total, self.rows = total, [["photos", "cpu_seconds_per_photo", "memory_mb"]]
        self._last, self._faces = time.process_time(), 0

    def __call__(self, progress: Progress) -> None:
        """Be told of a photo."""
        if progress.done % EVERY:
            return
        now = time.process_time()
        row = [str(progress.done), f"{(now - self._last) / EVERY:.3f}", f"{memory_mb():.0f}"]
        self._last = now
        self.rows.append(row)
        sys.stdout.write(", ".join(row) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    keep_freed_memory()
    models, watch = load_model_set("demo"), Watch(args.photos)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        draw(root, args.photos)
        job = AlbumJob(
            scans=root / "scans",
            out=root / "out",
            people=root / "people",
            models=models,
            settings=Settings(steps=1, tau=100),
            choices=AlbumChoices(turns=False, tiles=False),
            faces_at_once=4,
            tell=watch,
        )
        album = job.open()
        try:
            found = album.run()
        finally:
            album.work.close()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with args.out.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(watch.rows)
    seconds = [float(row[1]) for row in watch.rows[1:]]
    half = len(seconds) // 2
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"{found.restored} restored, {len(found.failed)} failed; first half "
        f"{statistics.median(seconds[:half]):.3f} s a photo, second half "
        f"{statistics.median(seconds[half:]):.3f} s; peak {peak:.0f} MB\n"
    )


if __name__ == "__main__":
    main()
