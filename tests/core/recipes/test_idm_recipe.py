"""IDM's steps under PDGrad's guidance."""

from dataclasses import replace

import pytest
import torch
from golden import tiny_prior
from networks import images, small_networks
from tiny_idm import tiny_idm

from pdgrad_core.diffusion.noise import seeded_noise
from pdgrad_core.errors import InvalidInputError
from pdgrad_core.models.sets import ModelSet
from pdgrad_core.pipeline import restore_faces
from pdgrad_core.recipes import recipe
from pdgrad_core.restorers import load_restorer
from pdgrad_core.restorers.idm import IDMRestorer
from pdgrad_core.settings import Settings


@pytest.fixture(scope="module")
def models():
    own = small_networks()
    features = {name: own[name] for name in ("arcface", "vgg")}
    return ModelSet(tiny_prior(), features, IDMRestorer(tiny_idm(), 3))


def restored(models, **values):
    y, reference = images(1, 64, seed=1), images(1, 64, seed=2)
    return restore_faces(y, [reference], models, Settings("idm+pdgrad", seed=3, **values))


def test_it_takes_idms_ten_steps_from_noise_and_the_guidance_acts(models):
    found = restored(models)
    assert len(found.trace) == 10
    assert found.trace[0]["t"] == 999
    assert all(float(row["shift_norm"]) > 0 for row in found.trace)
    # y_c is IDM's own answer, of the run's noise.
    y = images(1, 64, seed=1)
    assert torch.equal(found.coarse, models.restorer(y, noise=seeded_noise(y, 3)))


def test_without_guidance_it_is_idm(models):
    """A strength of 0 leaves IDM's own run, with the noise after that of y_c."""
    y, steps = images(1, 64, seed=1), 3
    found = restored(models, steps=steps, strength=0.0)
    noise = seeded_noise(y, 3)
    models.restorer(y, noise=noise)
    torch.testing.assert_close(found.image, models.restorer(y, noise=noise), atol=1e-5, rtol=0)


def test_an_idm_as_prior_takes_any_restorer(models):
    found = restored(replace(models, prior=tiny_idm(), restorer=load_restorer("none")), steps=2)
    assert found.image.isfinite().all()
    assert torch.equal(found.coarse, images(1, 64, seed=1))


def test_without_an_idm_it_says_what_to_load(models):
    with pytest.raises(InvalidInputError, match="neither the restorer nor the prior is one; load"):
        restored(replace(models, restorer=load_restorer("none")))


def test_the_sets_own_restorer_does_not_stand_in():
    assert recipe("idm+pdgrad").restorer_with(True) == "idm"


def test_idm_alone_is_its_own_ten_steps_whatever_the_restorer(models):
    y = images(1, 64, seed=1)
    settings = Settings("idm", seed=3, steps=3)
    found = restore_faces(y, [], models, settings)
    torch.testing.assert_close(found.image, models.restorer(y, noise=seeded_noise(y, 3)))
    assert torch.equal(found.coarse, y)
    alone = replace(models, prior=tiny_idm(), restorer=load_restorer("none"))
    torch.testing.assert_close(restore_faces(y, [], alone, settings).image, found.image)
    assert len(restore_faces(y, [], models, Settings("idm")).trace) == 10


def test_a_recipe_says_which_prior_it_samples():
    assert recipe("idm").prior_kind == recipe("idm+pdgrad").prior_kind == "idm"
    assert recipe("pdgrad").prior_kind is None
