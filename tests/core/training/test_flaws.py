"""A training set with a known share of flawed targets."""

import numpy as np
import pytest

from pdgrad_core.errors import ImageError, InvalidInputError
from pdgrad_core.training.dataset import open_faces
from pdgrad_core.training.flaws import FLAWS, spoil


@pytest.fixture
def faces(tmp_path):
    # Smooth pictures with an edge: each flaw changes them.
    ramp = np.linspace(40, 200, 32)
    picture = np.where(np.arange(32)[:, None, None] > 15, ramp[None, :, None], 90.0)
    pixels = np.repeat(np.broadcast_to(picture, (32, 32, 3))[None], 100, axis=0).astype(np.uint8)
    split = (np.arange(100) >= 80).astype(np.uint8)
    np.savez(tmp_path / "faces.npz", images=pixels, label=np.arange(100) // 2, split=split)
    return tmp_path / "faces.npz"


def arrays(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def test_the_set_says_which_targets_are_flawed_and_nothing_else_changes(faces, tmp_path):
    out = tmp_path / "flawed.npz"
    assert spoil(faces, out, 0.15) == 12  # of 80
    before, after = arrays(faces), arrays(out)
    changed = (before["images"] != after["images"]).any((1, 2, 3))
    assert np.array_equal(changed, after["flaw"] > 0)
    assert not changed[80:].any()
    assert np.array_equal(before["label"], after["label"])
    assert set(after["flaw"]) <= set(range(len(FLAWS) + 1))
    assert len(open_faces(str(out), 32, "train").first(80).images) == 80


def test_the_same_seed_gives_the_same_set_and_another_another(faces, tmp_path):
    one, two, other = (tmp_path / f"{name}.npz" for name in "abc")
    spoil(faces, one, 0.5, seed=3)
    spoil(faces, two, 0.5, seed=3)
    spoil(faces, other, 0.5, seed=4)
    assert np.array_equal(arrays(one)["images"], arrays(two)["images"])
    assert not np.array_equal(arrays(one)["flaw"], arrays(other)["flaw"])
    assert set(arrays(one)["flaw"]) == {0, 1, 2, 3}


def test_all_or_none(faces, tmp_path):
    assert spoil(faces, tmp_path / "none.npz", 0.0) == 0
    assert spoil(faces, tmp_path / "all.npz", 1.0) == 80


def test_what_cannot_be_spoiled_is_refused(faces, tmp_path):
    with pytest.raises(InvalidInputError, match="0 to 1, not"):
        spoil(faces, tmp_path / "out.npz", 1.5)
    with pytest.raises(ImageError, match="cannot be read"):
        spoil(tmp_path / "nothing.npz", tmp_path / "out.npz")
    enhanced = tmp_path / "enhanced.npz"
    columns = arrays(faces)
    np.savez(enhanced, originals=columns["images"], **columns)
    with pytest.raises(InvalidInputError, match="has been enhanced"):
        spoil(enhanced, tmp_path / "out.npz")
    assert not (tmp_path / "out.npz").exists()
