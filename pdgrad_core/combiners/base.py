"""The contract of a combiner: lengths along unit gradients, from their cosines and norms.

Every such method's answer is a weighted sum of the gradients, and its weights depend on inner
products only. So the full-size gradients are touched twice, whatever the method: once for the
Gramian, once for the sum. Unit gradients and separate norms keep values from 1e-25 to 1e20 apart in
float32.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..devices import exact_dtype
from ..errors import InvalidInputError
from ..parameters import check_parameters, parameters_of
from ..registry import Registry

# Elements summed at a time: partial sums, added pairwise, lose fewer digits than one long sum.
_CHUNK = 4096


@dataclass(frozen=True)
class Gram:
    """Inner products of M vectors of each image, in float64 where the device has it.

    Attributes:
        cosines: `(B, M, M)`, <a, b> / (|a| |b|); 0 where a vector is zero, 1 on the diagonal else.
        norms: `(B, M)`, |a|.
    """

    cosines: Tensor
    norms: Tensor

    @property
    def gramian(self) -> Tensor:
        """`(B, M, M)`, the plain inner products of the vectors divided by the largest norm."""
        largest = self.norms.amax(dim=1, keepdim=True)
        relative = self.norms / torch.where(largest > 0, largest, 1.0)
        return self.cosines * relative[:, :, None] * relative[:, None, :]


def gram_of(gradients: Tensor) -> tuple[Gram, Tensor]:
    """Return the Gram of full-size gradients, and 1/scale for each.

    Args:
        gradients: `(M, B, C, H, W)`.

    Returns:
        The Gram, and `scales` `(M, B)`: powers of two that bring each gradient's largest element to
        1..2, so that no product over- or underflows and small integers stay exact.
    """
    scales = power_of_two(gradients.flatten(2).abs().amax(dim=2))
    m, b = scales.shape
    scaled = (gradients.flatten(2) / scales[..., None]).transpose(0, 1)
    scaled = scaled.to(exact_dtype(scaled.device))
    length = scaled.shape[2]
    missing = -length % _CHUNK
    padded = torch.nn.functional.pad(scaled, (0, missing)) if missing else scaled
    chunks = padded.view(b, m, -1, _CHUNK).transpose(1, 2)
    products = (chunks @ chunks.mT).sum(1)
    return _normalise(products, scales.T), scales


def gram_of_combinations(gram: Gram, vectors: Tensor) -> Gram:
    """Return the Gram of linear combinations of unit gradients.

    Args:
        gram: Of the K gradients.
        vectors: `(B, M, K)`, each row a combination's lengths along the K unit gradients.
    """
    vectors = vectors.to(gram.cosines)
    scales = power_of_two(vectors.abs().amax(dim=2))
    scaled = vectors / scales[..., None]
    return _normalise(scaled @ gram.cosines @ scaled.mT, scales)


def power_of_two(largest: Tensor) -> Tensor:
    """Return the power of two at or below each positive number; 1 for 0."""
    positive = torch.where(largest > 0, largest, 1.0)
    return torch.exp2(torch.floor(torch.log2(positive)))


def _normalise(products: Tensor, scales: Tensor) -> Gram:
    """Split inner products `(B, M, M)` of vectors divided by `scales` into cosines and norms."""
    norms = products.diagonal(dim1=1, dim2=2).clamp_min(0).sqrt()
    inverse = torch.where(norms > 0, 1 / torch.where(norms > 0, norms, 1.0), 0.0)
    cosines = (products * inverse[:, :, None] * inverse[:, None, :]).clamp(-1, 1)
    return Gram(cosines, norms * scales)


class Combiner(ABC):
    """A way to make one gradient of several, per image.

    Registered classes are constructed without arguments, or with annotated parameters.

    Attributes:
        on_device: Whether it computes where the gradients are, without asking for their values.
    """

    on_device: ClassVar[bool] = True

    @abstractmethod
    def lengths(self, gram: Gram, pivot: int) -> Tensor:
        """Return how far to go along each unit gradient, `(B, M)`.

        The combined gradient is sum_m lengths_m g_m / |g_m|; the plain sum answers the norms.

        Args:
            gram: Inner products of the M gradients.
            pivot: Index of the gradient whose direction is kept; symmetric methods ignore it.
        """

    def reset(self) -> None:  # noqa: B027  (most methods have no state)
        """Forget what earlier steps left, before a new run."""

    def __call__(self, gradients: Tensor, pivot: int = 0) -> Tensor:
        """Combine full-size gradients `(M, B, C, H, W)` into `(B, C, H, W)`."""
        gram, scales = gram_of(gradients)
        return combine(gradients, gram, scales, self.lengths(gram, pivot))


def combine(gradients: Tensor, gram: Gram, scales: Tensor, lengths: Tensor) -> Tensor:
    """Return sum_m lengths_m g_m / |g_m|.

    Args:
        gradients: `(M, B, C, H, W)`.
        gram: Their Gram.
        scales: Their scales `(M, B)`, from `gram_of`.
        lengths: `(B, M)`.

    Returns:
        `(B, C, H, W)` in the gradients' dtype.
    """
    unit_norms = (gram.norms / scales.T).clamp_min(torch.finfo(scales.dtype).tiny)
    weights = torch.where(gram.norms > 0, lengths / unit_norms, 0.0)
    # Dividing in two steps keeps 1e-25 and 1e20 apart: neither quotient leaves float32's range.
    scaled = gradients / scales[..., None, None, None]
    # What nearly opposes the pivot cancels in this sum, so it takes the Gram's digits too.
    found = torch.einsum("bm,mbchw->bchw", weights, scaled.to(weights))
    return found.to(gradients.dtype)


COMBINERS: "Registry[type[Combiner]]" = Registry("combiner")
"""The combiners' classes by name."""


def make_combiner(name: str, options: Mapping[str, Any] | None = None) -> Combiner:
    """Return a combiner by name.

    Args:
        name: Key in `COMBINERS`.
        options: Values of its parameters, by name; whole numbers may be given as floats.

    Raises:
        UnknownNameError: There is no combiner of this name.
        InvalidInputError: It has no such parameter, or the value is out of its range.
    """
    member, values = COMBINERS[name], dict(options or {})
    known = {one.name: one for one in parameters_of(member)}
    for option in values:
        if option not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise InvalidInputError(f"The combiner {name!r} has no parameter {option!r}; {has}.")
    check_parameters(member, values)
    return member(**{key: known[key].type(value) for key, value in values.items()})
