"""Draw the example pictures for the page's previews: python scripts/picture_examples.py."""

from __future__ import annotations

import sys
from pathlib import Path

from pdgrad_core.faces.examples import EXAMPLES, draw_example
from pdgrad_core.images import save_image

TARGET = Path(__file__).parents[1] / "js" / "examples"


def main(target: Path) -> None:
    """Write every example as a PNG of its name."""
    target.mkdir(parents=True, exist_ok=True)
    for name in EXAMPLES:
        save_image(draw_example(name).image, target / f"{name.replace(' ', '_')}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
