"""PDGrad's guidance the straightforward way: what our own is measured against.

Each of the four losses runs both networks on x0hat and on its target at every step and goes back
by autograd; surgery is done on the full-size gradients. Float32 throughout.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..diffusion.sampler import Guided, StepContext
from ..features.arcface import ArcFace
from ..features.base import Features
from ..features.vgg import LOW_TAPS, PerceptualNetwork

GRADIENTS = ("low_c", "low_r", "high_c", "high_r")
"""The gradients that surgery sees, in the order in which they come here."""


@dataclass(frozen=True)
class StraightforwardGuidance:
    """PDGrad's g = dL/dx0hat, term by term.

    Attributes:
        arcface: u_1..u_4.
        vgg: v_1..v_5.
        coarse: y_c, `(B, 3, H, W)`.
        reference: y_r, the same shape.
    """

    arcface: ArcFace
    vgg: PerceptualNetwork
    coarse: Tensor
    reference: Tensor

    def __call__(self, x0hat: Tensor, context: StepContext) -> Guided:  # noqa: ARG002
        """Return g `(B, 3, H, W)`."""
        low_c, low_r, high_c, high_r = self.gradients(x0hat)
        return Guided(surgery(low_c, low_r) + surgery(high_r, high_c))

    def gradients(self, x0hat: Tensor) -> Tensor:
        """Return the gradients in the order of `GRADIENTS`, `(4, B, 3, H, W)`."""
        losses = [
            (loss, target)
            for loss in (self.low_loss, self.high_loss)
            for target in (self.coarse, self.reference)
        ]
        found: list[Tensor] = []
        for loss, target in losses:
            with torch.enable_grad():
                leaf = x0hat.detach().clone().requires_grad_()
                found += torch.autograd.grad(loss(leaf, target).sum(), leaf)
        return torch.stack(found)

    def low_loss(self, x0hat: Tensor, target: Tensor) -> Tensor:
        """Return sum_i d_arc(u_i(x0hat), u_i(y)) + sum_i d_vgg(v_i(x0hat), v_i(y)), `(B,)`."""
        u, u_target = self._both(self.arcface, x0hat, target, self.arcface.low_taps)
        v, v_target = self._both(self.vgg, x0hat, target, LOW_TAPS)
        terms = [d_arc(u[tap], u_target[tap]) for tap in u]
        terms += [d_vgg(v[tap], v_target[tap], self.vgg.head(tap)) for tap in v]
        return torch.stack(terms).sum(0)

    def high_loss(self, x0hat: Tensor, target: Tensor) -> Tensor:
        """Return d_arc(u_4(x0hat), u_4(y)), `(B,)`."""
        tap = self.arcface.embedding_tap
        u, u_target = self._both(self.arcface, x0hat, target, (tap,))
        return d_arc(u[tap], u_target[tap])

    def _both(
        self,
        network: ArcFace | PerceptualNetwork,
        x0hat: Tensor,
        target: Tensor,
        taps: tuple[str, ...],
    ) -> tuple[Features, Features]:
        with torch.no_grad():
            wanted = network.features(target, taps)
        return network.features(x0hat, taps), wanted


def d_arc(p: Tensor, q: Tensor) -> Tensor:
    """Return 1 - <p, q> / (|p| |q|), `(B,)`."""
    return 1 - torch.cosine_similarity(p.flatten(1), q.flatten(1))


def d_vgg(p: Tensor, q: Tensor, head: Tensor) -> Tensor:
    """Return the spatial mean of sum_c w_c^2 (phat - qhat)^2, `(B,)`, as the lpips package does."""
    p, q = (f / (f.square().sum(1, keepdim=True).sqrt() + 1e-10) for f in (p, q))
    weighted = torch.nn.functional.conv2d((p - q) ** 2, head.view(1, -1, 1, 1))
    return weighted.mean((1, 2, 3))


def surgery(pivot: Tensor, other: Tensor) -> Tensor:
    """Return p + k ohat where the two conflict, else p + o; each image by itself."""
    p, o = pivot.flatten(1), other.flatten(1)
    inner, squared = (o * p).sum(1, keepdim=True), (p * p).sum(1, keepdim=True)
    projected = o - inner / squared * p
    k = (p.norm(dim=1, keepdim=True) / projected.norm(dim=1, keepdim=True)).clamp_max(1)
    return torch.where(inner >= 0, p + o, p + k * projected).view_as(pivot)
