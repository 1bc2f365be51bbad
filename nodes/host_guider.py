"""The host's GUIDER around a prior, with the pack's guidance in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import comfy.samplers
import torch
from torch import Tensor

from ..pdgrad_core.diffusion.sampler import StepContext
from ..pdgrad_core.guidance.strengths import make_strength
from .boundary import load_networks, outside_inference_mode
from .native_model import native_patcher
from .sample import placed_guidance
from .speed import guidance_of_a_run, let_go

if TYPE_CHECKING:
    from ..pdgrad_core.diffusion.sampler import Guidance
    from .guidance import LoadedGuidance
    from .sockets import LoadedPrior


class GuidedGuider(comfy.samplers.CFGGuider):
    """Predicts the clean face and shifts it along the guidance, for any of the host's samplers.

    An Euler step from noise level sigma to sigma' moves x by (1 - sigma'/sigma) (x0hat - x). To
    shift x0hat by s |x - x0hat| along the unit gradient moves it by s times its own length: a
    dynamic strength, whatever the sampler makes of x0hat.

    Args:
        prior: What is sampled.
        guidance: What pulls; None for the prior alone.
        strength: s, 0 or more.
    """

    def __init__(
        self, prior: LoadedPrior, guidance: LoadedGuidance | None, strength: float
    ) -> None:
        super().__init__(native_patcher(prior.prior))
        self.inner_set_conds({"positive": [[torch.zeros(1, 1, 1), {}]]})
        self.guidance = guidance
        self.levels = torch.from_numpy(prior.prior.schedule.sqrt_recipm1_alphas_cumprod)
        self.strength = make_strength("dynamic", strength)
        self.compiled: Guidance | None = None

    def sample(self, noise: Tensor, latent_image: Tensor, *args: Any, **options: Any) -> Tensor:
        """Sample outside inference mode, where gradients can be taken."""
        with outside_inference_mode():
            try:
                return super().sample(noise.clone(), latent_image.clone(), *args, **options)
            finally:
                let_go(self.compiled)
                self.compiled = None

    def predict_noise(self, x: Tensor, timestep: Tensor, *args: Any, **options: Any) -> Tensor:
        """Return x0hat (the host calls it noise here), shifted along the guidance."""
        x0hat = super().predict_noise(x, timestep, *args, **options)
        if self.guidance is None or self.strength.s == 0:
            return x0hat
        guide = self.compiled or self._compile(x0hat)
        sigma = float(timestep.flatten()[0])
        t = int((self.levels - sigma).abs().argmin())
        guided = guide(x0hat, StepContext(x / (1 + sigma**2) ** 0.5, t, t))
        return self.strength.on_sample(x0hat, x, guided.gradient)

    def _compile(self, x0hat: Tensor) -> Guidance:
        assert self.guidance is not None
        device = load_networks(self.guidance.patchers)
        networks = self.guidance.networks
        for network in networks.values():
            network.to(device)
        shape = (x0hat.shape[0], 3, x0hat.shape[-2], x0hat.shape[-1])
        expression = placed_guidance(self.guidance, shape, x0hat.device)
        assert expression is not None
        self.compiled = guidance_of_a_run(expression, networks)
        return self.compiled


def guided_guider(
    prior: LoadedPrior, guidance: LoadedGuidance | None, strength: float
) -> GuidedGuider:
    """Return a guider; see `GuidedGuider`."""
    return GuidedGuider(prior, guidance, strength)


def host_sampler(name: str) -> Any:
    """Return one of the host's samplers by name."""
    return comfy.samplers.sampler_object(name)
