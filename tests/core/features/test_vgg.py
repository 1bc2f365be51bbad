"""VGG16 and its heads against LPIPS, and the written-out adjoint against autograd."""

import copy

import pytest
import torch
from golden import golden
from networks import in_float64
from recipe import fill
from tolerances import assert_recorded, assert_same, assert_same_through_gates, terms_of

from pdgrad_core.errors import UnknownNameError, WrongArchitectureError
from pdgrad_core.features.base import FeatureNetwork, Precision
from pdgrad_core.features.vgg import (
    HEAD_TAPS,
    LOW_TAPS,
    TAPS,
    VGG16,
    PerceptualNetwork,
    load_perceptual,
    normalise,
)

WIDTHS = (8, 12, 16, 20, 24)


def random_perceptual(widths=WIDTHS):
    generator = torch.Generator().manual_seed(0)
    heads = [torch.rand(width, generator=generator) for width in widths]
    return PerceptualNetwork(fill(VGG16(widths), gain=2**0.5), heads)


def image(batch=2, height=48, width=32, seed=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 3, height, width, generator=generator) * 2 - 1


@pytest.fixture(scope="module")
def vectors():
    return golden("lpips_vgg_recipe")


@pytest.fixture(scope="module")
def official_trunk():
    return fill(VGG16(), gain=2**0.5)


def test_features_equal_the_official_ones(vectors, official_trunk):
    trunk = copy.deepcopy(official_trunk)
    network = in_float64(PerceptualNetwork(trunk, [vectors[f"lin{i}"] for i in range(5)]))
    found, _ = network.vjp(vectors["a"].double(), HEAD_TAPS)
    for i, tap in enumerate(HEAD_TAPS):
        assert_recorded(found[tap].flatten()[:64], vectors[f"feat{i}.first64"])


def test_the_input_is_scaled_as_lpips_does(vectors):
    x = vectors["a"]
    shift = vectors["scaling_shift"].view(1, 3, 1, 1)
    scale = vectors["scaling_scale"].view(1, 3, 1, 1)
    assert_same(normalise(x), (x - shift) / scale)


@pytest.mark.parametrize("size", [(48, 32), (50, 37)])
@pytest.mark.parametrize(
    "groups",
    [
        [["conv5_3"]],
        [list(LOW_TAPS), ["conv1_2"], ["conv3_3", "conv5_2"]],
        [["conv2_2"], ["conv4_3"], ["conv2_2"]],
    ],
)
def test_the_written_adjoint_is_autograds(groups, size):
    network, x = in_float64(random_perceptual()), image(2, *size).double()
    terms = terms_of(network.trunk)
    taps = sorted({tap for group in groups for tap in group})
    found, pullback = network.vjp(x, taps)
    expected_found, expected_pullback = FeatureNetwork.vjp(network, x, taps)
    generator = torch.Generator().manual_seed(1)
    cotangents = [
        {tap: torch.randn(found[tap].shape, generator=generator).double() for tap in group}
        for group in groups
    ]
    given = [{tap: value.clone() for tap, value in c.items()} for c in cotangents]
    g, expected = pullback(cotangents), expected_pullback(cotangents)
    for tap in taps:
        assert_same(found[tap], expected_found[tap], terms)
    assert g.dtype == torch.float64
    assert_same(g, expected, 2 * terms)
    for before, after in zip(given, cotangents, strict=True):
        assert all(torch.equal(before[tap], after[tap]) for tap in before)


def test_float32_is_near_float64():
    network, exact, x = random_perceptual(), in_float64(random_perceptual()), image()
    found, pullback = network.vjp(x, TAPS)
    expected, expected_pullback = exact.vjp(x.double(), TAPS)
    terms = terms_of(network.trunk)
    for tap in TAPS:
        assert found[tap].dtype == torch.float32
        assert_same(found[tap], expected[tap], terms)
    cotangent = torch.ones_like(found["conv5_3"])
    g = pullback([{"conv5_3": cotangent}])
    assert_same_through_gates(g, expected_pullback([{"conv5_3": cotangent.double()}]), terms)


def test_16_bit_passes_are_near():
    network, x = random_perceptual(), image()
    found, exact = network.vjp(x, ["conv5_2"])
    cotangent = [{"conv5_2": torch.ones_like(found["conv5_2"])}]
    expected = exact(cotangent)
    network.precision = Precision(torch.float32, torch.bfloat16)
    _, pullback = network.vjp(x, ["conv5_2"])
    cosine = torch.cosine_similarity(pullback(cotangent).flatten(), expected.flatten(), dim=0)
    assert cosine > 0.999
    network.precision = Precision(torch.bfloat16, torch.bfloat16)
    rounded, _ = network.vjp(x, ["conv5_2"])
    assert rounded["conv5_2"].dtype == torch.float32


def test_vjp_runs_in_inference_mode():
    network = random_perceptual()
    with torch.inference_mode():
        found, pullback = network.vjp(image(), ["conv3_3"])
        assert pullback([{"conv3_3": found["conv3_3"]}]).isfinite().all()


def test_a_tap_without_a_head_takes_its_blocks_mean():
    network = random_perceptual()
    head = network.head("conv5_3")
    torch.testing.assert_close(network.head("conv5_2"), head.mean().expand(24))
    assert torch.equal(network.head("conv1_2"), network.heads["conv1_2"])


def test_loading_ignores_the_classifier_and_finds_lpips_heads(tmp_path, official_trunk):
    state = {**official_trunk.state_dict(), "classifier.0.weight": torch.zeros(2, 2)}
    torch.save(state, tmp_path / "vgg16.pth")
    network = load_perceptual(tmp_path / "vgg16.pth")
    vectors = golden("lpips_vgg_recipe")
    for i, tap in enumerate(HEAD_TAPS):
        assert_same(network.head(tap), vectors[f"lin{i}"])


def test_other_networks_and_taps_are_refused(tmp_path):
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(WrongArchitectureError, match="no VGG16"):
        load_perceptual(tmp_path / "other.pth")
    with pytest.raises(UnknownNameError, match="conv6_1"):
        random_perceptual().features(image(), ["conv6_1"])
    assert len(TAPS) == 13
