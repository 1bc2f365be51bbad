import math

import pytest
import torch
from tolerances import assert_same

from pdgrad_core.errors import InvalidInputError
from pdgrad_core.evidence.evaluation.landmark_network import peaks
from pdgrad_core.metrics import METRICS
from pdgrad_core.metrics.identity import deg, ids
from pdgrad_core.metrics.lpips import LPIPS
from pdgrad_core.metrics.psnr import PSNR
from pdgrad_core.metrics.ssim import SSIM

TOOLS = {
    "nothing": (),
    "distance": (lambda a, b: (a - b).abs().mean((1, 2, 3), keepdim=True),),
    "embedding": (lambda image: image.mean((2, 3)) + 2.0,),
    "alex_distance": (lambda a, b: (a - b).abs().mean((1, 2, 3), keepdim=True),),
    "landmarks": (lambda image: image[:, :2].mean(3).mT,),
    "features": (lambda image: image.flatten(1)[:, :8],),
}


def images(count=3, size=24, seed=0):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


OF_SETS = [name for name in METRICS if METRICS[name].against == "truths"]


@pytest.fixture(params=[name for name in METRICS if name not in OF_SETS])
def metric(request):
    member = METRICS[request.param]
    return member(*TOOLS[member.needs])


def test_members():
    own = ["colour", "deg", "ids", "deg_reference", "kernel_distance", "lmd", "lpips", "lpips_alex"]
    assert METRICS.names()[:10] == [*own, "psnr", "ssim"]


@pytest.mark.parametrize("name", OF_SETS)
def test_a_metric_of_sets_gives_one_number_that_grows_with_the_distance(name):
    metric = METRICS[name](*TOOLS[METRICS[name].needs])
    truth, others = images(24), images(24, seed=1)
    near, far = metric(others, truth), metric(0.5 + 0.5 * others, truth)
    assert near.shape == far.shape == (1,) and near.dtype == torch.float32
    assert near < far
    # Of sets, not of pairs: the order says nothing.
    assert_same(metric(others.flip(0), truth), near, 24 * 24, scale=1000.0)
    with pytest.raises(InvalidInputError, match="two pictures"):
        metric(others[:1], truth[:1])


def test_the_kernel_distance_by_hand():
    # k(x, y) = (x y / 1 + 1)^3 of one feature: truth 0, 0; results 1, 1. Off the diagonal 1 and 8,
    # across 1 each, so 1 + 8 - 2.
    truth, results = torch.zeros(2, 1), torch.ones(2, 1)
    found = METRICS["kernel_distance"].of_features(results, truth)
    assert found.item() == pytest.approx(1000 * 7.0)


def test_landmarks_by_hand():
    places = iter(
        [torch.tensor([[[3.0, 4.0], [1.0, 1.0]]]), torch.tensor([[[0.0, 0.0], [1.0, 2.0]]])]
    )
    metric = METRICS["lmd"](lambda image: next(places))
    assert metric(images(1), images(1)).tolist() == [(5.0 + 1.0) / 2]


def test_the_peak_of_a_heatmap():
    heat = torch.zeros(1, 2, 8, 8)
    heat[0, 0, 2, 5], heat[0, 0, 2, 6] = 1.0, 0.5  # a quarter to the right, rows alike
    heat[0, 1, 7, 0] = 1.0  # beyond the border stands the border, which is highest
    assert peaks(heat)[0].tolist() == [[5.75, 2.5], [0.25, 7.75]]


def test_contract(metric):
    truth = images()
    near = truth + 0.05 * images(seed=1)
    far = truth + 0.5 * images(seed=2)
    values = metric(near, truth)
    assert values.shape == (3,)
    assert values.dtype == torch.float32
    assert torch.isfinite(values).all()
    better = values > metric(far, truth) if metric.higher_is_better else values < metric(far, truth)
    assert better.all()
    assert_same(metric(near[1:2], truth[1:2]), values[1:2], truth[0].numel())


def test_values_outside_the_range_are_clipped(metric):
    truth = images()
    clipped = metric((3 * truth).clamp(-1, 1), truth)
    assert_same(metric(3 * truth, truth), clipped, truth[0].numel())


def test_unlike_sizes_are_refused(metric):
    with pytest.raises(InvalidInputError, match="one size"):
        metric(images(size=24), images(size=32))
    with pytest.raises(InvalidInputError, match="NaN"):
        metric(images() * float("nan"), images())


def test_psnr_by_hand():
    truth = torch.zeros(2, 3, 16, 16)
    result = truth.clone()
    result[0] += 0.2
    result[1, 0, 0, 0] = 1.0
    one_of_768 = 10 * math.log10(4 * 768)
    assert PSNR()(result, truth).tolist() == pytest.approx([20.0, one_of_768], rel=1e-5)
    assert math.isinf(PSNR()(truth, truth)[0])


def test_ssim_of_flat_images_by_hand():
    # Of the luminance term alone, on the range [0, 1]: 2ab + c1 over a^2 + b^2 + c1.
    black, white = -torch.ones(1, 3, 16, 16), torch.ones(1, 3, 16, 16)
    grey = torch.zeros(1, 3, 16, 16)
    c1 = 0.01**2
    assert SSIM()(black, white).item() == pytest.approx(c1 / (1 + c1), abs=1e-6)
    assert SSIM()(grey, white).item() == pytest.approx((1 + c1) / (1.25 + c1), rel=1e-4)
    assert SSIM()(white, white).item() == pytest.approx(1.0)


def test_lpips_is_the_given_distance():
    metric = LPIPS(lambda a, b: (a - b).abs().amax((1, 2, 3)))
    truth = torch.zeros(2, 3, 16, 16)
    result = truth.clone()
    result[1, 2, 3, 4] = -0.5
    assert metric(result, truth).tolist() == [0.0, 0.5]


def test_identity_by_hand():
    a = torch.tensor([[1.0, 0.0], [1.0, 0.0], [2.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    b = torch.tensor([[5.0, 0.0], [0.0, 3.0], [-1.0, 0.0], [1.0, math.sqrt(3)], [1.0, 0.0]])
    assert deg(a, b).tolist() == pytest.approx([0, 90, 180, 60, 90], abs=1e-4)
    assert ids(a, b).tolist() == pytest.approx([1, 0, -1, 0.5, 0], abs=1e-6)


def test_small_angles_survive():
    angle = 1e-3
    a = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    b = torch.tensor([[math.cos(angle), math.sin(angle)]], dtype=torch.float64)
    assert deg(a, b).item() == pytest.approx(math.degrees(angle), rel=1e-4)


def test_embeddings_of_unlike_shape_are_refused():
    with pytest.raises(InvalidInputError, match=r"\(B, D\)"):
        deg(torch.zeros(2, 4), torch.zeros(2, 5))
