"""restore_faces from end to end on small random models: what it does, and what it refuses."""

from typing import ClassVar

import pytest
import torch
from golden import tiny_prior, tiny_unet
from networks import images as float32_images
from networks import in_float64, small_networks
from tolerances import assert_same, rounding, terms_of

from pdgrad_core.errors import InvalidInputError, ScheduleError, UnknownNameError
from pdgrad_core.models.sets import ModelSet
from pdgrad_core.pipeline import restore_faces
from pdgrad_core.recipes import RECIPES
from pdgrad_core.restorers import load_restorer
from pdgrad_core.settings import Settings
from pdgrad_core.trace import plot_trace, trace_to_json

STEPS_TERMS = 3 * terms_of(tiny_unet())
"""Products summed on the way through three steps; the feature networks are smaller."""


def images(*args, **values):
    """In float64, where no rounding opens or closes a gate; see `tolerances`."""
    return float32_images(*args, **values).double()


@pytest.fixture(scope="module")
def models():
    networks = {name: in_float64(network) for name, network in small_networks().items()}
    return ModelSet(in_float64(tiny_prior()), networks, load_restorer("none"))


def quick(**values):
    return Settings(**{"recipe": "pdgrad", "steps": 3, "tau": 300, **values})


PDGRAD = ["pdgrad", "a1", "a2", "a3", "a4", "a5", "a6", "none"]


@pytest.mark.parametrize("recipe", PDGRAD)
def test_every_recipe_restores(models, recipe):
    y, r = images(2, 32, seed=1), images(1, 32, seed=2)
    found = restore_faces(y, [r], models, quick(recipe=recipe))
    assert found.image.shape == y.shape
    assert found.image.isfinite().all()
    assert found.image.abs().max() <= 1
    assert torch.equal(found.coarse, y)
    assert len(found.trace) == 3
    assert found.settings.strength == RECIPES[recipe].strength


def test_the_trace_tells_what_surgery_did(models):
    found = restore_faces(images(2, 32, 1), [images(2, 32, 2)], models, quick())
    row = trace_to_json(found.trace)[0]
    assert row["t"] == 299
    for level in ("low", "high"):
        for name in ("pivot_norm", "other_norm", "cosine", "conflict", "k", "norm"):
            assert len(row[f"{level}.{name}"]) == 2
    for name in ("low_c.arc", "low_c.vgg", "low_r.arc", "low_r.vgg", "high_c.arc", "high_r.arc"):
        assert f"{name}.loss" in row
    close = rounding(torch.float32, 3 * 32 * 32)
    assert row["shift_fraction"] == pytest.approx([0.2, 0.2], rel=close)
    picture = plot_trace(found.trace, image=1)
    assert picture.width == 900
    with pytest.raises(InvalidInputError, match="there is no image 2"):
        plot_trace(found.trace, image=2)
    with pytest.raises(InvalidInputError, match="not an empty trace"):
        plot_trace([])


def test_same_seed_same_result_and_each_image_its_own_seed(models):
    y, r = images(2, 32, seed=1), images(2, 32, seed=2)
    both = restore_faces(y, [r], models, quick(seed=5)).image
    again = restore_faces(y, [r], models, quick(seed=5)).image
    assert torch.equal(both, again)
    second = restore_faces(y[1:], [r[1:]], models, quick(seed=6)).image
    assert_same(both[1:], second, STEPS_TERMS)


def test_a1_is_pdgrad_with_the_plain_sum(models):
    y, r = images(1, 32, seed=1), images(1, 32, seed=2)
    summed = restore_faces(y, [r], models, quick(combiner="sum")).image
    a1 = restore_faces(y, [r], models, quick(recipe="a1")).image
    assert_same(summed, a1, STEPS_TERMS)


def test_several_references_are_averaged_or_the_nearest_is_taken(models):
    y = images(1, 32, seed=1)
    near, far = y + 0.01 * images(1, 32, seed=3), images(1, 32, seed=2)
    alone = restore_faces(y, [near], models, quick()).image
    nearest = restore_faces(y, [far, near], models, quick(references="nearest")).image
    mean = restore_faces(y, [far, near], models, quick()).image
    assert_same(nearest, alone, STEPS_TERMS)
    assert not torch.allclose(mean, alone)
    same = restore_faces(y, [near, near], models, quick()).image
    assert_same(same, alone, STEPS_TERMS)


def test_a_restorer_that_looks_at_x_t_is_asked_at_every_step(models):
    class Moving(type(models.restorer)):
        depends_on_x_t = True
        asked: ClassVar[list[int]] = []

        def _restore(self, degraded, x_t, t):
            self.asked.append(int(t[0]))
            return degraded + 0.01 * x_t

    moving = ModelSet(models.prior, models.features, Moving())
    restore_faces(images(1, 32, 1), [images(1, 32, 2)], moving, quick(recipe="a5"))
    # First for the start; then once a step, however many terms look at it.
    assert Moving.asked == [999, 299, 150, 0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"recipe": "pdgradd"}, "Did you mean 'pdgrad'"),
        ({"strength": float("nan")}, "s must be a number"),
        ({"strength_mode": "constnt"}, "no strength mode named 'constnt'"),
        ({"tau": 2000}, "tau must be from 1 to 1000"),
        ({"tau": 3, "steps": 4}, "1 to 3 steps"),
        ({"combiner": "pcgrad"}, "torchjd_pcgrad"),
        ({"recipe": "a5", "combiner": "x"}, "no combiner named"),
        ({"recipe": "none", "combiner": "sum"}, "no gradient surgery"),
        ({"stepper": "euler"}, "no stepper named"),
        ({"references": "best"}, "one of mean, nearest, not 'best'"),
        ({"gradient_steps": 0}, "1 or more"),
        ({"stepper": "ddim", "eta": 2.0}, "eta must be from 0 to 1"),
    ],
)
def test_wrong_settings_are_refused_before_any_work(models, values, message):
    def never(_):
        raise AssertionError("a step was taken")

    with pytest.raises((InvalidInputError, UnknownNameError, ScheduleError), match=message):
        restore_faces(images(1, 32), [images(1, 32)], models, quick(**values), on_step=never)


def test_images_that_do_not_fit_are_refused(models):
    y = images(2, 32)
    with pytest.raises(InvalidInputError, match="guided by a reference photo"):
        restore_faces(y, [], models, quick())
    with pytest.raises(InvalidInputError, match="one image or as many as the 2"):
        restore_faces(y, [images(3, 32)], models, quick())
    with pytest.raises(InvalidInputError, match="aligned to the degraded face's size 32x32"):
        restore_faces(y, [images(1, 48)], models, quick())
    with pytest.raises(InvalidInputError, match="multiples of 4"):
        restore_faces(images(1, 30), [images(1, 30)], models, quick())
    with pytest.raises(InvalidInputError, match="NaN"):
        restore_faces(y * float("nan"), [y], models, quick())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_faces_of_any_floating_dtype_are_computed_in_the_priors(dtype):
    models = ModelSet(tiny_prior(), small_networks(), load_restorer("none"))
    y, r = (float32_images(1, 32, seed=seed).to(dtype) for seed in (1, 2))
    found = restore_faces(y, [r], models, quick())
    same = restore_faces(y.float(), [r.float()], models, quick())
    assert found.image.dtype == torch.float32
    assert torch.equal(found.image, same.image)
    with pytest.raises(InvalidInputError, match=r"must be a float tensor .*uint8"):
        restore_faces((y * 0).to(torch.uint8), [r], models, quick())
