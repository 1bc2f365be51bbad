"""A restorer that samples, in the graph: handed noise, followed, and stopped."""

import pytest
import torch
from host_double import Interrupted


@pytest.fixture
def sampling(pack):
    """A restorer of three steps of the pack's own sampler, wired as Load Face Restorer's is."""
    core = {name: pack.module(f"pdgrad_core.{name}") for name in ("restorers.base", "runs")}
    prior = pack.run("PDGradLoadPrior", weights="demo").args[0].prior

    class Sampling(core["restorers.base"].Restorer):
        name = "sampling"
        needs_weights = False
        samples = True

        def _sample(self, degraded, noise, watch, /):
            process = core["runs"].Process(tau=300, steps=3)
            run = core["runs"].prepare_run(process, prior, noise, degraded)
            return run(watch.on_step, watch.should_stop).image

    return pack.module("nodes.sockets").LoadedRestorer(Sampling())


def coarse_of(pack, sampling):
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(2, 64, 64, 3, generator=generator)
    return pack.run("PDGradCoarseRestore", image=image, restorer=sampling).args[0]


def test_it_repeats_and_shows_its_steps(pack, sampling):
    once, again = coarse_of(pack, sampling), coarse_of(pack, sampling)
    assert torch.equal(once, again)
    assert not torch.equal(once[0], once[1])
    assert [(done, total) for done, total, _ in pack.host.progress] == [(1, 3), (2, 3), (3, 3)] * 2


def test_cancel_stops_it(pack, sampling):
    pack.host.interrupt_after = 1
    with pytest.raises(Interrupted):
        coarse_of(pack, sampling)
    assert len(pack.host.progress) == 1


def test_it_makes_a_losss_target(pack, sampling):
    targets = pack.module("pdgrad_core.guidance.targets")
    faces = pack.module("pdgrad_core.masks").Faces(2, 64, 64, torch.device("cpu"))
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    found = [
        targets.Pictures(images, restorer=sampling.restorer).placed("smooth", faces)
        for _ in range(2)
    ]
    assert torch.equal(*found)
    assert found[0].shape == images.shape
