"""The gallery: it shows the commands that its script runs, and the pictures that they made."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from pdgrad_core.images import load_image
from pdgrad_core.masks import check_mask

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("gallery_script", ROOT / "scripts" / "gallery.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_the_page_shows_the_commands_that_made_its_pictures(script):
    ran = {command.format(who="a") for task in script.TASKS.values() for command in task.commands}
    assert set(re.findall(r"^pdgrad restore .*$", PAGE, re.M)) == ran


def test_every_picture_is_shown_and_small(script):
    shown = re.findall(r"\(gallery/(\w+)\.jpg\)", PAGE)
    assert shown == list(script.TASKS)
    sizes = [(ROOT / "docs" / "gallery" / f"{name}.jpg").stat().st_size for name in shown]
    assert sum(sizes) < 400_000


def test_the_damage_is_inside_its_mask(script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script.write_inputs("a", 0)
    true, holes = load_image("a-true.png"), load_image("a-holes.png")
    mask = check_mask((load_image("holes.png")[:, :1] + 1) / 2, 64, 64)
    changed = (true != holes).any(1, keepdim=True)
    assert changed.any()
    assert not (changed & (mask == 0)).any()
    grey = load_image("a-grey.png")
    assert (grey[:, :1] == grey).all()
