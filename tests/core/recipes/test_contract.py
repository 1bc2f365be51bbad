"""What every recipe promises, whoever wrote it."""

from dataclasses import replace

import pytest
import torch
from golden import tiny_prior
from networks import images, small_discriminator, small_networks
from tiny_idm import tiny_idm

from pdgrad_core.diffusion.priors import PRIORS
from pdgrad_core.errors import InvalidInputError
from pdgrad_core.features import FEATURES
from pdgrad_core.models.sets import ModelSet
from pdgrad_core.pipeline import restore_faces
from pdgrad_core.recipes import RECIPES, GuideImages, Hints
from pdgrad_core.restorers import RESTORERS, load_restorer
from pdgrad_core.restorers.idm import IDMRestorer
from pdgrad_core.settings import Settings

SIZE = 64
MASK = torch.zeros(1, 1, SIZE, SIZE)
MASK[..., 8:16, 8:20] = 1


@pytest.fixture(scope="module")
def networks():
    small = {**small_networks(), "discriminator": small_discriminator()}
    free = {name: member.load() for name, member in FEATURES.members.items() if not member.weights}
    return {**free, **small}


@pytest.fixture(params=RECIPES)
def name(request):
    return request.param


def test_it_is_found_under_its_name_and_says_what_it_is(name):
    assert RECIPES[name].name == name
    assert RECIPES[name].title


def test_what_it_names_exists(name):
    row = RECIPES[name]
    assert set(row.networks) <= set(FEATURES)
    assert row.restorer is None or row.restorer in RESTORERS
    assert row.prior_kind is None or row.prior_kind in PRIORS
    assert not row.needs_reference or not RECIPES[row.without_reference].needs_reference


def test_its_own_values_are_allowed_and_explained(name):
    row = RECIPES[name]
    for parameter in row.parameters():
        assert parameter.param.tooltip, parameter.name
        parameter.param.check(parameter.name, parameter.default) if parameter.default else None
    assert row.configured(row.values()) == replace(row)


def test_it_restores_on_what_it_names_and_repeats(name, networks, monkeypatch):
    row = RECIPES[name]
    if hasattr(row, "iterations"):
        monkeypatch.setitem(RECIPES.members, name, replace(row, iterations=2))
    if "discriminator" in row.networks:
        pytest.skip("the small discriminator judges 32 px; see the tests of PGDiff's recipes")
    own = {network: networks[network] for network in row.networks}
    restorer = IDMRestorer(tiny_idm(), 2) if row.restorer == "idm" else load_restorer("none")
    prior = tiny_idm() if row.prior_kind == "idm" else tiny_prior()
    models = ModelSet(prior, own, restorer)
    references = [images(1, SIZE, seed=2)] if row.needs_reference else []
    hints = Hints(MASK if row.mask != "none" else None)
    quick = {"tau": 300, "steps": 2} if row.samples else {}
    settings = Settings(name, seed=3, **quick)
    y = images(1, SIZE, seed=1)
    first, again = (restore_faces(y, references, models, settings, hints=hints) for _ in range(2))
    assert first.image.isfinite().all() and first.image.abs().max() <= 1
    assert torch.equal(first.image, again.image)
    assert first.describe()["recipe"] == name


def test_its_guidance_does_not_change_what_it_is_given(name):
    row = RECIPES[name]
    y, r = images(1, 16, 1), images(1, 16, 2)
    given = GuideImages(y.clone(), y.clone(), (r.clone(),), MASK[..., :16, :16])
    row.guidance(given)
    assert torch.equal(given.degraded, y)
    assert torch.equal(given.references[0], r)


def test_a_parameter_that_nobody_has_names_those_there_are():
    with pytest.raises(InvalidInputError, match=r"No recipe has a parameter 'stepz'.*tau"):
        Settings("pdgrad", stepz=3).resolved()
