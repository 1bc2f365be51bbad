"""The guided estimate of a latent model: dL/dz through one decode, and a step along it.

The gradient is taken at the detached estimate z0hat of the clean latents, so the model's own
network takes no part in it: of a guided step, one decode and its adjoint is what is added.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ...combiners.base import power_of_two
from ...diffusion.records import Guidance, Guided, Record, StepContext
from ...diffusion.sampler import per_image_norm
from ...errors import NonFiniteError
from ..strengths import StrengthRule
from .decoding import Decoder, recomputed
from .views import View


@dataclass(eq=False)
class LatentGuidance:
    """Shifts z0hat along the gradient of a loss of its pixels, for any sampler of any model.

    z0hat <- z0hat - s |x - z0hat| g / |g|. An Euler step from noise level sigma to sigma' moves x
    by (1 - sigma'/sigma) (z0hat - x), with x = x_0 + sigma eps as with the x = (1 - sigma) x_0 +
    sigma eps of a rectified flow: so the shift moves a step by s times its own length.

    Source: He et al. 2024 (MPGD) for the gradient at the detached estimate; Patel et al. 2024
        (FlowChef) and Kim et al. 2025 (FlowDPS) for the same shift in rectified flows.
    Deviations: the length is relative to the step (PGDiff's dynamic strength), per picture; the
        sampler makes of the shifted estimate whatever it makes of any.

    Attributes:
        decoder: Latents to pixels.
        views: What of the pictures the guidance sees, in the order of its faces.
        guidance: Gradient at the views `(F, 3, S, S)` in [-1, 1].
        strength: Its `on_sample` sets the length.
        repeats: Shifts at one step, each of this length; the model's network is not asked again.
        jitter_px: How far a view is moved at each gradient at most, its own pixels, so that no
            detail counts that hangs on the place of a pixel.
        seed: Of the jitter.
        weight: `(1 or B, 1, h, w)` from 0 to 1, by which the gradient counts; None for 1.
    """

    decoder: Decoder
    views: Sequence[View]
    guidance: Guidance
    strength: StrengthRule
    repeats: int = 1
    jitter_px: float = 0.0
    seed: int = 0
    weight: Tensor | None = field(default=None, repr=False)

    def gradient(self, z0hat: Tensor, context: StepContext) -> Guided:
        """Return dL/dz0hat and what the guidance recorded.

        Where 16 bits do not hold pixels or gradient, the decoder goes on in float32.

        Args:
            z0hat: `(B, C, h, w)`.
            context: Where the step is; its index and repeat choose the jitter.

        Returns:
            The gradient `(B, C, h, w)`, 0 where no face is.

        Raises:
            NonFiniteError: Pixels or gradient are NaN or infinite in float32.
        """
        found = self._gradient(z0hat, context)
        if found is None and self.decoder.precise is not None:
            self.decoder = self.decoder.precise()
            found = self._gradient(z0hat, context)
        if found is None:
            raise NonFiniteError(
                f"Decoding the estimate at timestep {context.t} gives NaN or infinite numbers; "
                "lower the strength, or check the VAE."
            )
        return found

    def _gradient(self, z0hat: Tensor, context: StepContext) -> Guided | None:
        jitter = self._jitter(context)
        with torch.enable_grad():
            z = z0hat.detach().clone().requires_grad_()
            seen = [self._seen(z, view, off) for view, off in zip(self.views, jitter, strict=True)]
            crops = torch.cat(seen)
        if not bool(torch.isfinite(crops.detach()).all()):
            return None
        guided = self.guidance(crops.detach(), context)
        # 16 bits hold a gradient of length 1, not one of 1e-6 or 1e6.
        sizes = self._sizes(guided.gradient, len(z0hat))
        scaled = guided.gradient / sizes[[view.image for view in self.views]]
        (pulled,) = torch.autograd.grad(crops, z, scaled.to(crops))
        gradient = pulled.detach() * sizes.to(pulled)
        if not bool(torch.isfinite(gradient).all()):
            return None
        if self.weight is not None:
            gradient = gradient * self.weight.to(gradient)
        return Guided(gradient, guided.record)

    def _sizes(self, gradient: Tensor, pictures: int) -> Tensor:
        """Return about how large each picture's gradient is, `(B, 1, 1, 1)`, powers of two."""
        largest = gradient.abs().amax((1, 2, 3))
        images = torch.tensor([view.image for view in self.views], device=gradient.device)
        found = largest.new_zeros(pictures).scatter_reduce(0, images, largest, "amax")
        return power_of_two(found)[:, None, None, None]

    def _seen(self, z: Tensor, view: View, jitter: tuple[float, float]) -> Tensor:
        def look(latents: Tensor) -> Tensor:
            return view.cut(self.decoder(latents), self.decoder.scale, jitter)

        latents = view.latents(z)
        # Of several faces one at a time is held.
        return look(latents) if len(self.views) == 1 else recomputed(look, latents)

    def _jitter(self, context: StepContext) -> list[tuple[float, float]]:
        if self.jitter_px == 0:
            return [(0.0, 0.0)] * len(self.views)
        number = (self.seed + 1000 * context.index + context.repeat) % (1 << 63)
        generator = torch.Generator().manual_seed(number)
        drawn = (2 * torch.rand(len(self.views), 2, generator=generator) - 1) * self.jitter_px
        return [(x, y) for x, y in drawn.tolist()]

    @torch.no_grad()
    def __call__(
        self,
        z0hat: Tensor,
        x: Tensor,
        context: StepContext,
        on_shift: Callable[[Record], None] | None = None,
    ) -> Tensor:
        """Return z0hat shifted along the guidance, once for each repeat.

        Args:
            z0hat: The model's estimate of the clean latents, `(B, C, h, w)`.
            x: What the model was given, the same shape, as the sampler has it.
            context: Where the step is.
            on_shift: Given each shift's row of the trace; its exceptions end the run.
        """
        step = x - z0hat
        found = z0hat
        for repeat in range(self.repeats):
            here = StepContext(context.x_t, context.t, context.index, repeat)
            guided = self.gradient(found, here)
            # Every shift is as long as the first: the step is what the model said.
            moved = self.strength.on_sample(found, found + step, guided.gradient)
            if on_shift is not None:
                on_shift(self._row(here, step, moved - found, guided))
            found = moved
        return found

    def _row(self, context: StepContext, step: Tensor, shift: Tensor, guided: Guided) -> Record:
        """Return a row of the trace; its norms are those of each view's picture."""
        images = [view.image for view in self.views]
        row: Record = {"t": context.t, "repeat": context.repeat}
        row["step_norm"] = per_image_norm(step)[images]
        row["shift_norm"] = per_image_norm(shift)[images]
        row.update(guided.record)
        return row
