"""The extrinsic iteration: a set's targets restored, its originals kept."""

import numpy as np
import pytest
import torch

from pdgrad_core.errors import CorruptCheckpointError, ImageError, InvalidInputError
from pdgrad_core.restorers import Restorer
from pdgrad_core.training import enhance as module
from pdgrad_core.training.dataset import open_faces
from pdgrad_core.training.enhance import enhance


class Brighter(Restorer):
    """Adds 0.1 and a little of its noise; stops after some calls, where told."""

    name, needs_weights, samples = "brighter", False, True

    def __init__(self, calls=1000):
        self.calls = calls

    def _sample(self, degraded, noise, watch, /):
        self.calls -= 1
        if self.calls < 0:
            raise KeyboardInterrupt
        return degraded + 0.1 + 0.05 * noise()


@pytest.fixture
def faces(tmp_path):
    pixels = np.random.default_rng(0).integers(20, 200, (80, 16, 16, 3), dtype=np.uint8)
    np.savez(
        tmp_path / "faces.npz", images=pixels, label=np.arange(80) // 2,
        split=(np.arange(80) >= 70).astype(np.uint8), attributes=np.ones((80, 2), np.float16),
    )  # fmt: skip
    return tmp_path / "faces.npz"


def arrays(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def test_targets_are_restored_and_originals_kept(faces, tmp_path):
    out = tmp_path / "new.npz"
    assert enhance(str(faces), Brighter(), b"", out, 16) == 80
    before, after = arrays(faces), arrays(out)
    assert np.array_equal(after["originals"], before["images"])
    lift = after["images"].astype(float) - before["images"]
    # 0.1 of 2 is 12.75 of 255; the noise's mean vanishes over 61 440 numbers.
    assert lift.mean() == pytest.approx(12.75, abs=0.2)
    assert np.array_equal(after["split"], before["split"])
    assert after["attributes"].shape == (80, 2)
    assert not list(tmp_path.glob("*.partial.npz"))
    batch = open_faces(str(out), 16, "train").first(4)
    assert batch.originals is not None
    assert float((batch.images - batch.originals).mean()) == pytest.approx(0.1, abs=0.01)


def test_a_second_iteration_keeps_the_first_originals(faces, tmp_path):
    once, twice = tmp_path / "once.npz", tmp_path / "twice.npz"
    enhance(str(faces), Brighter(), b"", once, 16)
    enhance(str(once), Brighter(), b"", twice, 16)
    assert np.array_equal(arrays(twice)["originals"], arrays(faces)["images"])
    assert arrays(twice)["images"].mean() > arrays(once)["images"].mean() > 0


def test_an_interrupted_one_continues_exactly(faces, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SAVED_EVERY_S", 0.0)
    whole, broken = tmp_path / "whole.npz", tmp_path / "broken.npz"
    enhance(str(faces), Brighter(), b"1", whole, 16)
    with pytest.raises(KeyboardInterrupt):
        enhance(str(faces), Brighter(calls=2), b"1", broken, 16)
    assert not broken.exists()
    with pytest.raises(CorruptCheckpointError, match="other images or weights"):
        enhance(str(faces), Brighter(), b"2", broken, 16)
    last = Brighter()
    enhance(str(faces), last, b"1", broken, 16)
    assert 1000 - last.calls == 1  # 64 of 80 were done
    assert np.array_equal(arrays(broken)["images"], arrays(whole)["images"])


def test_it_stops_when_its_time_is_over(faces, tmp_path):
    out = tmp_path / "new.npz"
    assert enhance(str(faces), Brighter(), b"", out, 16, minutes=0.0) == 32
    assert not out.exists()
    (tmp_path / "new.partial.npz").write_bytes(b"half a file")
    with pytest.raises(CorruptCheckpointError, match="remove it to start anew"):
        enhance(str(faces), Brighter(), b"", out, 16)


def test_only_the_first_training_pictures(faces, tmp_path):
    out = tmp_path / "new.npz"
    assert enhance(str(faces), Brighter(), b"", out, 16, first=12) == 22
    found = arrays(out)
    assert np.array_equal(found["originals"][:12], arrays(faces)["images"][:12])
    assert found["split"].tolist() == [0] * 12 + [1] * 10
    with pytest.raises(InvalidInputError, match="not 0"):
        enhance(str(faces), Brighter(), b"", out, 16, first=0)


def test_a_folder_becomes_an_array(tmp_path):
    from pdgrad_core.images import save_image

    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(3):
        save_image(torch.full((1, 3, 24, 20), 0.1 * i), folder / f"{i}.png")
    enhance(str(folder), Brighter(), b"", tmp_path / "new.npz", 16)
    found = arrays(tmp_path / "new.npz")
    assert found["images"].shape == (3, 16, 16, 3)
    assert found["label"].tolist() == [-1, -1, -1]


def test_sources_that_cannot_be_enhanced_are_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="draw them into a file first"):
        enhance("drawn", Brighter(), b"", tmp_path / "new.npz", 16)
    with pytest.raises(ImageError, match="there is no"):
        enhance(str(tmp_path / "nowhere"), Brighter(), b"", tmp_path / "new.npz", 16)
