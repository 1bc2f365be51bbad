"""Identity networks against the official ones, and the written-out adjoint against autograd."""

import numpy as np
import pytest
import torch
from golden import golden
from networks import in_float64
from recipe import fill
from tolerances import assert_recorded, assert_same, assert_same_through_gates, terms_of

from pdgrad_core.errors import UnknownNameError, WrongArchitectureError
from pdgrad_core.features.arcface import (
    IResNetArcFace,
    IRSE50ArcFace,
    load_arcface,
    resize_matrix,
)
from pdgrad_core.features.base import FeatureNetwork, Precision
from pdgrad_core.features.iresnet import IResNet, IResNetConfig, config_from_state_dict

SMALL = IResNetConfig((1, 2, 2, 1), (8, 12, 16, 24), 20, 32)


def random_arcface(config=SMALL, seed=0):
    """An identity network with every batch norm and slope away from its initial value."""
    return IResNetArcFace(fill(IResNet(config)))


def image(batch=2, size=48, seed=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 3, size, size, generator=generator) * 2 - 1


def pick(features, taps):
    return [(tap, features[tap]) for tap in taps]


def cotangents(features, groups, seed=4):
    generator = torch.Generator().manual_seed(seed)
    return [
        {tap: torch.randn(f.shape, generator=generator).to(f) for tap, f in pick(features, taps)}
        for taps in groups
    ]


@pytest.fixture(scope="module")
def vectors():
    return golden("iresnet50_recipe")


@pytest.fixture(scope="module")
def official_input(vectors):
    small = vectors["input_u8_28x28"].float()
    x = small.repeat_interleave(4, -1).repeat_interleave(4, -2) / 127.5 - 1
    assert_same(x.flatten()[:64], vectors["x_first64"])
    return x.double()


TAPS = {
    "iresnet50": ["stem", "layer1.0", "layer1.1", "layer1.2", "layer2.1", "layer3.13", "layer4.2"],
    "ir_se50": ["input_layer", "body.1", "body.2", "body.4", "body.6", "body.23"],
}


@pytest.fixture(scope="module")
def networks():
    from facexlib.recognition.arcface_arch import Backbone

    return {
        "iresnet50": in_float64(IResNetArcFace(fill(IResNet()))),
        "ir_se50": in_float64(IRSE50ArcFace(fill(Backbone(50, 0.6, "ir_se")))),
    }


@pytest.mark.parametrize("name", TAPS)
def test_features_and_gradient_equal_the_official_ones(vectors, official_input, networks, name):
    arcface = networks[name]
    found, pullback = arcface.vjp(official_input, [*TAPS[name], "embedding"])
    for tap in TAPS[name]:
        largest = float(vectors[f"{name}.{tap}.stats"][2:].abs().max())
        assert_recorded(found[tap][..., ::8, ::8], vectors[f"{name}.{tap}.ds"], largest)
    embedding = found["embedding"]
    assert_recorded(embedding, vectors[f"{name}.embedding"])
    (g,) = pullback([{"embedding": 2 * (embedding - 0.1) / 512}])
    assert_recorded(g[..., ::4, ::4], vectors[f"{name}.grad_mse_to_0.1.ds"])


@pytest.mark.parametrize("template_crop", [False, True])
@pytest.mark.parametrize(
    "groups",
    [
        [["embedding"]],
        [["stem"], ["embedding"], ["layer2.1", "stem"], ["embedding", "layer1.0"]],
        [["stem", "layer1.0", "layer2.1"], ["stem"]],
    ],
)
def test_the_written_adjoint_is_autograds(groups, template_crop):
    arcface, x = in_float64(random_arcface()), image().double()
    terms = terms_of(arcface.network)
    arcface.template_crop = template_crop
    taps = sorted({tap for group in groups for tap in group})
    found, pullback = arcface.vjp(x, taps)
    expected_found, expected_pullback = FeatureNetwork.vjp(arcface, x, taps)
    stacked = cotangents(expected_found, groups)
    g, expected = pullback(stacked), expected_pullback(stacked)
    assert g.shape == (len(groups), 2, 3, 48, 48)
    for tap in taps:
        assert_same(found[tap], expected_found[tap], terms)
    assert g.dtype == torch.float64
    assert_same(g, expected, 2 * terms)


def test_float32_is_near_float64():
    arcface, exact, x = random_arcface(), in_float64(random_arcface()), image()
    found, pullback = arcface.vjp(x, arcface.taps)
    expected, expected_pullback = exact.vjp(x.double(), arcface.taps)
    terms = terms_of(arcface.network)
    for tap in arcface.taps:
        assert found[tap].dtype == torch.float32
        assert_same(found[tap], expected[tap], terms)
    g = pullback([{"embedding": torch.ones(2, 20)}])
    expected = expected_pullback([{"embedding": torch.ones(2, 20).double()}])
    assert_same_through_gates(g, expected, terms)


def test_an_image_does_not_depend_on_its_batch_mates():
    arcface, x = in_float64(random_arcface()), image().double()
    terms = terms_of(arcface.network)
    found, pullback = arcface.vjp(x, ["embedding"])
    alone, pullback_alone = arcface.vjp(x[1:], ["embedding"])
    assert_same(found["embedding"][1:], alone["embedding"], terms)
    both = pullback([{"embedding": torch.ones(2, 20).double()}])
    one = pullback_alone([{"embedding": torch.ones(1, 20).double()}])
    assert_same(both[:, 1:], one, 2 * terms)


def test_16_bit_backward_is_near_and_leaves_the_features_exact():
    arcface, x = random_arcface(), image()
    exact_found, exact = arcface.vjp(x, ["embedding"])
    arcface.precision = Precision(torch.float32, torch.bfloat16)
    found, pullback = arcface.vjp(x, ["embedding"])
    assert torch.equal(found["embedding"], exact_found["embedding"])
    cotangent = [{"embedding": torch.ones(2, 20)}]
    g, expected = pullback(cotangent), exact(cotangent)
    assert torch.cosine_similarity(g.flatten(), expected.flatten(), dim=0) > 0.999


def test_vjp_runs_in_inference_mode():
    arcface = random_arcface()
    with torch.inference_mode():
        found, pullback = arcface.vjp(image(), ["embedding"])
        assert pullback([{"embedding": found["embedding"]}]).isfinite().all()


def test_the_resize_matrix_is_the_official_resize_and_its_adjoint():
    vectors = golden("resize_antialias")
    for size in (512, 256, 128, 64):
        x, w = wave(size, 1).double(), wave(112, 2).double()
        matrix = resize_matrix(size, 112, torch.device("cpu"), torch.float64)
        out, adjoint = (matrix @ x @ matrix.T)[0, 0], (matrix.T @ w @ matrix)[0, 0]
        # The recording's positions, up to `size`, are float32 too: half a unit of 512 is 256 units.
        positions = max(1.0, size / 256)
        assert_recorded(out, vectors[f"{size}to112.out_c0"].squeeze(), positions)
        recorded = vectors[f"{size}to112.grad_c0.ds4"].squeeze()
        assert_recorded(adjoint[::4, ::4], recorded, positions * float(adjoint.abs().max()))


def wave(size, k):
    y, x = np.mgrid[:size, :size].astype(np.float64)
    channels = [
        0.5 * np.sin(0.37 * (c + 1) * x + 0.11 * y * k)
        + 0.4 * np.cos(0.23 * y * (c + 1) - 0.05 * x * k)
        for c in range(3)
    ]
    return torch.from_numpy(np.stack(channels)[None].astype(np.float32))


def test_the_architecture_is_read_off_the_file(tmp_path):
    network = fill(IResNet(SMALL))
    assert config_from_state_dict(network.state_dict()) == SMALL
    torch.save(network.state_dict(), tmp_path / "small.pth")
    arcface = load_arcface(tmp_path / "small.pth")
    assert arcface.image_size == 32
    assert arcface.low_taps == ("stem", "layer1.0", "layer2.1")
    assert torch.equal(arcface.embed(image()), random_arcface().embed(image()))


def test_other_networks_and_taps_are_refused(tmp_path):
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(WrongArchitectureError, match="no ArcFace network"):
        load_arcface(tmp_path / "other.pth")
    with pytest.raises(UnknownNameError, match=r"layer9\.0"):
        random_arcface().features(image(), ["layer9.0"])
    with pytest.raises(WrongArchitectureError, match="multiple of 16"):
        IResNet(IResNetConfig(image_size=100))


def test_paper_taps_of_the_full_networks(networks):
    assert networks["iresnet50"].low_taps == ("stem", "layer1.1", "layer2.1")
    assert networks["ir_se50"].low_taps == ("input_layer", "body.1", "body.4")
