"""The prior for the host's SamplerCustomAdvanced: noise, guider, sampler, sigmas and latent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.diffusion.noise import PerImageNoise, per_image_generators
from ..pdgrad_core.diffusion.schedule import Schedule
from ..pdgrad_core.runs import Process
from . import schema
from .boundary import as_sentence, from_host, outside_inference_mode
from .checked import CheckedNode
from .node_schema import node_schema
from .prior import check_native
from .sampling_inputs import NOISES, noise_input
from .sockets import GuidanceIO, LoadedPrior, LossIO, PriorIO

if TYPE_CHECKING:
    from .guidance import LoadedGuidance

SAMPLERS = ["ddpm", "ddim", "euler", "heun", "dpmpp_2m"]
"""Of the host's; any other comes from its own KSamplerSelect."""


class PriorForCustomSampler(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradCustomSampling",
            display_name="Face Prior for Custom Sampler",
            category="PDGrad/prior",
            description=(
                "Everything that SamplerCustomAdvanced asks for, for this prior: the pack's noise, "
                "a guider with or without guidance, a sampler, the papers' noise levels below tau, "
                "and the start image as a latent in pixel space. Each can be replaced by another "
                "node's. Decode the result with the VAE 'pixel_space' (Load VAE)."
            ),
            inputs=_inputs(),
            outputs=[
                io.Noise.Output(
                    "noise", display_name="noise", tooltip="The pack's noise: a generator a face."
                ),
                io.Guider.Output(
                    "guider", display_name="guider", tooltip="The prior, guided where guidance is."
                ),
                io.Sampler.Output(
                    "sampler", display_name="sampler", tooltip="The sampler named above."
                ),
                io.Sigmas.Output(
                    "sigmas", display_name="sigmas", tooltip="The papers' noise levels below tau."
                ),
                io.Latent.Output(
                    "latent",
                    display_name="latent",
                    tooltip="The start image in pixel space, or an empty one.",
                ),
            ],
        )

    @classmethod
    def validate_inputs(
        cls,
        steps: int | None,
        tau: int | None,
        sampler_name: str | None,
        noise_of: str | None = None,
    ) -> bool | str:
        """Refuse unknown choices, and steps that tau cannot give, before anything runs."""
        known = schema.check_choices(cls, sampler_name=sampler_name, noise_of=noise_of)
        if known is not True or steps is None or tau is None:
            return known
        return as_sentence(lambda: Process(tau=tau, steps=steps).plan(Schedule.linear()))

    @classmethod
    def execute(
        cls,
        prior: LoadedPrior,
        seed: int,
        steps: int,
        tau: int,
        sampler_name: str,
        strength: float,
        batch_size: int,
        image: Tensor | None = None,
        guidance: LoadedGuidance | None = None,
        noise_of: str = NOISES[0],
    ) -> io.NodeOutput:
        """Make the five parts; nothing is sampled yet."""
        from .host_guider import guided_guider, host_sampler

        check_native(prior)
        size = prior.prior.image_size
        with outside_inference_mode():
            if image is None:
                tau = prior.prior.schedule.num_train_timesteps
                start = torch.zeros(batch_size, 3, size, size)
            else:
                start = from_host(image, "The start image")
            prior.prior.check_size(*start.shape[-2:])
            plan = Process(tau=tau, steps=steps).plan(prior.prior.schedule)
            return io.NodeOutput(
                FaceNoise(seed, noise_of == NOISES[0]),
                guided_guider(prior, guidance, strength),
                host_sampler(sampler_name),
                sigmas_of(plan),
                {"samples": start},
            )


def _inputs() -> list[Any]:
    noise = noise_input("noise_of")
    return [
        PriorIO.Input("prior", tooltip="From Load Face Prior."),
        schema.seed("Noise of the first face, as Guided Face Sampler has it."),
        schema.whole("steps", 50, (1, 1000), "Noise levels, spread evenly below tau."),
        schema.whole(
            "tau",
            700,
            (1, 1000),
            "How far the start image is noised, of 1000; without an image all 1000.",
        ),
        schema.choice(
            "sampler_name", SAMPLERS, SAMPLERS[0], "Of the host's; KSamplerSelect has the others."
        ),
        schema.real(
            "strength",
            0.2,
            (0.0, 100_000.0),
            0.01,
            "How far the guidance moves a step, of the step's own length.",
        ),
        schema.whole("batch_size", 1, (1, 64), "Faces sampled where no image is connected."),
        io.Image.Input(
            "image", optional=True, tooltip="Where sampling starts: the coarse face, aligned."
        ),
        io.MultiType.Input(
            "guidance",
            [GuidanceIO, LossIO],
            optional=True,
            tooltip="What pulls the face; without it the prior is sampled alone.",
        ),
        noise,
    ]


def sigmas_of(plan: Schedule) -> Tensor:
    """Return a run's noise levels as the host counts them, (steps + 1,), the largest first.

    Where a DDPM's x_t is sqrt(abar) x_0 + sqrt(1 - abar) eps, the host's is x_0 + sigma eps.
    """
    levels = torch.from_numpy(plan.sqrt_recipm1_alphas_cumprod).float().flip(0)
    return torch.cat([levels, levels.new_zeros(1)])


@dataclass(frozen=True)
class FaceNoise:
    """NOISE of the host: what Guided Face Sampler draws first for the same seed.

    Attributes:
        seed: Of the first face.
        next_seeds: Whether the next faces take the next seeds, or the same.
    """

    seed: int
    next_seeds: bool = True

    def generate_noise(self, latent: dict[str, Any]) -> Tensor:
        """Return standard normal noise of a latent's shape, `(B, C, H, W)`."""
        samples: Tensor = latent["samples"]
        numbers = latent.get("batch_index") or range(len(samples))
        seeds = [self.seed + int(number) * self.next_seeds for number in numbers]
        return PerImageNoise(per_image_generators(seeds), samples.shape[1:])()


NODES = [PriorForCustomSampler]
