"""Sampling a Gaussian mixture whose eps is known in closed form, plain and guided.

Every batch entry is one sample in the plane (C = 2, H = W = 1), so moments can be measured.
"""

import pytest
import torch

from pdgrad_core.diffusion.prior import PriorOutput
from pdgrad_core.diffusion.sampler import Guided, Sampler
from pdgrad_core.diffusion.schedule import Schedule
from pdgrad_core.diffusion.steppers.ddim import DDIM
from pdgrad_core.diffusion.steppers.ddpm import DDPM

SAMPLES = 6000


class GaussianMixture:
    """The ideal denoiser of a mixture of Gaussians: eps = -sqrt(1 - abar) * score."""

    prediction = "eps"
    variance = "fixed_small"

    def __init__(self, weights, means, covariances):
        self.weights = torch.tensor(weights, dtype=torch.float64)
        self.means = torch.tensor(means, dtype=torch.float64)
        self.covariances = torch.tensor(covariances, dtype=torch.float64)
        self.schedule = Schedule.linear()

    def __call__(self, x_t, t):
        abar = float(self.schedule.alphas_cumprod[t])
        x = x_t.flatten(1).double()
        noisy = abar * self.covariances + (1 - abar) * torch.eye(2, dtype=torch.float64)
        densities = torch.distributions.MultivariateNormal(abar**0.5 * self.means, noisy)
        responsibility = torch.softmax(self.weights.log() + densities.log_prob(x[:, None]), dim=1)
        pull = torch.linalg.solve(noisy, (abar**0.5 * self.means - x[:, None])[..., None])[..., 0]
        score = (responsibility[..., None] * pull).sum(1)
        return PriorOutput((-((1 - abar) ** 0.5) * score).view_as(x_t).to(x_t))


def moments(prior, guidance=None, strength=None, stepper=None, steps=1000):
    generator = torch.Generator().manual_seed(0)

    def noise():
        return torch.randn(SAMPLES, 2, 1, 1, generator=generator)

    sampler = Sampler(
        prior,
        prior.schedule.plan(steps=steps),
        guidance,
        strength,
        stepper=stepper or DDPM(),
        clip=False,
    )
    samples = sampler.run(noise(), noise).image.flatten(1).double()
    return samples.mean(0), torch.cov(samples.T)


ONE = ([1.0], [[0.3, -0.2]], [[[0.20, 0.08], [0.08, 0.10]]])
TWO = ([0.3, 0.7], [[-0.6, 0.1], [0.5, -0.3]], [[[0.02, 0.0], [0.0, 0.05]]] * 2)


@pytest.mark.parametrize("stepper", [DDPM(), DDIM(0.0)])
def test_samples_of_a_gaussian_have_its_mean_and_covariance(stepper):
    prior = GaussianMixture(*ONE)
    mean, covariance = moments(prior, stepper=stepper)
    torch.testing.assert_close(mean, prior.means[0], atol=0.02, rtol=0)
    torch.testing.assert_close(covariance, prior.covariances[0], atol=0.012, rtol=0)


def test_samples_of_a_mixture_have_its_mean_and_covariance():
    prior = GaussianMixture(*TWO)
    mean, covariance = moments(prior, steps=500)
    expected = (prior.weights[:, None] * prior.means).sum(0)
    spread = prior.means - expected
    between = torch.einsum("k,ki,kj->ij", prior.weights, spread, spread)
    torch.testing.assert_close(mean, expected, atol=0.03, rtol=0)
    torch.testing.assert_close(covariance, prior.covariances[0] + between, atol=0.02, rtol=0)


class Measured:
    """-log p(y | x_t) for y = x_0 + noise of variance r2 and an isotropic Gaussian prior.

    With x_0 ~ N(m, c I): p(y | x_t) = N(x0hat, (r2 + v) I), v = c (1 - abar) / (abar c + 1 - abar),
    and dx0hat/dx_t = sqrt(abar) c / (abar c + 1 - abar).
    """

    def __init__(self, schedule, c, y, r2):
        self.schedule, self.c, self.r2 = schedule, c, r2
        self.y = torch.tensor(y).view(1, 2, 1, 1)

    def __call__(self, x0hat, context):
        abar = float(self.schedule.alphas_cumprod[context.t])
        total = abar * self.c + 1 - abar
        slope = abar**0.5 * self.c / total
        v = self.c * (1 - abar) / total
        return Guided(slope * (x0hat - self.y) / (self.r2 + v))


class FullStrength:
    """mean - Sigma g: classifier guidance with its exact gradient."""

    def on_mean(self, mean, variance, g):
        return mean - variance * g

    def on_sample(self, x_prev, x_t, g):
        return x_prev


def test_guided_samples_have_the_closed_form_posterior():
    c, y, r2 = 0.2, [0.7, 0.1], 0.1
    prior = GaussianMixture([1.0], [[0.1, -0.3]], [[[c, 0.0], [0.0, c]]])
    prior.variance = "fixed_large"
    mean, covariance = moments(prior, Measured(prior.schedule, c, y, r2), FullStrength())
    gain = c / (c + r2)
    expected = prior.means[0] + gain * (torch.tensor(y).double() - prior.means[0])
    torch.testing.assert_close(mean, expected, atol=0.02, rtol=0)
    posterior = torch.eye(2, dtype=torch.float64) * c * r2 / (c + r2)
    torch.testing.assert_close(covariance, posterior, atol=0.008, rtol=0)
