"""What every contraction promises."""

import pytest
import torch
from contraction_inputs import at, images
from tolerances import WINDOW, assert_same

from pdgrad_core.contractions import CONTRACTIONS


def make(name, batch=2, **values):
    """Return a contraction towards images of 64 px, by its registered name."""
    target = images(batch, seed=1)
    if name == "difbfsr":
        options = {"iterations": 2, "until": 0, **values}
        return CONTRACTIONS[name].towards(target[..., ::4, ::4], seeds=range(batch), **options)
    return CONTRACTIONS[name].towards(target, seeds=range(batch), **values)


@pytest.fixture(params=CONTRACTIONS)
def name(request):
    return request.param


def test_members():
    assert set(CONTRACTIONS.names()[:2]) == {"difbfsr", "low_pass"}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_shape_and_dtype_are_kept(name, dtype):
    x0hat = images().to(dtype)
    found = make(name)(x0hat, at(500))
    assert found.shape == x0hat.shape
    assert found.dtype == dtype
    assert found.isfinite().all()
    assert not torch.equal(found, x0hat)


def test_x0hat_that_equals_the_target_is_returned(name):
    contraction = make(name)
    target = contraction.prepare()
    target = images(seed=1) if target is None else target
    assert_same(contraction(target, at(500)), target)


def test_an_image_does_not_depend_on_its_batch_mates(name):
    x0hat = images()
    together = make(name)(x0hat, at(500))
    alone = make(name, batch=1)(x0hat[:1], at(500))
    assert_same(together[:1], alone, WINDOW)


@pytest.mark.parametrize("mode", ["before", "along"])
def test_reset_leaves_no_state_between_runs(name, mode):
    contraction = make(name, **({"fit": mode} if name == "difbfsr" else {}))
    x0hat = images()

    def run():
        contraction.reset()
        return [contraction(x0hat, at(t)) for t in (500, 300, 100)]

    for first, second in zip(run(), run(), strict=True):
        assert torch.equal(first, second)


def test_weight_zero_does_nothing(name):
    x0hat = images()
    assert torch.equal(make(name, weight=0.0)(x0hat, at(500)), x0hat)


def test_results_are_normal_tensors_in_inference_mode(name):
    x0hat = images()
    with torch.inference_mode():
        contraction = make(name)
        inside = contraction(x0hat, at(500))
    assert_same(make(name)(x0hat, at(500)), inside, WINDOW)
    contraction(x0hat, at(500))
