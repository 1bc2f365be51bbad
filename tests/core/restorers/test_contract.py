"""What every restorer promises, for every name in the registry."""

import pytest
import torch
from tiny_idm import tiny_idm
from tolerances import assert_same, terms_of
from torch import nn

from pdgrad_core.checkpoints import Checkpoint
from pdgrad_core.diffusion.noise import PerImageNoise, per_image_generators
from pdgrad_core.diffusion.prior import PriorOutput
from pdgrad_core.diffusion.sampler import Sampler, Watch
from pdgrad_core.diffusion.schedule import Schedule
from pdgrad_core.errors import InvalidInputError, SamplingStopped, UnknownNameError
from pdgrad_core.gan.config import GANPriorConfig
from pdgrad_core.gan.network import GANPriorNetwork
from pdgrad_core.restorers import RESTORERS, load_restorer
from pdgrad_core.restorers.coarse_net import CoarseNetwork
from pdgrad_core.restorers.rrdb import RRDBNetwork


class ToyFace(nn.Module):
    """Stands in for a network of 90 million parameters: a face-sized input, a tuple out."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 1)
        nn.init.constant_(self.convolution.weight, 1.0)

    def forward(self, x, **_options):
        return self.convolution(x), None


def make(name):
    member = RESTORERS[name]
    if not member.needs_weights:
        return member()
    if name == "demo":
        torch.manual_seed(0)
        return member(CoarseNetwork(4, 1))
    if name == "rrdb":
        torch.manual_seed(0)
        return member(RRDBNetwork(8, 4, 1))
    if name == "idm":
        return member(tiny_idm(), steps=2)
    if name in ("gan-prior", "gpen"):
        around = name == "gan-prior"
        config = GANPriorConfig((8, 8, 6, 4), 8, 2, mmrb=around, decoder=around)
        torch.manual_seed(0)
        network = GANPriorNetwork(config)
        return member(network, network.image_size)
    return member(ToyFace(), "RestoreFormer")


@pytest.fixture(params=RESTORERS)
def restorer(request):
    return make(request.param)


def call(restorer, dtype=torch.float32, count=2):
    size = restorer.size_px or 32
    generator = torch.Generator().manual_seed(1)
    degraded, x_t = torch.rand(2, count, 3, size, size, generator=generator).to(dtype) * 2 - 1
    return degraded, asked(restorer, degraded, x_t, torch.full((count,), 321))


def asked(restorer, degraded, *state, seed=0):
    """Restore, with each image's own noise for a restorer that samples."""
    seeds = range(seed, seed + len(degraded))
    noise = PerImageNoise(per_image_generators(seeds), degraded.shape[1:])
    return restorer(degraded, *state, noise=noise)


def test_names():
    assert RESTORERS.names()[:10] == [
        "demo",
        "gan-prior",
        "gpen",
        "idm",
        "none",
        "rrdb",
        "spandrel_model",
        "codeformer",
        "gfpgan",
        "restoreformer",
    ]
    assert all(RESTORERS[name].name == name for name in RESTORERS)


def test_shape_range_and_device_are_kept(restorer):
    degraded, coarse = call(restorer)
    assert coarse.shape == degraded.shape
    assert coarse.device == degraded.device
    assert coarse.abs().max() <= 1
    assert not coarse.requires_grad
    assert coarse.data_ptr() != degraded.data_ptr()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_dtype_is_kept_whatever_the_networks(restorer, dtype):
    _, coarse = call(restorer, dtype)
    assert coarse.dtype == dtype


def test_network_can_work_in_another_dtype(restorer):
    degraded, coarse = call(restorer.to(dtype=torch.float64))
    assert coarse.dtype == degraded.dtype == torch.float32


def test_result_is_a_normal_tensor_under_inference_mode(restorer):
    with torch.inference_mode():
        degraded, coarse = call(restorer)
        assert degraded.is_inference()
    assert not coarse.is_inference()
    coarse.clone().requires_grad_().sum().backward()


def test_batch_mates_do_not_matter(restorer):
    degraded, together = call(restorer)
    size = degraded.shape[-1]
    generator = torch.Generator().manual_seed(1)
    x_t = (torch.rand(2, 2, 3, size, size, generator=generator) * 2 - 1)[1]
    alone = asked(restorer, degraded[1:], x_t[1:], 321, seed=1)
    network = getattr(restorer, "network", None)
    assert_same(together[1:], alone, terms_of(network) if network is not None else 1, scale=1.0)


def test_only_the_stated_ones_depend_on_x_t(restorer):
    size = restorer.size_px or 32
    degraded = torch.zeros(1, 3, size, size)
    if not restorer.depends_on_x_t:
        again = asked(restorer, degraded, degraded + 1, 5)
        assert torch.equal(asked(restorer, degraded), again)
        return
    first = restorer(degraded, degraded, 5)
    assert not torch.equal(first, restorer(degraded, degraded + 1, 5))
    assert not torch.equal(first, restorer(degraded, degraded, 500))
    with pytest.raises(InvalidInputError, match="needs the sampling state x_t"):
        restorer(degraded)
    with pytest.raises(InvalidInputError, match="x_t must have"):
        restorer(degraded, degraded[..., :16], 5)
    with pytest.raises(InvalidInputError, match="one timestep or 1, found 2"):
        restorer(degraded, degraded, torch.tensor([1, 2]))


def test_impossible_sizes_are_refused_with_the_size_asked_for(restorer):
    image = torch.zeros(1, 3, 30, 34)
    if restorer.size_px is not None:
        size = restorer.size_px
        with pytest.raises(InvalidInputError, match=f"{size}x{size} pixels, not 34x30"):
            restorer(image)
    elif restorer.name == "demo":
        with pytest.raises(InvalidInputError, match="multiples of 8 pixels, not 34x30"):
            restorer(image)
    elif restorer.name == "rrdb":
        with pytest.raises(InvalidInputError, match="multiples of 4 pixels, not 34x30"):
            restorer(image, image, 0)
    else:
        assert asked(restorer, image).shape == image.shape


def test_one_that_samples_needs_noise_and_can_be_stopped():
    class Sampling(RESTORERS["none"]):
        samples = True

        def _sample(self, degraded, noise, watch, /):
            steps = Sampler(Sure(degraded), Schedule.linear().plan(20, 4))
            return steps.run(noise(), noise, watch.on_step, watch.should_stop).image

    face, seen = torch.rand(1, 3, 16, 16) - 0.5, []
    with pytest.raises(InvalidInputError, match="samples, so it needs noise"):
        Sampling()(face)
    noise = PerImageNoise(per_image_generators([0]), face.shape[1:])
    found = Sampling()(face, noise=noise, watch=Watch(on_step=seen.append))
    torch.testing.assert_close(found, face, atol=1e-5, rtol=0)
    assert [state.done for state in seen] == [1, 2, 3, 4]
    with pytest.raises(SamplingStopped):
        Sampling()(face, noise=noise, watch=Watch(should_stop=lambda: True))


class Sure:
    """A prior that is always sure of one image."""

    prediction, variance = "x0", "fixed_small"

    def __init__(self, image):
        self.image, self.schedule = image, Schedule.linear()

    def __call__(self, x_t, t):
        return PriorOutput(self.image)


def test_values_that_are_no_image_are_refused(restorer):
    size = restorer.size_px or 32
    with pytest.raises(InvalidInputError, match="NaN"):
        restorer(torch.full((1, 3, size, size), float("nan")))
    with pytest.raises(InvalidInputError, match=r"\(B, 3, H, W\)"):
        restorer(torch.zeros(3, size, size))


def test_none_enlarges_where_asked():
    image = torch.rand(1, 3, 16, 24) * 2 - 1
    assert torch.equal(load_restorer("none")(image), image)
    assert load_restorer("none", output_px=32)(image).shape == (1, 3, 32, 48)
    assert torch.equal(load_restorer("none", output_px=16)(image), image)


def test_loading_says_what_is_wrong(tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'codeformer'"):
        load_restorer("codeforme")
    with pytest.raises(InvalidInputError, match="needs the path"):
        load_restorer("rrdb")
    with pytest.raises(InvalidInputError, match="no option 'fidelity'; it has output_px"):
        load_restorer("none", fidelity=0.5)
    with pytest.raises(InvalidInputError, match="fidelity must be a number from 0 to 1"):
        load_restorer("codeformer", tmp_path / "codeformer.pth", fidelity=1.5)
    with pytest.raises(InvalidInputError, match="has no weights"):
        RESTORERS["none"].from_checkpoint(Checkpoint({}))
