"""A small album of drawn people, looked at by the embedded models."""

import shutil

import pytest
import torch
from drawn_album import ANNA, BERT, STRANGER, Remembering, darkened, drawn, portrait

from pdgrad_core.images import save_image


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """The drawn folders, made once: copy what a test changes."""
    root = tmp_path_factory.mktemp("album")
    scans, people = root / "scans", root / "people"
    save_image(drawn([ANNA, BERT]), scans / "1950" / "both.png")
    save_image(drawn([BERT, STRANGER]), scans / "1950" / "guest.png")
    save_image(drawn([ANNA]), scans / "alone.jpg")
    save_image(torch.full((1, 3, 96, 96), 0.2), scans / "wall.png")
    for name, person in (("anna", ANNA), ("bert", BERT)):
        for view in (0, 1):
            save_image(portrait(person, view), people / name / f"{view}.png")
    return root


@pytest.fixture
def folders(pictures, tmp_path):
    """Copies of the drawn folders, to be changed."""
    shutil.copytree(pictures, tmp_path / "album")
    return tmp_path / "album"


@pytest.fixture(scope="session")
def models():
    from pdgrad_core.models.sets import load_model_set

    return load_model_set("demo")


@pytest.fixture(scope="session")
def detector():
    from pdgrad_core.alignment import load_yunet

    return Remembering(load_yunet())


@pytest.fixture(autouse=True)
def one_detector(detector, monkeypatch):
    from pdgrad_core.photos import FaceFinder

    monkeypatch.setattr(FaceFinder, "load_detector", lambda _: detector)


@pytest.fixture
def swift(monkeypatch):
    """Faces take no time to be restored."""
    from pdgrad_core.albums import restoring

    monkeypatch.setattr(restoring, "restore_matched", darkened)
