"""What `test_norms_triton` runs in a process with TRITON_INTERPRET=1; no test file by itself."""

import pytest
import torch
import torch.nn.functional as F
from networks import images
from recipe import fill
from tolerances import assert_same, rounding, terms_of

from pdgrad_core.diffusion import norms_triton
from pdgrad_core.diffusion.norms_triton import group_norm_silu
from pdgrad_core.diffusion.unet import UNet, UNetConfig
from pdgrad_core.models.fused_norms import TritonNorms

GROUPS = 4


def drawn(shape, dtype, *, mean=0.0, scaled=True, seed=0):
    """Return x, weight, bias, scale and shift; x channels-last, the last two views of one."""
    generator = torch.Generator().manual_seed(seed)
    batch, channels = shape[:2]

    def normal(*size):
        return torch.randn(*size, generator=generator)

    x = (normal(*shape) + mean).to(dtype, memory_format=torch.channels_last)
    weight, bias = (1 + 0.3 * normal(channels)).to(dtype), normal(channels).to(dtype)
    condition = (0.3 * normal(batch, 2 * channels)).to(dtype)[:, :, None, None]
    scale, shift = condition.chunk(2, dim=1) if scaled else (None, None)
    return x, weight, bias, scale, shift


def in_float64(x, weight, bias, scale, shift, activate, groups=GROUPS):
    y = F.group_norm(x.double(), groups, weight.double(), bias.double(), 1e-5)
    if scale is not None:
        y = y * (1 + scale.double()) + shift.double()
    return F.silu(y) if activate else y


def check(x, weight, bias, scale, shift, *, activate=True, groups=GROUPS, size=1.0):
    """Compare with float64.

    The result is rounded once to its dtype; in between float32 rounds a x and d, which are `size`
    standard deviations large, and a mean of n numbers (sqrt(n) roundings at most).
    """
    found = group_norm_silu(x, groups, weight, bias, 1e-5, scale, shift, activate)
    expected = in_float64(x, weight, bias, scale, shift, activate, groups)
    assert found.dtype == x.dtype
    assert found.is_contiguous(memory_format=torch.channels_last)
    inner = float(expected.abs().max()) * size * rounding(torch.float32, 16)
    unit = torch.finfo(x.dtype).eps / 2
    torch.testing.assert_close(found.double(), expected, atol=inner, rtol=2 * unit)


# Channels of a group in the full-size U-Net and its concatenations are 1 to 32, powers of two or
# not. The interpreter takes some hundredths of a second a program: few groups, small maps.
SHAPES = [
    *((1, 4, 21, 13), (2, 8, 20, 20), (1, 12, 11, 9), (1, 24, 9, 9), (1, 32, 9, 8)),
    *((1, 48, 7, 5), (1, 96, 5, 5), (2, 64, 4, 4), (1, 128, 4, 4), (1, 8, 1, 1)),
]


@pytest.fixture(params=["whole", "chunks"])
def way(request, monkeypatch):
    """Take either way for every shape, as large or small groups would."""
    monkeypatch.setattr(norms_triton, "_SMALL_GROUP", 0 if request.param == "chunks" else 1 << 20)
    return request.param


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_width(shape):
    check(*drawn(shape, torch.float16))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("activate", [True, False])
def test_every_form(dtype, scaled, activate):
    check(*drawn((2, 12, 9, 8), dtype, scaled=scaled), activate=activate)


@pytest.mark.usefixtures("way")
def test_a_mean_far_from_zero_costs_no_more_than_its_size():
    # E[x^2] - E[x]^2 in float32 would be off by mean^2 eps = 0.12 of the variance.
    check(*drawn((1, 8, 40, 12), torch.float32, mean=1000.0), size=1000.0)


def test_many_tiles_share_a_chunk(monkeypatch):
    monkeypatch.setattr(norms_triton, "_SMALL_GROUP", 0)
    monkeypatch.setattr(norms_triton, "_CHUNKS", 3)
    monkeypatch.setattr(norms_triton, "_TILE", 256)
    x, *others = drawn((2, 8, 185, 7), torch.float32)  # 41 tiles: 14, 14, 13, the last not full
    x[:, :, :9] += 5  # chunks of different means
    check(x, *others, size=5)


def test_a_large_group_goes_in_chunks():
    check(*drawn((1, 128, 70, 60), torch.float16), groups=32)


def test_other_memory_formats_and_mixed_dtypes_are_taken():
    x, weight, bias, scale, shift = drawn((2, 8, 10, 12), torch.float16)
    check(x.contiguous(), weight.float(), bias.float(), scale, shift)
    check(x[:, :, ::2], weight, bias, scale[:1], shift[:1])


@pytest.mark.usefixtures("way")
def test_images_do_not_see_each_other():
    x, weight, bias, scale, shift = drawn((3, 8, 16, 15), torch.float16)
    together = group_norm_silu(x, GROUPS, weight, bias, 1e-5, scale, shift)
    alone = group_norm_silu(x[1:2], GROUPS, weight, bias, 1e-5, scale[1:2], shift[1:2])
    assert torch.equal(together[1:2], alone)


def test_a_whole_unet_runs_through_them():
    network = fill(UNet(UNetConfig(32, (1,), (1,), (0,)))).eval()
    x, t = images(1, 8, seed=0), torch.tensor([300])
    with torch.no_grad():
        expected = network(x, t)
        guard = TritonNorms(network, group_norm_silu)
        found = network(x, t)
    assert guard.notes == ()
    assert_same(found, expected, terms_of(network))
