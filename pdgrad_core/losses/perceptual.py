"""d_vgg, the LPIPS distance at chosen VGG16 layers: PDGrad's low-level appearance loss."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Annotated

import torch
from torch import Tensor

from ..errors import InvalidInputError
from ..features.base import FeatureNetwork, Features
from ..features.vgg import HEAD_TAPS, LOW_TAPS, TAPS, PerceptualNetwork
from ..parameters import Param
from ..true_float32 import true_float32
from .base import LOSSES, Card, Loss

# Numbers handled at a time on a CPU: the products of one chunk stay in its cache.
_CHUNK = 131072


@LOSSES.register("perceptual")
class PerceptualLoss(Loss):
    """Sum over layers of the spatial mean of sum_c w_lc^2 (phat - qhat)^2.

    phat and qhat are the features, normalised over channels at each pixel.

    Source: PDGrad, d_vgg(v_i(x0hat), v_i(y_a)); Zhang et al. 2018 (LPIPS), eq. 1, w_l^2 its heads.

    Deviations: where a feature vector is exactly zero, its gradient is zero (in `lpips` it is NaN).

    Args:
        layers: VGG16 taps; v_1..v_5 of the paper by default, LPIPS's own are `vgg.HEAD_TAPS`.

    Example:
        >>> PerceptualLoss().layers[-1]
        'conv5_2'
    """

    network = "vgg"
    card = Card(form_of="squared_perceptual", form="lpips", name="perceptual")

    def __init__(
        self,
        layers: Annotated[
            Sequence[str],
            Param(choices=TAPS, what="VGG16 layer", tooltip="VGG16 layers that d_vgg compares."),
        ] = LOW_TAPS,
    ) -> None:
        if not layers:
            raise InvalidInputError("The perceptual loss needs at least one VGG16 layer, not none.")
        self.layers = tuple(layers)

    def taps(self, network: FeatureNetwork, /) -> tuple[str, ...]:
        """See `Loss`."""
        network.check_taps(self.layers)
        return self.layers

    def target(self, network: FeatureNetwork, image: Tensor, /) -> Features:
        """Return the target's normalised features as `(B, H W, C)`; see `Loss`."""
        return {
            tap: _normalised(_as_rows(value).contiguous())[0]
            for tap, value in super().target(network, image).items()
        }

    def __call__(self, network: FeatureNetwork, features: Features, target: Features, /) -> Tensor:
        """See `Loss`."""
        total: Tensor | None = None
        for tap in self.layers:
            p, _ = _normalised(_as_rows(features[tap]))
            value = ((p - target[tap]) ** 2 @ _head(network, tap)).mean(1)
            total = value if total is None else total + value
        assert total is not None
        return total

    def cotangent(
        self, network: FeatureNetwork, features: Features, target: Features, /
    ) -> tuple[Tensor, Features]:
        """Return the loss and its cotangents in closed form; see `Loss`.

        With p = f/|f| and a = dL/dp = 2/(HW) w^2 (p - q):  dL/df = (a - p <a, p>) / |f|.
        """
        total: Tensor | None = None
        found: Features = {}
        for tap in self.layers:
            rows = _as_rows(features[tap])
            value, g = _layer_cotangent(network, rows, target[tap], _head(network, tap))
            total = value if total is None else total + value
            b, c, h, w = features[tap].shape
            found[tap] = g.view(b, h, w, c).permute(0, 3, 1, 2)
        assert total is not None
        return total, found


class LPIPSDistance:
    """LPIPS itself, as a distance of images: what metrics call.

    Args:
        network: VGG16 with LPIPS's heads.
    """

    def __init__(self, network: FeatureNetwork) -> None:
        self.network = network
        self.loss = PerceptualLoss(HEAD_TAPS)

    @true_float32()
    @torch.no_grad()
    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the distance `(B,)` of two batches `(B, 3, H, W)` in [-1, 1]."""
        target = self.loss.target(self.network, second)
        return self.loss(self.network, self.network.features(first, HEAD_TAPS), target)


def _layer_cotangent(
    network: FeatureNetwork, f: Tensor, q: Tensor, head: Tensor
) -> tuple[Tensor, Tensor]:
    """Return one layer's distance `(B,)` and its gradient, shaped like f `(B, N, C)`."""
    b, n, channels = f.shape
    q = q.expand(b, -1, -1)
    weight = head * (2 / n)
    if network.compiled:
        return _compiled_cotangent()(f, q, weight, network.cotangent_dtype)
    size = max(1, _CHUNK // channels) if f.device.type == "cpu" else n
    if size >= n:
        return _rows_cotangent(f, q, weight, network.cotangent_dtype)
    g = torch.empty_like(f, dtype=network.cotangent_dtype)
    value = f.new_zeros(b)
    for start in range(0, n, size):
        part = slice(start, start + size)
        distance, g[:, part] = _rows_cotangent(f[:, part], q[:, part], weight, f.dtype)
        value += distance
    return value, g


def _rows_cotangent(
    f: Tensor, q: Tensor, weight: Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Return the rows' share of the distance `(B,)`, and its gradient `(B, N, C)`.

    Args:
        f: Features `(B, N, C)`.
        q: Normalised features of the target.
        weight: 2/(HW) w^2, `(C,)`.
        dtype: Of the gradient.
    """
    inverse = _inverse_norm(f)
    difference = torch.addcmul(q, f, inverse, value=-1)  # q - p; p itself is never written
    a = difference * -weight
    value = torch.linalg.vecdot(difference, a).sum(1) / -2
    along = torch.linalg.vecdot(a, f).unsqueeze(2) * inverse
    g = a.mul_(inverse).addcmul_(f, along * inverse * inverse, value=-1)
    return value, g.to(dtype)


@lru_cache(maxsize=1)
def _compiled_cotangent() -> Callable[[Tensor, Tensor, Tensor, torch.dtype], tuple[Tensor, Tensor]]:
    """Return `_rows_cotangent` as one fused kernel that takes a layer whole."""
    return torch.compile(_rows_cotangent, dynamic=True)


def _as_rows(feature: Tensor) -> Tensor:
    """Return a feature map `(B, C, H, W)` as `(B, H W, C)`; a view where it is channels-last."""
    return feature.permute(0, 2, 3, 1).flatten(1, 2)


def _normalised(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return rows `(..., C)` of unit length and 1/|f| `(..., 1)`; both zero where f is zero."""
    inverse = _inverse_norm(rows)
    return rows * inverse, inverse


def _inverse_norm(rows: Tensor) -> Tensor:
    """Return 1/|f| `(..., 1)` of rows `(..., C)`; zero where f is zero."""
    norm = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    return torch.where(norm > 0, 1 / (norm + 1e-10), 0.0)


def _head(network: FeatureNetwork, tap: str) -> Tensor:
    if not isinstance(network, PerceptualNetwork):
        raise InvalidInputError(
            f"The perceptual loss needs VGG16 with LPIPS heads, not {network.name!r}."
        )
    return network.head(tap)
