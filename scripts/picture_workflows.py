"""Run the workflows in a real ComfyUI and photograph them, for the templates and the help pages.

python scripts/picture_workflows.py [NAME ...]; needs a checkout ($COMFYUI_PATH or
~/comfy/ComfyUI), Chromium and playwright. A workflow's picture goes beside it, a node's picture,
taken in the first workflow that uses it, into js/docs. With names of workflows only those are
photographed, and only nodes that have no picture yet.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HELP = ROOT / "js" / "docs"
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browser import Page, open_page  # noqa: E402
from comfyui import ComfyUI  # noqa: E402
from PIL import Image  # noqa: E402

NOT_RUN = ("restore_photo", "pgdiff_quality", "sd_face")
ORDER = [
    *(
        "restore_a_face",
        "quick_start",
        "restore_group_photo",
        "prior_in_ksampler",
        "restore_face_with_references",
    ),
    *("pdgrad_against_sum", "ablation", "degradation_study", "upscale_and_compare"),
    *("difbfsr", "difbfsr_with_reference"),
    *("pgdiff_restoration", "pgdiff_reference", "pgdiff_colorization", "pgdiff_inpainting"),
    *("pgdiff_old_photo", "pgdiff_old_photo_surgery"),
    *NOT_RUN,
]
WIDTH_PX, LARGEST_BYTES = 1400, 140_000


def main(names: Sequence[str] = ()) -> None:
    """Photograph every workflow, or those named."""
    checkout = Path(os.environ.get("COMFYUI_PATH", "~/comfy/ComfyUI")).expanduser()
    pack = Path(os.environ.get("PDGRAD_PACK", ROOT))
    seen = {file.stem for file in HELP.glob("*.jpg")} if names else set[str]()
    with tempfile.TemporaryDirectory() as folder:
        host = ComfyUI(checkout, Path(folder) / "base", pack)
        try:
            with open_page(host.url, 2400, 1400) as page:
                for name in names or ORDER:
                    photograph(page, name, seen, Path(folder))
        finally:
            host.stop()


def photograph(page: Page, name: str, seen: set[str], folder: Path) -> None:
    """Write one workflow's picture, and those of nodes that were not seen yet."""
    graph: dict[str, Any] = json.loads((ROOT / "workflows" / f"{name}.json").read_text())
    page.load(graph)
    if name not in NOT_RUN:
        page.run()
    shot = folder / "shot.png"
    page.picture(shot)
    save(shot, ROOT / "workflows" / f"{name}.jpg")
    for node in graph["nodes"]:
        kind = node["type"]
        if kind.startswith("PDGrad") and kind not in seen:
            seen.add(kind)
            page.picture(shot, [str(node["id"])])
            save(shot, HELP / f"{kind}.jpg")
    sys.stdout.write(f"{name}\n")


def save(shot: Path, target: Path) -> None:
    """Write a JPEG of at most `LARGEST_BYTES`."""
    picture = Image.open(shot).convert("RGB")
    picture.thumbnail((WIDTH_PX, WIDTH_PX))
    for quality in (85, 70, 55, 40):
        picture.save(target, quality=quality, optimize=True)
        if target.stat().st_size <= LARGEST_BYTES:
            return


if __name__ == "__main__":
    main(sys.argv[1:])
