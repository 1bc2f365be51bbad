"""A step asks the device for nothing, and sends it nothing that was not there before.

The networks, images and noise are on the device "meta", which has no numbers: a step that needed
one, or that brought a tensor from the host, could not be computed there; a dispatch mode sees it.
"""

import pytest
import torch
from golden import tiny_prior
from networks import images, small_networks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pdgrad_core.contractions.low_pass import LowPass
from pdgrad_core.diffusion.finiteness import Finiteness
from pdgrad_core.diffusion.records import StepContext
from pdgrad_core.diffusion.sampler import Sampler
from pdgrad_core.diffusion.steppers.ddim import DDIM
from pdgrad_core.diffusion.steppers.ddpm import DDPM
from pdgrad_core.features.base import Precision
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.guidance.strengths import make_strength
from pdgrad_core.recipes import RECIPES, GuideImages

META = torch.device("meta")
SIZE = 32

FORBIDDEN = {
    *("aten::_local_scalar_dense", "aten::item", "aten::is_nonzero", "aten::equal"),
    *("aten::nonzero", "aten::masked_select", "aten::_unique2"),
    # What torch.tensor and new_tensor end with: numbers of the host, brought to the device.
    "aten::lift_fresh",
}


class NoRoundTrips(TorchDispatchMode):
    """Refuses what makes the host wait, and every tensor that is not on the device.

    Args:
        device: Where everything is to stay.
    """

    def __init__(self, device):
        super().__init__()
        self.device = device
        self.operations = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func._schema.name
        found = func(*args, **(kwargs or {}))
        self.operations += 1
        assert name not in FORBIDDEN, f"the step calls {name}"
        assert not _picks_by_truth(name, args), f"the step calls {name} with a mask"
        for value in tree_leaves((args, kwargs, found)):
            if isinstance(value, torch.Tensor):
                assert value.device == self.device, f"{name} sees a tensor on {value.device}"
        return found


def _picks_by_truth(name, args):
    """Whether an operation indexes by booleans: how many are true, the host has to know."""
    picks = name in ("aten::index", "aten::index_put_", "aten::index_put")
    return picks and any(
        isinstance(one, torch.Tensor) and one.dtype == torch.bool for one in args[1]
    )


def sampler_for(recipe, device, half=False, stepper=None, mode="dynamic"):
    """A tiny run: every network, target and mask on the device."""
    networks = {name: network.to(device) for name, network in small_networks().items()}
    if half:
        for network in networks.values():
            network.precision = Precision(torch.float32, torch.float16)
    y, reference = (images(2, SIZE, seed=seed).to(device) for seed in (1, 2))
    mask = torch.zeros(1, 1, SIZE, SIZE).to(device)
    given = GuideImages(y, y, (reference,), mask)
    prior = tiny_prior()
    prior.network.to(device)
    return Sampler(
        prior=prior,
        schedule=prior.schedule.plan(700, 3),
        guidance=compile_guidance(RECIPES[recipe].guidance(given), networks),
        strength=make_strength(mode, 0.1),
        contractions=[LowPass(lambda context: y)],
        stepper=stepper or DDPM(),
    )


def launch(sampler, device, index=1, mode=None):
    x_t = images(2, SIZE, seed=3).to(device)
    noise = torch.zeros_like(x_t)
    finiteness = Finiteness()
    t = int(sampler.schedule.timesteps[index])
    context = StepContext(x_t, t, index, finiteness=finiteness)
    if mode is None:
        return sampler.launch(context, lambda: noise)
    with torch.no_grad(), mode:
        taken = sampler.launch(context, lambda: noise)
        sampler._trace_row(context, taken)
        return taken


@pytest.mark.parametrize(
    ("recipe", "half", "index"),
    [
        ("pdgrad", False, 1),
        ("pdgrad", True, 1),
        ("pdgrad", False, 0),
        ("pgdiff-reference", False, 1),
        ("pgdiff-old-photo", False, 1),
    ],
)
def test_a_step_stays_on_the_device(recipe, half, index):
    sampler = sampler_for(recipe, META, half)
    launch(sampler, META, index)  # what is made once is made now
    mode = NoRoundTrips(META)
    assert launch(sampler, META, index, mode).x_prev.device == META
    assert mode.operations > 100


@pytest.mark.parametrize(("stepper", "strength"), [(DDIM(0.5), "dynamic"), (DDPM(), "constant")])
def test_so_does_every_stepper_and_strength(stepper, strength):
    sampler = sampler_for("pdgrad", META, stepper=stepper, mode=strength)
    launch(sampler, META)
    launch(sampler, META, mode=NoRoundTrips(META))


def test_nor_does_a_step_on_the_cpu_ask_for_a_number():
    cpu = torch.device("cpu")
    sampler = sampler_for("pdgrad", cpu)
    before = launch(sampler, cpu)
    taken = launch(sampler, cpu, mode=NoRoundTrips(cpu))
    assert torch.equal(taken.x_prev, before.x_prev)


@pytest.mark.parametrize(
    "waits",
    [
        lambda x: bool(x.sum() > 0),
        lambda x: x.nonzero(),
        lambda x: x + x.new_tensor([1.0, 2.0]),
        lambda x: x[[1, 0]],
        lambda x: x[x > 0],
    ],
)
def test_the_mode_sees_what_it_is_to_see(waits):
    with pytest.raises(AssertionError, match="the step calls"), NoRoundTrips(torch.device("cpu")):
        waits(torch.ones(2))
