"""Run the workflows in a real ComfyUI and photograph them, for the templates and the help pages.

python scripts/picture_workflows.py [NAME ...]; needs a checkout ($COMFYUI_PATH or
~/comfy/ComfyUI), Chromium and playwright. A workflow's picture, of what it began with and what came
out, goes beside it; a node's picture, taken in the first workflow that uses it, or alone where none
does, into js/docs. With names of workflows only those are photographed, and only nodes that have no
picture yet.
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

NOT_RUN = (
    "Method - PDGrad on a photo",
    "Method - PGDiff quality",
    "Mix - Flux inpaints a face",
    "Mix - SDXL refines a face",
    "Mix - a face of Stable Diffusion",
)
"""They need published weights: their pictures show the graph, since no result was seen."""

FOLDER = ("bad_group_photo", "bad_photo")
"""The examples of Load Photos of a Folder."""

WIDTH_PX, LARGEST_BYTES = 1400, 140_000
ROW_PX, GAP_PX, BACKDROP = 320, 8, (32, 32, 32)


def main(names: Sequence[str] = ()) -> None:
    """Photograph every workflow, or those named."""
    checkout = Path(os.environ.get("COMFYUI_PATH", "~/comfy/ComfyUI")).expanduser()
    pack = Path(os.environ.get("PDGRAD_PACK", ROOT))
    seen = {file.stem for file in HELP.glob("*.jpg")} if names else set[str]()
    with tempfile.TemporaryDirectory() as folder:
        host = ComfyUI(checkout, Path(folder) / "base", pack)
        try:
            chosen = names or ordered()
            for name in chosen:
                if name not in NOT_RUN:
                    save(result_of(host, name), ROOT / "workflows" / f"{name}.jpg")
            with open_page(host.url, 2400, 1400) as page:
                for name in chosen:
                    photograph(page, name, seen, Path(folder))
                for kind in sorted({file.stem for file in HELP.glob("*.md")} - seen):
                    photograph_alone(page, kind, Path(folder))
        finally:
            host.stop()


def ordered() -> list[str]:
    """Return the names of all workflows, those that run before those that cannot run here."""
    names = sorted(file.stem for file in (ROOT / "workflows").glob("*.json"))
    return sorted(names, key=lambda name: name in NOT_RUN)


def result_of(host: ComfyUI, name: str) -> Image.Image:
    """Run a workflow and lay what it began with and what it shows side by side."""
    prompt: dict[str, Any] = json.loads((ROOT / "workflows" / "api" / f"{name}.json").read_text())
    run = host.run(prompt)
    shown = [
        draw(node["inputs"]["photo"])
        for node in prompt.values()
        if node["class_type"] == "PDGradLoadPhoto"
    ]
    folder = any(node["class_type"] == "PDGradLoadFolder" for node in prompt.values())
    if folder:
        shown = [*(draw(f"example_{name}.png [temp]") for name in FOLDER), *shown]
    for number, node in prompt.items():
        if node["class_type"] in ("PreviewImage", "SaveImage"):
            images = run.outputs[number]["images"]
            images = images if folder else images[:1]
            shown += [host.image(image).convert("RGB") for image in images]
    return in_rows(
        [picture.resize(fitting(picture.size), Image.Resampling.BICUBIC) for picture in shown]
    )


def draw(file: str) -> Image.Image:
    """Return an example picture of Load Face Photo."""
    name = file.removeprefix("example_").removesuffix(" [temp]")
    return Image.open(ROOT / "js" / "examples" / name).convert("RGB")


def fitting(size: tuple[int, int]) -> tuple[int, int]:
    """Return a picture's size in a row, no wider than the whole."""
    factor = min(ROW_PX / size[1], WIDTH_PX / size[0])
    return round(size[0] * factor), round(size[1] * factor)


def in_rows(pictures: Sequence[Image.Image]) -> Image.Image:
    """Lay pictures in rows of at most the whole width."""
    places: list[tuple[int, int]] = []
    x = y = tallest = widest = 0
    for picture in pictures:
        if x and x + picture.width > WIDTH_PX:
            x, y, tallest = 0, y + tallest + GAP_PX, 0
        places.append((x, y))
        tallest = max(tallest, picture.height)
        widest = max(widest, x + picture.width)
        x += picture.width + GAP_PX
    sheet = Image.new("RGB", (widest, y + tallest), BACKDROP)
    for picture, place in zip(pictures, places, strict=True):
        sheet.paste(picture, place)
    return sheet


def photograph(page: Page, name: str, seen: set[str], folder: Path) -> None:
    """Write pictures of nodes that were not seen yet, and of a graph that cannot run."""
    graph: dict[str, Any] = json.loads((ROOT / "workflows" / f"{name}.json").read_text())
    kinds = {node["type"] for node in graph["nodes"] if node["type"].startswith("PDGrad")}
    if kinds <= seen and name not in NOT_RUN:
        return
    page.load(graph)
    if name not in NOT_RUN:
        page.run()
    shot = folder / "shot.png"
    page.picture(shot)
    if name in NOT_RUN:
        save(Image.open(shot), ROOT / "workflows" / f"{name}.jpg")
    for node in graph["nodes"]:
        kind = node["type"]
        if kind.startswith("PDGrad") and kind not in seen:
            seen.add(kind)
            page.picture(shot, [str(node["id"])])
            save(Image.open(shot), HELP / f"{kind}.jpg")
    sys.stdout.write(f"{name}\n")


def photograph_alone(page: Page, kind: str, folder: Path) -> None:
    """Write a picture of a node that no workflow uses, as it is when it was just added."""
    page.page.evaluate(
        """(kind) => {
          window.app.graph.clear();
          const node = window.LiteGraph.createNode(kind);
          node.pos = [100, 100];
          window.app.graph.add(node);
        }""",
        kind,
    )
    shot = folder / "shot.png"
    page.picture(shot)
    save(Image.open(shot), HELP / f"{kind}.jpg")
    sys.stdout.write(f"{kind}\n")


def save(shot: Image.Image, target: Path) -> None:
    """Write a JPEG of at most `LARGEST_BYTES`."""
    picture = shot.convert("RGB")
    picture.thumbnail((WIDTH_PX, WIDTH_PX))
    for quality in (85, 70, 55, 40):
        picture.save(target, quality=quality, optimize=True)
        if target.stat().st_size <= LARGEST_BYTES:
            return


if __name__ == "__main__":
    main(sys.argv[1:])
