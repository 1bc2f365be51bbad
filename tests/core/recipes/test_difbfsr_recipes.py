"""The recipes of DifBFSR, from end to end on small random models."""

from dataclasses import replace

import pytest
import torch
from golden import tiny_prior, tiny_unet
from networks import images, in_float64, small_networks
from tolerances import WINDOW, assert_same, terms_of

from pdgrad_core.contractions.filters import LowPassFilter, low_resolution
from pdgrad_core.errors import InvalidInputError, SamplingStopped
from pdgrad_core.images import resize
from pdgrad_core.models.sets import ModelSet
from pdgrad_core.pipeline import restore_faces
from pdgrad_core.recipes import RECIPES
from pdgrad_core.restorers import Restorer, load_restorer
from pdgrad_core.settings import Settings

SIZE = 64


@pytest.fixture(scope="module")
def models():
    return ModelSet(tiny_prior(), small_networks())


@pytest.fixture(autouse=True)
def few_iterations(monkeypatch):
    """Fit for a moment only, and contract to the end, so that eq. 5 shows in the result."""
    for name in ("difbfsr", "difbfsr+pdgrad"):
        quick = replace(RECIPES[name], iterations=2, until=0)
        monkeypatch.setitem(RECIPES.members, name, quick)


def enlarged(batch=1, scale=4, seed=1):
    return resize(images(batch, SIZE // scale, seed), SIZE, SIZE, "bicubic")


def quick(**values):
    return Settings(**{"recipe": "difbfsr", "steps": 3, "tau": 300, **values})


@pytest.mark.parametrize("scale", [None, 2])
def test_the_result_has_the_enlargement_s_low_frequencies(models, scale):
    y = enlarged(2, scale or 4)
    found = restore_faces(y, [], models, quick(scale=scale))
    psi = LowPassFilter("bicubic", scale or 4)
    assert not torch.equal(found.coarse, y)
    assert [len(curve) for curve in found.fit_losses] == [3, 3]
    inside = found.image.abs() < 1
    difference = (psi(found.image) - psi(found.coarse))[inside]
    assert difference.abs().mean() < 0.05


def test_along_the_sampling_the_loss_is_in_the_trace(models):
    found = restore_faces(enlarged(2), [], models, quick(fit="along"))
    assert all(row["srm.loss"].shape == (2,) for row in found.trace)
    assert [len(curve) for curve in found.fit_losses] == [7, 7]


def test_never_fitted_it_keeps_the_photo_s_own_low_frequencies(models):
    y = enlarged(2)
    found = restore_faces(y, [], models, quick(fit="never"))
    assert torch.equal(found.coarse, y)
    assert not found.fit_losses
    psi, inside = LowPassFilter("bicubic", 4), found.image.abs() < 1
    assert (psi(found.image) - psi(y))[inside].abs().mean() < 0.05
    at_rest = restore_faces(y, [], models, quick(fit="never", until=1000))
    assert (psi(at_rest.image) - psi(y))[inside].abs().mean() > 0.1


def test_contraction_and_reference_guidance_go_together(models):
    y, reference = enlarged(1), images(1, SIZE, 2)
    found = restore_faces(y, [reference], models, quick(recipe="difbfsr+pdgrad"))
    assert "low.cosine" in found.trace[0]
    assert found.image.isfinite().all()
    unguided = restore_faces(y, [], models, quick())
    assert not torch.equal(found.image, unguided.image)
    with pytest.raises(InvalidInputError, match="reference"):
        restore_faces(y, [], models, quick(recipe="difbfsr+pdgrad"))


def test_a_restorer_takes_the_enlargement_s_place_as_the_start(models):
    class Grey(Restorer):
        name = "grey"

        def _restore(self, degraded, _x_t, _t):
            return torch.zeros_like(degraded)

    other = ModelSet(models.prior, models.features, Grey())
    assert not restore_faces(enlarged(), [], other, quick()).coarse.any()
    none = ModelSet(models.prior, models.features, load_restorer("none"))
    found = restore_faces(enlarged(), [], none, quick())
    assert torch.equal(found.coarse, restore_faces(enlarged(), [], models, quick()).coarse)


def test_at_tau_1000_it_starts_from_noise_alone(models):
    y = enlarged()
    starts = []
    for degraded in (y, -y):
        keep = []
        restore_faces(degraded, [], models, quick(tau=1000), on_step=keep.append)
        starts.append(keep[0].context.x_t)
    assert torch.equal(*starts)


def test_an_image_s_result_depends_on_its_seed_alone(models):
    y, models = enlarged(2).double(), ModelSet(in_float64(tiny_prior()))
    together = restore_faces(y, [], models, quick(seed=4)).image
    alone = restore_faces(y[1:], [], models, quick(seed=5)).image
    assert_same(together[1:], alone, 3 * terms_of(tiny_unet()))


def test_the_fit_can_be_stopped(models):
    with pytest.raises(SamplingStopped, match="fitted"):
        restore_faces(enlarged(), [], models, quick(), should_stop=lambda: True)


@pytest.mark.parametrize("scale", [0, 3, 5, 8])
def test_a_scale_that_does_not_fit_the_face_is_refused(models, scale):
    with pytest.raises(InvalidInputError, match=f"64x64 pixels.*not {scale}"):
        restore_faces(enlarged(), [], models, quick(scale=scale))


@pytest.mark.parametrize("values", [{"scale": 4}, {"fit": "along"}])
def test_other_recipes_take_neither_scale_nor_fit(values):
    with pytest.raises(InvalidInputError, match="enlarges nothing"):
        Settings(recipe="pdgrad", **values).resolved()


def test_a_photo_s_own_pixels_are_found_again():
    small = images(1, 16, seed=3)
    found = low_resolution(resize(small, SIZE, SIZE, "bicubic"), 4)
    assert_same(found, small, 16 * WINDOW)
