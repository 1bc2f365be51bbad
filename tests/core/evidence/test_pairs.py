"""Which faces a study sees: held out, paired within a person, degraded by their own seeds."""

import numpy as np
import pytest
import torch

from pdgrad_core.degradations import degrade
from pdgrad_core.errors import ImageError, InvalidInputError
from pdgrad_core.evidence.pairs import DEGREES, stored_pairs
from pdgrad_core.faces.people import DRAWN_PEOPLE, DRAWN_SEEDS, drawn_pairs


def test_drawn_pairs_are_two_views_of_held_out_people():
    pairs = drawn_pairs("test", 2, per_person=2)
    assert pairs.truth.shape == pairs.reference.shape == (4, 3, 64, 64)
    start = DRAWN_SEEDS["test"]
    assert pairs.person.tolist() == [start, start, start + 1, start + 1]
    everything = torch.cat([pairs.truth, pairs.reference])
    assert len(torch.unique(everything.flatten(1), dim=0)) == 8
    second = drawn_pairs("test", 1, first=1)
    assert (second.truth[0] - pairs.truth[2]).abs().mean() < 1e-4  # the renderer's tolerance
    assert not set(drawn_pairs("tuning", 2).person.tolist()) & set(pairs.person.tolist())


def test_there_are_only_so_many_drawn_people():
    with pytest.raises(InvalidInputError, match="1000 drawn tuning persons"):
        drawn_pairs("tuning", 2, first=DRAWN_PEOPLE["tuning"] - 1)


@pytest.fixture
def file(tmp_path):
    """Six held-out people with 1, 2, 3, 4, 5 and 6 pictures, and others that were trained on."""
    label = np.repeat(np.arange(6), np.arange(1, 7))
    label = np.concatenate([label, label + 10, [-1]])
    split = np.concatenate([np.ones(21), np.zeros(21), [1]]).astype(np.uint8)
    # Each picture's first pixel says whose it is.
    images = np.random.default_rng(0).integers(0, 256, (43, 16, 16, 3)).astype(np.uint8)
    images[:, 0, 0, 0] = np.where(label < 0, 255, label)
    path = tmp_path / "faces.npz"
    np.savez(path, images=images, label=label, split=split)
    return path


def people_of(images):
    return ((images[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()


def test_stored_pairs_are_held_out_and_of_one_person(file):
    tuning = stored_pairs(file, "tuning", 2, 16, per_person=3, tuning_people=2)
    test = stored_pairs(file, "test", None, 16, per_person=3, tuning_people=2)
    assert len(set(test.person.tolist())) == 3
    assert not set(tuning.person.tolist()) & set(test.person.tolist())
    for pairs in (tuning, test):
        assert people_of(pairs.truth) == people_of(pairs.reference)
        assert all(1 <= person <= 5 for person in people_of(pairs.truth))
        everything = torch.cat([pairs.truth, pairs.reference])
        assert len(torch.unique(everything.flatten(1), dim=0)) == len(everything)
    # Pairs of people with 2, 3, 4, 5 and 6 pictures.
    assert len(tuning) + len(test) == 1 + 1 + 2 + 2 + 3


def test_a_file_with_too_few_people_is_refused(file, tmp_path):
    with pytest.raises(InvalidInputError, match="5 held-out persons"):
        stored_pairs(file, "test", 4, 16, tuning_people=2)
    with pytest.raises(InvalidInputError, match="are not there"):
        stored_pairs(file, "test", None, 16, tuning_people=5)
    with pytest.raises(ImageError):
        stored_pairs(tmp_path / "gone.npz", "test", 1, 16)


def test_the_mild_degree_is_milder_picture_by_picture():
    pairs = drawn_pairs("test", 3)
    error = {}
    for degree, preset in DEGREES.items():
        degraded, drawn = degrade(pairs.truth, preset, 5)
        again, _ = degrade(pairs.truth, preset, 5)
        assert torch.equal(degraded, again)
        assert len(drawn) == 3
        error[degree] = (degraded - pairs.truth).square().mean((1, 2, 3))
    assert (error["mild"] < error["heavy"]).all()
