"""What only a CUDA device can show: true float32, no waiting in a step, memory that stays flat."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from golden import tiny_prior, tiny_unet
from networks import images, small_networks
from tolerances import rounding, terms_of

from pdgrad_core.benchmarks.step_inputs import load_networks, pictures
from pdgrad_core.benchmarks.trials import try_out
from pdgrad_core.diffusion.finiteness import Finiteness
from pdgrad_core.diffusion.noise import seeded_noise
from pdgrad_core.diffusion.sampler import Sampler, StepContext
from pdgrad_core.errors import NonFiniteError
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.guidance.replayed import ReplayedGuidance
from pdgrad_core.guidance.strengths import make_strength
from pdgrad_core.models.fused_norms import fuse_norms
from pdgrad_core.models.precision import precision_preset
from pdgrad_core.recipes import GuideImages
from pdgrad_core.recipes.pdgrad import PDGradRecipe
from pdgrad_core.replay import Replay, record_cuda_graph
from pdgrad_core.true_float32 import float32_settings, true_float32

pytestmark = pytest.mark.gpu

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
SIZE = 64


def expression(coarse, reference):
    return PDGradRecipe().guidance(GuideImages(coarse, coarse, (reference,)))


def small_sampler(device, steps=4):
    networks = {name: network.to(device) for name, network in small_networks().items()}
    coarse, reference = (images(2, SIZE, seed=seed).to(device) for seed in (1, 2))
    prior = tiny_prior().to(device)
    return Sampler(
        prior=prior,
        schedule=prior.schedule.plan(700, steps),
        guidance=compile_guidance(expression(coarse, reference), networks),
        strength=make_strength("dynamic", 0.2),
    )


def sampled(device, steps=4):
    sampler = small_sampler(device, steps)
    start = images(2, SIZE, seed=3).to(device)
    noise = seeded_noise(start, 5)
    return sampler.run(sampler.start_from(start, noise), noise)


def least_cosine(ours, theirs):
    pairs = (part.double().cpu().flatten(1) for part in (ours, theirs))
    return float(torch.cosine_similarity(*pairs).min())


@pytest.fixture(scope="module")
def full_size():
    """The four gradients of full-size random networks at 512 px, in float32 by the CPU's rules."""
    features, _ = load_networks(None, CUDA, whole_step=False)
    x0hat, coarse, reference = pictures(512, CUDA)
    guidance = compile_guidance(expression(coarse, reference), features)
    exact = guidance.gradients(x0hat, StepContext(x0hat, 350, 50)).clone()
    return features, (x0hat, coarse, reference), exact


def test_the_unet_in_exact_is_the_cpus():
    network = tiny_unet()
    x, t = images(2, SIZE, seed=0), torch.tensor([10, 600])
    expected = network(x, t)
    with true_float32():
        found = network.to(CUDA)(x.to(CUDA), t.to(CUDA)).cpu()
    # Rounding of sums of a thousand products; TF32 would leave 1e-3.
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5 * float(expected.abs().max()))


def test_gradients_in_exact_are_the_cpus():
    found = []
    for device in (CPU, CUDA):
        sampler = small_sampler(device)
        x0hat = images(2, SIZE, seed=4).to(device)
        found.append(sampler.guidance.gradients(x0hat, StepContext(x0hat, 350, 2)).cpu())
    ours, theirs = (part.double().flatten(1) for part in found)
    assert float(torch.cosine_similarity(ours, theirs).min()) > 1 - 1e-6


def test_exact_is_float32_whatever_the_host_allows(full_size):
    features, (x0hat, coarse, reference), exact = full_size
    precision_preset("exact", CUDA).apply(features)
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        allowed = float32_settings()
        guidance = compile_guidance(expression(coarse, reference), features)
        found = guidance.gradients(x0hat, StepContext(x0hat, 350, 50))
        assert float32_settings() == allowed
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    assert least_cosine(found.flatten(0, 1), exact.flatten(0, 1)) > 1 - 1e-6


@pytest.mark.parametrize(("preset", "least"), [("balanced", 0.9999), ("fast", 0.99)])
def test_presets_keep_their_promise(full_size, preset, least):
    features, (x0hat, coarse, reference), exact = full_size
    precision_preset(preset, CUDA).apply(features)
    guidance = compile_guidance(expression(coarse, reference), features)
    found = guidance.gradients(x0hat, StepContext(x0hat, 350, 50))
    assert least_cosine(found.flatten(0, 1), exact.flatten(0, 1)) > least


def test_balanced_in_split_tf32_keeps_its_promise(full_size):
    features, (x0hat, coarse, reference), exact = full_size
    precision_preset("balanced", CUDA).apply(features)
    try_out(["split", "pooling"], features, None)
    context, replayed = StepContext(x0hat, 350, 50), []
    try:
        guidance = compile_guidance(expression(coarse, reference), features)
        found = guidance.gradients(x0hat, context)
        replayed.append(ReplayedGuidance(guidance))
        assert torch.equal(replayed[0](x0hat, context).gradient, guidance(x0hat, context).gradient)
        assert replayed[0].notes == ()
    finally:
        try_out([], features, None)
    assert least_cosine(found.flatten(0, 1), exact.flatten(0, 1)) >= 0.9999


# Of the full-size U-Net at 512 px: groups of 1, 2, 3, 8, 12, 24 and 32 channels.
NORMED = [
    *((1, 32, 512, 512), (1, 64, 512, 512), (2, 96, 256, 256), (1, 256, 64, 64)),
    *((1, 384, 64, 64), (1, 768, 32, 32), (1, 1024, 16, 16), (4, 512, 8, 8)),
]


@pytest.mark.parametrize("shape", NORMED, ids=str)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_tritons_norm_is_the_plain_one(shape, dtype):
    pytest.importorskip("triton")
    from pdgrad_core.diffusion.norms_triton import group_norm_silu

    generator = torch.Generator().manual_seed(0)
    batch, channels = shape[:2]
    x = torch.randn(shape, generator=generator).to(CUDA, dtype, memory_format=torch.channels_last)
    weight, bias = (torch.randn(channels, generator=generator).to(CUDA, dtype) for _ in range(2))
    condition = torch.randn(batch, 2 * channels, 1, 1, generator=generator).to(CUDA, dtype)
    scale, shift = condition.chunk(2, dim=1)
    for given in ((None, None), (scale, shift)):
        for activate in (True, False):
            found = group_norm_silu(x, 32, weight, bias, 1e-5, *given, activate)
            y = F.group_norm(x.double(), 32, weight.double(), bias.double(), 1e-5)
            y = y if given[0] is None else y * (1 + scale.double()) + shift.double()
            y = F.silu(y) if activate else y
            # Rounded once to the dtype; in between float32 rounds sums and a line.
            inner = float(y.abs().max()) * rounding(torch.float32, 16)
            unit = torch.finfo(dtype).eps
            torch.testing.assert_close(found.double(), y, atol=inner, rtol=unit)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_a_prior_with_tritons_norms_is_replayed_to_the_bit(dtype):
    pytest.importorskip("triton")
    prior = tiny_prior().to(CUDA, dtype)
    x_t = images(2, SIZE, seed=3).to(CUDA)
    plain = prior(x_t, 300).prediction
    fuse_norms(prior)
    eager = prior(x_t, 300).prediction
    prior.replay = Replay("prior", prior.evaluate, record_cuda_graph, prior.network.parameters)
    assert torch.equal(prior(x_t, 300).prediction, eager)
    assert prior.notes == ()
    size = float(plain.abs().max()) * rounding(dtype, terms_of(prior.network))
    torch.testing.assert_close(eager, plain, atol=size, rtol=0)


@pytest.mark.parametrize("preset", ["exact", "balanced", "fast"])
def test_a_step_does_not_wait(preset):
    sampler = small_sampler(CUDA)
    networks = {leaf.network.name: leaf.network for leaf in sampler.guidance.leaves}
    precision_preset(preset, CUDA).apply(networks, sampler.prior)
    x_t = images(2, SIZE, seed=3).to(CUDA)
    noise = torch.zeros_like(x_t)

    def launch():
        finiteness = Finiteness()
        context = StepContext(x_t, int(sampler.schedule.timesteps[2]), 2, finiteness=finiteness)
        with torch.no_grad():
            sampler._trace_row(context, sampler.launch(context, lambda: noise))
        return finiteness

    launch().read()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        finiteness = launch()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    finiteness.read()


def test_a_replayed_run_is_the_eager_one_to_the_bit(caplog):
    eager = small_sampler(CUDA)
    start = images(2, SIZE, seed=3).to(CUDA)
    expected = eager.run(start, seeded_noise(start, 5))
    again = replace(eager, guidance=ReplayedGuidance(eager.guidance))
    again.prior.replay = Replay("prior", again.prior.evaluate, record_cuda_graph)
    found = again.run(start, seeded_noise(start, 5))
    assert not [one for one in caplog.records if one.name == "pdgrad_core.replay"]
    assert torch.equal(found.image, expected.image)


def test_noise_is_the_cpus_though_drawn_ahead():
    drawn = []

    def keep(state):
        drawn.append(state.x_prev.cpu())

    for device in (CPU, CUDA):
        start = images(2, SIZE, seed=3).to(device)
        prior = tiny_prior().to(device)
        noise = seeded_noise(start, 5)
        Sampler(prior, prior.schedule.plan(700, 6)).run(start, noise, on_step=keep)
        drawn.append(noise().cpu())  # the generators stand where they would without drawing ahead
    assert torch.equal(drawn[6], drawn[13])
    torch.testing.assert_close(torch.stack(drawn[:6]), torch.stack(drawn[7:13]), rtol=0, atol=1e-3)


def test_the_same_seed_gives_the_same_pixels():
    assert torch.equal(sampled(CUDA).image, sampled(CUDA).image)


def test_nan_is_named_as_on_the_cpu():
    sampler = small_sampler(CUDA)
    next(sampler.prior.network.parameters()).data.fill_(torch.nan)
    start = images(2, SIZE, seed=3).to(CUDA)
    with pytest.raises(NonFiniteError, match="What the prior predicts at timestep 699"):
        sampler.run(start, seeded_noise(start, 5))


def test_memory_is_flat_over_twenty_runs():
    sampler = small_sampler(CUDA)
    start = images(2, SIZE, seed=3).to(CUDA)
    held = []
    for seed in range(20):
        sampler.run(start, seeded_noise(start, seed))
        torch.cuda.synchronize()
        held.append(torch.cuda.memory_allocated())
    assert len(set(held[2:])) == 1


def test_a_replayed_runs_memory_is_given_back():
    sampler = small_sampler(CUDA)
    again = replace(sampler, guidance=ReplayedGuidance(sampler.guidance))
    again.prior.replay = Replay(
        "prior", again.prior.evaluate, record_cuda_graph, again.prior.network.parameters
    )
    start = images(2, SIZE, seed=3).to(CUDA)
    held = []
    for seed in range(6):
        again.run(start, seeded_noise(start, seed))
        torch.cuda.synchronize()
        held.append(torch.cuda.memory_allocated())
    assert len(set(held[1:])) == 1  # the prior's recording is kept, the guidance's is not
    again.prior.replay.forget()
    assert torch.cuda.memory_allocated() < held[-1]


def test_weights_that_a_host_moved_are_noticed(caplog):
    sampler = small_sampler(CUDA)
    start = images(2, SIZE, seed=3).to(CUDA)
    expected = sampler.run(start, seeded_noise(start, 5)).image
    prior = sampler.prior
    prior.replay = Replay("prior", prior.evaluate, record_cuda_graph, prior.network.parameters)
    for _ in range(2):
        assert torch.equal(sampler.run(start, seeded_noise(start, 5)).image, expected)
        held = [one.data.clone() for one in prior.network.parameters()]
        for parameter, moved in zip(prior.network.parameters(), held, strict=True):
            parameter.data = moved  # past our own `to`, as a host's offloading
    assert not [one for one in caplog.records if one.name == "pdgrad_core.replay"]


def test_full_memory_is_answered_and_the_next_run_is_as_before():
    expected = sampled(CUDA).image
    settings = float32_settings()
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e-6)
    try:
        with pytest.raises(torch.OutOfMemoryError):
            sampled(CUDA)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert float32_settings() == settings
    assert torch.equal(sampled(CUDA).image, expected)
