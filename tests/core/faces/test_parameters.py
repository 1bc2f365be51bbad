"""Identities, views and attributes: seeds, ranges, records."""

import numpy as np
import pytest
import torch

from pdgrad_core.errors import InvalidInputError
from pdgrad_core.faces.attributes import attribute_names, attributes
from pdgrad_core.faces.draws import Draws, palette
from pdgrad_core.faces.identity import Identity, sample_identities, sample_identity
from pdgrad_core.faces.view import View, neutral_views, sample_view, sample_views

MANY = range(600)


@pytest.fixture(scope="module")
def people():
    return sample_identities(MANY)


@pytest.fixture(scope="module")
def views():
    return sample_views(MANY)


@pytest.mark.parametrize(
    "one, several", [(sample_identity, sample_identities), (sample_view, sample_views)]
)
def test_a_seed_gives_the_same_parameters_in_any_company(one, several):
    together = several([5, 9, 5]).tensors()
    for name, alone in one(9).tensors().items():
        assert torch.equal(together[name][1], alone[0])
        assert torch.equal(together[name][0], together[name][2])


def test_pinned_draws():
    draws = Draws([0, 1], stream=1)
    assert np.allclose(draws.unit(), [0.5118216247002567, 0.33187239186810047], atol=1e-12)


def test_draws_have_their_distribution():
    draws = Draws(range(4000), stream=9)
    bell = draws.bell(2.0, 0.5)
    assert abs(bell.mean() - 2.0) < 0.03
    assert abs(bell.std() - 0.5) < 0.03
    assert np.abs(bell - 2.0).max() < 0.5 * 3.47
    assert abs(draws.chance(0.3).mean() - 0.3) < 0.03
    counts = np.bincount(draws.choice([1.0, 0.0, 3.0]), minlength=3) / 4000
    assert np.allclose(counts, [0.25, 0.0, 0.75], atol=0.03)
    by_row = draws.choice(np.array([[1.0, 0.0], [0.0, 1.0]] * 2000))
    assert by_row.tolist() == [0, 1] * 2000


def test_palette_interpolates():
    colours = palette(((0, 0, 0), (255, 0, 51)), np.array([0.0, 0.5, 1.0]))
    assert np.allclose(colours, [[0, 0, 0], [0.5, 0, 0.1], [1, 0, 0.2]])


@pytest.mark.parametrize("seeds", [[], [-1], [0.5]])
def test_bad_seeds_are_refused(seeds):
    with pytest.raises(InvalidInputError):
        sample_identities(seeds)


def test_fields_are_float32_and_finite(people, views):
    for record in (people, views):
        for name, tensor in record.tensors().items():
            assert tensor.dtype == torch.float32, name
            assert tensor.shape[0] == len(MANY), name
            assert torch.isfinite(tensor).all(), name


def test_identity_ranges(people):
    assert people.age.min() >= 18
    assert people.age.max() <= 82
    shares = (
        "masculine", "skin_melanin", "skin_red", "blotches", "freckles", "wrinkles", "hair_cover",
        "hair_curl", "moustache", "goatee", "whiskers", "stubble", "glasses_tint",
    )  # fmt: skip
    for name in shares:
        values = getattr(people, name)
        assert values.min() >= 0, name
        assert values.max() <= 1, name
    for name, values in people.tensors().items():
        if name.endswith("_rgb"):
            assert values.min() >= 0, name
            assert values.max() <= 1, name
    assert set(people.glasses.tolist()) == {0.0, 1.0}
    assert (people.chin > 1.3).all()
    assert (people.eye_height > 0.08).all()


def test_there_is_variety(people):
    assert 0.1 < people.glasses.mean() < 0.4
    assert 0.02 < (people.hair_cover == 0).float().mean() < 0.3
    assert (people.whiskers > 0).float().mean() > 0.05
    assert people.skin_melanin.std() > 0.2
    bearded_women = (people.whiskers > 0) & (people.masculine < 0.5)
    assert not bearded_women.any()


def test_view_ranges(views):
    assert views.yaw.abs().max() <= 0.4401
    assert views.pitch.abs().max() <= 0.2601
    assert views.roll.abs().max() <= 0.1801
    assert torch.allclose(views.light_direction.norm(dim=1), torch.ones(len(MANY)), atol=1e-5)
    assert (views.light_direction[:, 2] > 0).all()
    assert set(views.backdrop.tolist()) == {0.0, 1.0, 2.0}
    assert (views.eye_open < 0.25).float().mean() > 0.01


def test_jitter_can_be_left_out():
    assert sample_views([1, 2], jitter=0.0).jitter.abs().max() == 0.0
    assert sample_views([1, 2]).jitter.abs().max() > 0.0


def test_neutral_views_are_alike_and_own_their_values():
    views = neutral_views(3)
    assert len(views) == 3
    views.yaw[0] = 0.3
    assert views.yaw[1] == 0.0
    assert neutral_views(1).yaw[0] == 0.0


def test_records_stack_select_and_repeat(people):
    stacked = Identity.stack([people.select([3]), people.select(slice(7, 9))])
    assert stacked.age.tolist() == people.age[[3, 7, 8]].tolist()
    assert stacked.repeat(2).age.tolist() == people.age[[3, 3, 7, 7, 8, 8]].tolist()
    assert people.select(torch.tensor([1, 0])).age.tolist() == people.age[[1, 0]].tolist()
    with pytest.raises(InvalidInputError, match="at least one"):
        View.stack([])


def test_attributes_are_standardised(people, views):
    values = attributes(people, views)
    assert values.shape == (len(MANY), len(attribute_names()))
    assert torch.isfinite(values).all()
    assert values.mean(0).abs().max() < 0.3
    assert values.std(0).max() < 1.6
    assert values.abs().max() < 40


def test_attributes_have_unique_names():
    names = attribute_names()
    assert len(set(names)) == len(names)
    assert "identity.nose_width" in names
    assert "view.yaw" in names
    assert "view.light_direction[2]" in names


def test_attributes_that_do_not_show_are_zero(people, views):
    values, names = attributes(people, views), attribute_names()
    bare = people.glasses == 0
    assert (values[bare][:, names.index("identity.glasses_rim")] == 0).all()
    assert (values[~bare][:, names.index("identity.glasses_rim")] != 0).any()
