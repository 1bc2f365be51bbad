"""The loop's own laws: plain sampling, filters, repeats, randomness per image, stopping, faults."""

import pytest
import torch
from golden import tiny_prior, tiny_unet
from networks import in_float64
from strengths import OnMean, towards
from tolerances import assert_same, terms_of

from pdgrad_core.diffusion.ddpm import add_noise, predict_eps, predict_x0
from pdgrad_core.diffusion.noise import PerImageNoise, per_image_generators
from pdgrad_core.diffusion.prior import PriorOutput
from pdgrad_core.diffusion.sampler import Guided, Sampler, per_image_norm
from pdgrad_core.diffusion.schedule import Schedule
from pdgrad_core.diffusion.steppers.ddim import DDIM
from pdgrad_core.diffusion.steppers.ddpm import DDPM
from pdgrad_core.errors import InvalidInputError, NonFiniteGradientError, SamplingStopped

SHAPE = (3, 16, 16)


class Constant:
    """A prior that is always sure of one image: x0hat is that image at every step."""

    prediction = "x0"
    variance = "fixed_small"

    def __init__(self, image):
        self.image = image
        self.schedule = Schedule.linear()
        self.calls = 0

    def __call__(self, x_t, t):
        self.calls += 1
        return PriorOutput(self.image.expand_as(x_t))


def noise_for(*seeds):
    return PerImageNoise(per_image_generators(seeds), SHAPE)


@pytest.fixture
def image():
    return torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(5)) * 1.6 - 0.8


@pytest.mark.parametrize("stepper", [DDPM(), DDIM(0), DDIM(0.5), DDIM(1)])
def test_a_prior_that_knows_the_image_returns_it(image, stepper):
    prior = Constant(image)
    sampler = Sampler(prior, prior.schedule.plan(700, 10), stepper=stepper)
    noise = noise_for(3)
    result = sampler.run(sampler.start_from(torch.zeros_like(image), noise), noise)
    assert_same(result.image, image, sampler.total_steps)
    assert prior.calls == sampler.total_steps == 10
    assert [row["t"] for row in result.trace] == sorted(
        (row["t"] for row in result.trace), reverse=True
    )


@pytest.mark.parametrize("prediction", ["eps", "x0", "v"])
def test_predictions_are_three_views_of_one_estimate(image, prediction):
    schedule, i = Schedule.linear(), 400
    eps = torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(1))
    x_t = add_noise(image, eps, schedule, i)
    a, b = schedule.sqrt_alphas_cumprod[i], schedule.sqrt_one_minus_alphas_cumprod[i]
    output = {"eps": eps, "x0": image, "v": a * eps - b * image}[prediction]
    found = predict_x0(output.float(), x_t, schedule, i, prediction)
    # eps is what is left of x_t without a * image, divided by b; v and eps are of size 3 or so.
    assert_same(found, image, scale=3 / a)
    assert_same(predict_eps(found, x_t, schedule, i), eps, scale=3 / b / a)


def test_ddim_with_full_eta_is_ddpm_with_the_posterior_variance(image):
    prior, results = Constant(image), []
    for stepper in (DDPM(), DDIM(1.0)):
        sampler = Sampler(prior, prior.schedule.plan(700, 20), stepper=stepper)
        noise = noise_for(11)
        results.append(sampler.run(sampler.start_from(image, noise), noise).trace)
    for one, other in zip(*results, strict=True):
        largest = 1.0 + float(one["step_norm"].max())
        assert_same(one["step_norm"], other["step_norm"], image.numel(), scale=largest)


def test_zero_strength_is_plain_sampling(image):
    prior = tiny_prior()
    schedule = prior.schedule.plan(700, 3)
    plain = Sampler(prior, schedule)
    guided = Sampler(prior, schedule, towards(image), OnMean(0.0))
    noise = noise_for(1)
    x = plain.start_from(image, noise)
    state = [g.get_state() for g in noise.generators]
    one = plain.run(x, noise).image
    for generator, saved in zip(noise.generators, state, strict=True):
        generator.set_state(saved)
    assert torch.equal(guided.run(x, noise).image, one)


def test_an_images_result_does_not_depend_on_its_batch_mates(image):
    prior, image = in_float64(tiny_prior()), image.double()
    sampler = Sampler(
        prior, prior.schedule.plan(700, 3), towards(image), OnMean(0.1), stepper=DDIM(0.3)
    )

    def restore(*seeds):
        noise = noise_for(*seeds)
        start = sampler.start_from(image.expand(len(seeds), -1, -1, -1), noise)
        return sampler.run(start, noise)

    together, alone = restore(7, 8), restore(8)
    terms = 3 * terms_of(tiny_unet())
    assert_same(together.image[1:], alone.image, terms)
    assert not torch.allclose(together.image[0], together.image[1])
    for one, other in zip(together.trace, alone.trace, strict=True):
        assert_same(one["shift_norm"][1:], other["shift_norm"], terms)


def test_the_callers_global_random_state_is_untouched(image):
    prior = Constant(image)
    sampler = Sampler(prior, prior.schedule.plan(700, 3))
    before = torch.random.get_rng_state()
    noise = noise_for(0)
    sampler.run(sampler.start_from(image, noise), noise)
    assert torch.equal(before, torch.random.get_rng_state())


def test_filters_act_in_order_before_the_gradient(image):
    prior = Constant(image)
    seen = []

    def halve(x0hat, context):
        return x0hat / 2

    def add_one(x0hat, context):
        return x0hat + 1

    def guidance(x0hat, context):
        seen.append(x0hat.clone())
        return Guided(torch.zeros_like(x0hat))

    sampler = Sampler(
        prior, prior.schedule.plan(700, 2), guidance, OnMean(1.0), contractions=[halve, add_one]
    )
    noise = noise_for(0)
    result = sampler.run(sampler.start_from(image, noise), noise)
    assert_same(seen[0], image / 2 + 1)
    assert_same(result.image, image / 2 + 1, sampler.total_steps)


def test_gradient_steps_repeat_inside_the_window_only(image):
    prior, calls = Constant(image), []

    def guidance(x0hat, context):
        calls.append((context.t, context.repeat))
        return Guided(torch.zeros_like(x0hat))

    sampler = Sampler(
        prior,
        prior.schedule.plan(5, 5),
        guidance,
        OnMean(1.0),
        gradient_steps=2,
        gradient_window=(1, 4),
    )
    noise = noise_for(0)
    sampler.run(sampler.start_from(image, noise), noise)
    assert calls == [(4, 0), (3, 0), (3, 1), (2, 0), (2, 1), (1, 0), (0, 0)]
    assert sampler.total_steps == 7


def test_guidance_moves_the_last_step_too_and_is_recorded(image):
    prior = Constant(image)
    target = image + 0.1
    sampler = Sampler(prior, prior.schedule.plan(1, 1), towards(target), OnMean(1.0))
    noise = noise_for(0)
    result = sampler.run(sampler.start_from(image, noise), noise)
    # A schedule of one step has no betatilde_1 to stand in for its own 0: Sigma is beta_0.
    sigma = float(prior.schedule.betas[0])
    assert_same(result.image, image + 2 * sigma * 0.1)
    # The shift is read off images of size 1, so it keeps their last digit, pixel by pixel.
    expected, digit = per_image_norm(result.image - image), torch.finfo(torch.float32).eps
    close = digit * image.numel() ** 0.5
    torch.testing.assert_close(result.trace[0]["shift_norm"], expected, rtol=0, atol=close)


def test_callback_sees_every_step_and_may_end_the_run(image):
    prior, seen = Constant(image), []

    class CancelledError(Exception):
        pass

    def on_step(state):
        seen.append((state.done, state.total, state.context.t))
        if state.done == 2:
            raise CancelledError

    sampler = Sampler(prior, prior.schedule.plan(700, 4))
    noise = noise_for(0)
    start = sampler.start_from(image, noise)
    with pytest.raises(CancelledError):
        sampler.run(start, noise, on_step=on_step)
    assert seen == [(1, 4, 699), (2, 4, 466)]
    with pytest.raises(SamplingStopped, match="timestep 699"):
        sampler.run(start, noise, should_stop=lambda: True)


def test_a_bad_gradient_stops_the_run_and_names_the_culprit(image):
    prior = Constant(image)

    def guidance(x0hat, context):
        return Guided(x0hat * float("nan"), {"low_r.loss": torch.tensor([float("inf")]), "k": 1.0})

    sampler = Sampler(prior, prior.schedule.plan(700, 2), guidance, OnMean(1.0))
    noise = noise_for(0)
    with pytest.raises(NonFiniteGradientError, match=r"timestep 699 \(not finite: low_r.loss\)"):
        sampler.run(sampler.start_from(image, noise), noise)


def test_norms_survive_extreme_values():
    x = torch.full((3, 1, 2, 2), 3.0) * torch.tensor([1e-30, 1e30, 0.0]).view(3, 1, 1, 1)
    torch.testing.assert_close(per_image_norm(x), torch.tensor([6e-30, 6e30, 0.0]))


def test_wrong_settings_are_refused(image):
    prior = Constant(image)
    with pytest.raises(InvalidInputError, match="needs a strength"):
        Sampler(prior, prior.schedule, towards(image))
    with pytest.raises(InvalidInputError, match="1 or more, not 0"):
        Sampler(prior, prior.schedule, gradient_steps=0)
    with pytest.raises(InvalidInputError, match="eta must be from 0 to 1"):
        DDIM(1.5)
    with pytest.raises(InvalidInputError, match="a seed for every image"):
        PerImageNoise([], SHAPE)
