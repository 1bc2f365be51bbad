"""IDM as a restorer: its own ten steps from noise."""

import pytest
import torch
from tiny_idm import idm_file, prior_file, tiny_idm

from pdgrad_core.diffusion.noise import PerImageNoise, per_image_generators, seeded_noise
from pdgrad_core.diffusion.prior import PriorOutput
from pdgrad_core.diffusion.sampler import Watch
from pdgrad_core.errors import (
    InvalidInputError,
    SamplingStopped,
    UnknownNameError,
    WrongArchitectureError,
)
from pdgrad_core.restorers import load_restorer
from pdgrad_core.restorers.idm import IDMRestorer


def faces(count=1, size=32):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, 3, size, size, generator=generator) * 2 - 1


def test_it_takes_ten_steps_that_can_be_followed_and_stopped():
    restorer, y, seen = IDMRestorer(tiny_idm()), faces(), []
    restorer(y, noise=seeded_noise(y, 0), watch=Watch(on_step=seen.append))
    assert [(state.done, state.total) for state in seen] == [(i, 10) for i in range(1, 11)]
    assert seen[0].context.t == 999
    with pytest.raises(SamplingStopped):
        restorer(y, noise=seeded_noise(y, 0), watch=Watch(should_stop=lambda: True))


def test_a_prior_that_is_sure_of_y_gives_y_back(monkeypatch):
    prior, y = tiny_idm(), faces(2)
    monkeypatch.setattr(type(prior), "__call__", lambda self, _x, _t: PriorOutput(self.degraded))
    for stepper in ("ddpm", "ddim"):
        restored = IDMRestorer(prior, 4, stepper)(y, noise=seeded_noise(y, 0))
        torch.testing.assert_close(restored, y, atol=1e-5, rtol=0)


@pytest.mark.parametrize("prediction", ["x0", "eps"])
def test_the_seed_decides_and_nothing_else(prediction):
    restorer, y = IDMRestorer(tiny_idm(prediction=prediction), 3), faces(2)
    both = restorer(y, noise=seeded_noise(y, 7))
    assert torch.equal(both, restorer(y, noise=seeded_noise(y, 7)))
    assert not torch.equal(both, restorer(y, noise=seeded_noise(y, 8)))
    second = PerImageNoise(per_image_generators([8]), y.shape[1:])
    torch.testing.assert_close(restorer(y[1:], noise=second), both[1:], atol=1e-4, rtol=0)


def test_it_is_loaded_with_its_options(tmp_path):
    path = idm_file(tmp_path)
    restorer = load_restorer("idm", path, steps=4, stepper="ddim", spacing="log-snr")
    assert len(restorer.plan) == 4
    y = faces()
    assert restorer(y, noise=seeded_noise(y, 0)).shape == y.shape
    assert restorer.to(dtype=torch.bfloat16).prior.dtype == torch.bfloat16
    assert restorer(y, noise=seeded_noise(y, 0)).dtype == torch.float32


def test_bad_input_is_refused_in_one_sentence_before_any_step(tmp_path):
    path = idm_file(tmp_path)
    for steps in (0, 1001):
        with pytest.raises(InvalidInputError, match=f"steps must be .* 1 to 1000, not {steps}"):
            load_restorer("idm", path, steps=steps)
    with pytest.raises(UnknownNameError, match="'euler'"):
        load_restorer("idm", path, stepper="euler")
    with pytest.raises(UnknownNameError, match="'logsnr'"):
        load_restorer("idm", path, spacing="logsnr")
    with pytest.raises(WrongArchitectureError, match="is an unconditional prior; load it as prior"):
        load_restorer("idm", prior_file(tmp_path))
    with pytest.raises(InvalidInputError, match="needs the path of its weight file"):
        load_restorer("idm")
    restorer = load_restorer("idm", path)
    with pytest.raises(InvalidInputError, match="multiples of 2 pixels, not 33x32"):
        restorer(torch.zeros(1, 3, 32, 33), noise=seeded_noise(torch.zeros(1, 3, 32, 33), 0))
    with pytest.raises(InvalidInputError, match=r"\(B, 3, H, W\)"):
        restorer(torch.zeros(1, 6, 32, 32), noise=seeded_noise(torch.zeros(1, 6, 32, 32), 0))
