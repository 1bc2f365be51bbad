"""A folder of photos in a real ComfyUI: restored in one run, or photo by photo from the page."""

import json
from pathlib import Path

import pytest
from browser import CHROMIUM, open_page
from PIL import Image

from pdgrad_core.faces.examples import draw_example
from pdgrad_core.images import save_image

ROOT = Path(__file__).parents[2]
NAME = "Method - PDGrad through a folder"

pytestmark = [pytest.mark.host, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def scans(host):
    """Photos of two sizes in the host's input folder, one in a folder below it."""
    folder = host.folder / "input" / "scans"
    (folder / "summer 1950").mkdir(parents=True)
    picture = draw_example("bad group photo").image
    save_image(picture, folder / "first.png")
    save_image(picture[..., 10:], folder / "summer 1950" / "zoë.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


def prompt(**inputs):
    found = json.loads((ROOT / "workflows" / "api" / f"{NAME}.json").read_text())
    for node in found.values():
        if node["class_type"] == "PDGradRestoreFace":
            node["inputs"] |= {"models": "demo", "steps": 2}
        if node["class_type"] == "PDGradLoadFolder":
            node["inputs"] |= {"folder": "scans", **inputs}
    return found


def written(host):
    """Return the pictures in the host's output folder, with their sizes."""
    folder = host.folder / "output"
    return {
        path.relative_to(folder).as_posix(): Image.open(path).size
        for path in sorted(folder.rglob("*.png"))
    }


def test_a_folder_of_the_users_is_restored_photo_by_photo(host, scans):
    run = host.run(prompt())
    assert run.status == "success", run.message
    width, height = Image.open(scans / "first.png").size
    assert written(host) == {
        "scans/first_00001_.png": (width, height),
        "scans/summer 1950/zoë_00001_.png": (width - 10, height),
    }
    restored = Image.open(host.folder / "output" / "scans" / "first_00001_.png").convert("RGB")
    assert restored.tobytes() != Image.open(scans / "first.png").convert("RGB").tobytes()


def test_one_photo_of_a_folder_and_one_too_many(host, scans):
    before = set(written(host))
    run = host.run(prompt(first_photo=1, how_many=1))
    assert run.status == "success", run.message
    (new,) = set(written(host)) - before
    assert new.startswith("scans/summer 1950/zoë_")
    run = host.run(prompt(first_photo=2, how_many=1))
    assert run.status == "error"
    assert "all are done; set it to 0 to begin again" in run.message


def test_the_page_counts_up_with_every_queued_run(host, scans, tmp_path):
    pytest.importorskip("playwright", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    graph = json.loads((ROOT / "workflows" / f"{NAME}.json").read_text())
    before = set(written(host))
    with open_page(host.url) as page:
        page.load(graph)
        page.page.evaluate(
            """() => {
              const of = (kind) => window.app.graph.nodes.find((one) => one.comfyClass === kind);
              const set = (node, name, value) => {
                node.widgets.find((one) => one.name === name).value = value;
              };
              const folder = of("PDGradLoadFolder");
              set(folder, "folder", "scans");
              set(folder, "how_many", 1);
              set(folder, "control_after_generate", "increment");
              set(of("PDGradRestoreFace"), "models", "demo");
              set(of("PDGradRestoreFace"), "steps", 2);
            }"""
        )
        page.run()
        page.run()
        (folder,) = (
            node for node in page.prompt().values() if node["class_type"] == "PDGradLoadFolder"
        )
        page.picture(tmp_path / "folder.png")
    assert folder["inputs"]["first_photo"] == 2
    new = sorted(set(written(host)) - before)
    assert [name.rsplit("_", 2)[0] for name in new] == ["scans/first", "scans/summer 1950/zoë"]
