"""Many photos, one paster: ParseNet is loaded once, and only where it is needed."""

import gc
import weakref

import pytest
import torch
from waves import wave_photo

from pdgrad_core import photos
from pdgrad_core.alignment import PasteSettings, align_face, face_from_landmarks, take_as_aligned
from pdgrad_core.alignment.face import template


class Parser:
    def __call__(self, crop):
        return torch.ones(1, 1, *crop.shape[-2:])


@pytest.fixture
def loaded(monkeypatch, tmp_path):
    """Each parser that was loaded, as long as somebody holds it."""
    found = []

    def load(path, device):
        parser = Parser()
        found.append(weakref.ref(parser))
        return parser

    monkeypatch.setattr(photos, "load_parser", load)
    monkeypatch.setattr(photos, "locate", lambda file, folders: tmp_path)
    return found


def one_photo():
    photo = wave_photo(160, 160)
    points = template(5, 120) + 20.0
    face = align_face(photo, face_from_landmarks(points, 160, 160), 64)
    return photo, [face], face.crop * 0.9


def test_the_parser_is_loaded_once_and_freed_with_the_paster(loaded):
    paster = photos.FacePaster()
    results = [paster(*one_photo()) for _ in range(3)]
    assert len(loaded) == 1 and loaded[0]() is not None
    assert torch.equal(results[0], photos.put_back(*one_photo()))
    del paster
    gc.collect()
    assert loaded[0]() is None


def test_nothing_is_loaded_for_whole_crops_and_aligned_faces(loaded):
    photos.FacePaster(settings=PasteSettings("crop"))(*one_photo())
    photo = wave_photo(64, 64)
    photos.FacePaster()(photo, [take_as_aligned(photo, 64)], photo)
    assert not loaded
