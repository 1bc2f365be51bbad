"""Kill `pdgrad album` at random moments: python scripts/measure_kills.py.

A drawn album is worked on by the command itself, killed (SIGKILL) after a random time and started
again, until it has been killed so often, and then ends by itself. Looked at afterwards: every
photo's result is there and whole, none was put in place twice, and no half-written file is left.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from pdgrad_core.faces.group import draw_group
from pdgrad_core.images import save_image

FIRST = 3_000_001


def draw(root: Path, photos: int) -> None:
    """Draw photos of one face each."""
    for number in range(photos):
        person = FIRST + number
        save_image(
            draw_group([person], [person * 1000], 64).image, root / "scans" / f"{number}.png"
        )


def command(root: Path) -> list[str]:
    """Return the command that is killed."""
    words = ["album", str(root / "scans"), "--out", str(root / "out"), "--models", "demo"]
    numbers = ["--steps", "2", "--tau", "100", "--faces-at-once", "1", "--no-turns", "--no-tiles"]
    return [sys.executable, "-m", "pdgrad_core", *words, *numbers]


def times(root: Path) -> dict[str, int]:
    """Return how often each photo was recorded as restored."""
    path = root / "out" / "album.sqlite"
    if not path.is_file():
        return {}
    with sqlite3.connect(path) as base:
        try:
            return dict(base.execute("SELECT path, times FROM photos WHERE times > 0"))
        except sqlite3.DatabaseError:
            return {}


def until_killed(root: Path, longest_s: float, chance: random.Random) -> bool:
    """Work until a random moment, and return whether the program was still at work then."""
    process = subprocess.Popen(
        command(root), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    # The time counts from the first photo that is told of: before it nothing is written.
    process.stdout.readline()
    time.sleep(chance.random() * longest_s)
    alive = process.poll() is None
    process.kill()
    process.communicate()
    return alive


def main() -> None:
    """Kill and look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--photos", type=int, default=80)
    parser.add_argument("--longest", type=float, default=3.0, help="seconds after the first photo")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    chance, killed, done = random.Random(args.seed), 0, 0
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        draw(root, args.photos)
        for _ in range(args.kills):
            killed += until_killed(root, args.longest, chance)
            done = len(times(root))
            sys.stdout.write(f"killed {killed} times, {done} of {args.photos} photos done\n")
            sys.stdout.flush()
        subprocess.run(command(root), check=True, stdout=subprocess.DEVNULL)
        found = times(root)
        for number in range(args.photos):
            with Image.open(root / "out" / f"{number}.png") as picture:
                picture.load()
        left = [path.name for path in (root / "out").rglob(".*")]
        report = {
            "killed_at_work": killed,
            "photos": args.photos,
            "done": len(found),
            "done_twice": sum(count > 1 for count in found.values()),
            "half_written": left,
        }
        sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
