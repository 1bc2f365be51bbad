"""The shifted estimate under an Euler step is the pack's own guidance in the pack's own sampler."""

from itertools import pairwise

import numpy as np
import torch
from networks import images
from tolerances import assert_same

from pdgrad_core.diffusion.noise import seeded_noise
from pdgrad_core.diffusion.prior import PriorOutput
from pdgrad_core.diffusion.sampler import Sampler, StepContext
from pdgrad_core.diffusion.schedule import Schedule
from pdgrad_core.diffusion.steppers import STEPPERS
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.guidance.latent import Decoder, LatentGuidance, views_of_pictures
from pdgrad_core.guidance.strengths import make_strength
from pdgrad_core.guidance.terms import Term
from pdgrad_core.losses.pixel import PixelLoss

STRENGTH = 0.3


class SmoothPrior:
    """Takes a picture's own blur for its clean picture, kept within [-1, 1]."""

    schedule = Schedule.linear()
    prediction = "x0"
    variance = "fixed_small"

    def __call__(self, x_t, t):
        return PriorOutput(x0_of(x_t, float(self.schedule.alphas_cumprod[t])))


def x0_of(x_t, kept):
    return torch.nn.functional.avg_pool2d(x_t * kept**0.5, 3, 1, 1).clamp(-1, 1)


class AsInTheHost:
    """The host's shift, written into a step of the pack's sampler.

    x0hat and eps of a DDIM step follow from x_t and x_prev; there x0hat is shifted by
    s |x_t / sqrt(abar) - x0hat|.
    """

    def __init__(self, plan):
        kept = list(zip(plan.alphas_cumprod, plan.alphas_cumprod_prev, strict=True))
        self.levels = list(reversed(kept))

    def on_mean(self, mean, variance, g):
        return mean

    def on_sample(self, x_prev, x_t, g):
        now, then = self.levels.pop(0)
        matrix = np.sqrt([[now, 1 - now], [then, 1 - then]])
        to_x0, to_eps = np.linalg.inv(matrix).tolist()
        x0hat, eps = (a * x_t + b * x_prev for a, b in (to_x0, to_eps))
        shift = make_strength("dynamic", STRENGTH).on_sample(x0hat, x_t / now**0.5, g) - x0hat
        moved = x0hat + shift
        eps = (x_t - now**0.5 * moved) / (1 - now) ** 0.5
        return then**0.5 * moved + (1 - then) ** 0.5 * eps


def test_euler_steps_of_the_shifted_estimate_are_the_samplers_ddim_steps():
    target = images(1, 12, seed=3).double()
    guidance = compile_guidance(Term("pixels", PixelLoss(), target), {})
    prior = SmoothPrior()
    plan = prior.schedule.plan(700, 6)
    noise = seeded_noise(torch.zeros(2, 3, 12, 12), 5)
    start = noise().double()
    sampler = Sampler(
        prior=prior,
        schedule=plan,
        guidance=guidance,
        strength=AsInTheHost(plan),
        stepper=STEPPERS["ddim"](),
    )
    expected = sampler.run(start, lambda: torch.zeros_like(start)).image

    guide = LatentGuidance(
        Decoder(lambda z: z, 1),
        views_of_pictures(start.shape),
        guidance,
        make_strength("dynamic", STRENGTH),
    )
    sigmas = [*reversed(plan.sqrt_recipm1_alphas_cumprod.tolist()), 0.0]
    x = start / float(plan.alphas_cumprod[-1]) ** 0.5
    for index, (sigma, following) in enumerate(pairwise(sigmas)):
        kept = 1 / (1 + sigma**2)
        x0hat = x0_of(x * kept**0.5, kept)
        moved = guide(x0hat, x, StepContext(x, 0, index))
        x = x + (x - moved) / sigma * (following - sigma)
    assert_same(x, expected, 1000, scale=float(start.abs().max()) * max(sigmas))
