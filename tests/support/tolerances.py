"""How near two computations of one number have to be: one rule, from the arithmetic alone.

Processors sum in different orders, fuse a product with its sum or do not, and convolve directly or
through a transform; all of that is right. A tolerance that was found by trying holds on the machine
where it was tried, so every comparison of rounded numbers takes its tolerance from here.

- `rounding`: a result into which n roundings went, each of a random sign, is off by about
  sqrt(n) units of the dtype's rounding, times the largest number on the way (Higham & Mary 2019,
  theorem 2.4). n is the number of products summed on the longest way from input to output.
- Through ReLU, PReLU and pooling a *gradient* is no continuous function: where a rounding
  changes a sign, a path opens or closes whole. That concerns a share of the paths as large as
  the rounding, so the gradient's relative error is the square root of it: `through_gates`.
  It says little, so such gradients are compared in float64 (`networks.in_float64`), where signs do
  not change and `rounding` holds, and in float32 with float64 by `through_gates`.

The safety factor covers constants (Winograd's transforms, fast exponentials), not machines.
"""

import torch
from torch import Tensor, nn

SAFETY = 8.0

RECORDED = 64 * torch.finfo(torch.float32).eps
"""Relative error of the golden files, which official code recorded in float32.

Theirs alone, since what is compared with them runs in float64: at most 17 units were found (VGG16's
gradient), and no processor changes that.
"""

WINDOW = 64
"""Products that the suite's blurs and resizes sum for a pixel, rows and columns together."""

LPIPS_GUARD = 1e-8
"""Relative error of LPIPS's gradient in closed form, whatever the dtype.

It divides features by |f| + 1e-10 and differentiates f / |f|, which is off by 1e-10 / |f|; in the
tests' networks |f| stays above 0.01.
"""


def rounding(dtype: torch.dtype, terms: int = 1) -> float:
    """Return the relative error that so many roundings of a dtype may add up to.

    Args:
        dtype: In which it is computed.
        terms: Products summed on the longest way, all layers together.
    """
    return SAFETY * torch.finfo(dtype).eps * max(terms, 1) ** 0.5


def through_gates(dtype: torch.dtype, terms: int = 1) -> float:
    """Return the relative error, as a norm, of a gradient through gates that a sign decides."""
    return rounding(dtype, terms) ** 0.5


def terms_of(*modules: nn.Module) -> int:
    """Return how many products a network sums on its way: the fan-ins of its layers, added."""
    layers = [layer for module in modules for layer in module.modules()]
    weights = [getattr(layer, "weight", None) for layer in layers]
    return sum(w[0].numel() for w in weights if isinstance(w, Tensor) and w.ndim > 1)


def assert_same(
    found: Tensor,
    expected: Tensor,
    terms: int = 1,
    scale: float | None = None,
    besides: float = 0.0,
) -> None:
    """Assert that two tensors are one number each, but for the rounding of the coarser dtype.

    Args:
        found: Any shape.
        expected: The same shape; either dtype.
        terms: See `rounding`.
        scale: The largest number on the way; None takes the largest expected.
        besides: Relative error that is no rounding.
    """
    scale = float(expected.abs().max()) if scale is None else scale
    close = scale * (rounding(coarser(found, expected), terms) + besides)
    torch.testing.assert_close(found, expected, atol=close, rtol=0, check_dtype=False)


def assert_recorded(found: Tensor, recording: Tensor, scale: float | None = None) -> None:
    """Assert that what was computed in float64 is what official code recorded in float32.

    Args:
        found: float64.
        recording: A golden tensor, or a part of one.
        scale: The largest number of the whole tensor; None takes the largest recorded.
    """
    assert found.dtype == torch.float64, "compare recordings with float64, see `tolerances`"
    scale = float(recording.abs().max()) if scale is None else scale
    torch.testing.assert_close(found, recording, atol=RECORDED * scale, rtol=0, check_dtype=False)


def assert_same_through_gates(found: Tensor, expected: Tensor, terms: int = 1) -> None:
    """Assert that two gradients through gates are one; see `through_gates`."""
    error = float((found.double() - expected.double()).norm() / expected.double().norm())
    close = through_gates(coarser(found, expected), terms)
    assert error < close, f"relative error {error:.2e}, allowed {close:.2e}"


def coarser(*tensors: Tensor) -> torch.dtype:
    """Return the dtype with the fewest digits."""
    return max((t.dtype for t in tensors), key=lambda dtype: torch.finfo(dtype).eps)
