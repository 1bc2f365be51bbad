"""Noise drawn ahead is the noise drawn when asked, and leaves the generators where it would."""

import pytest
import torch

from pdgrad_core.diffusion import noise_ahead
from pdgrad_core.diffusion.noise import PerImageNoise, per_image_generators
from pdgrad_core.diffusion.noise_ahead import AHEAD, NoiseAhead, drawn_ahead

SHAPE = (3, 8, 8)


def source(device="cpu"):
    return PerImageNoise(per_image_generators([3, 4]), SHAPE, device)


def states(noise):
    return torch.stack([generator.get_state() for generator in noise.generators])


@pytest.mark.parametrize("draws", [0, 1, AHEAD, 3 * AHEAD])
def test_it_is_the_same_noise_in_the_same_order(draws):
    one, other = source(), source()
    ahead = NoiseAhead(one, draws)
    for _ in range(draws):
        assert torch.equal(ahead(), other())
    ahead.close()
    assert torch.equal(states(one), states(other))


def test_more_than_was_announced_is_drawn_when_asked():
    one, other = source(), source()
    ahead = NoiseAhead(one, 2)
    assert all(torch.equal(ahead(), other()) for _ in range(5))
    ahead.close()


def test_a_run_that_ends_early_leaves_no_thread():
    ahead = NoiseAhead(source(), 50)
    ahead()
    ahead.close()
    assert not any(thread.is_alive() for thread in ahead.thread._threads)


def test_what_goes_wrong_in_the_thread_is_raised_where_it_is_asked_for():
    class Broken(PerImageNoise):
        def draw(self):
            raise MemoryError("no pinned memory")

    noise = Broken(per_image_generators([1]), SHAPE)
    ahead = NoiseAhead(noise, 3)
    with pytest.raises(MemoryError, match="pinned"):
        ahead()
    ahead.close()


def test_only_noise_that_moves_to_a_gpu_is_drawn_ahead(monkeypatch):
    with drawn_ahead(noise := source(), 5) as found:
        assert found is noise

    def other():
        return torch.zeros(1)

    with drawn_ahead(other, 5) as found:
        assert found is other
    assert source("cuda").moves  # no card is needed to know
    monkeypatch.setattr(PerImageNoise, "moves", True)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda value: value)
    with drawn_ahead(source(), 5) as found:
        assert isinstance(found, noise_ahead.NoiseAhead)
        assert torch.equal(found(), source()())
