"""The contract of every loss, values by hand, and LPIPS's own numbers."""

import pytest
import torch
from golden import assert_near, golden
from networks import images, in_float64, small_discriminator, small_networks
from recipe import fill
from tolerances import LPIPS_GUARD, assert_recorded, assert_same

from pdgrad_core.errors import InvalidInputError
from pdgrad_core.features import FEATURES
from pdgrad_core.features.pixels import Pixels
from pdgrad_core.features.vgg import HEAD_TAPS, VGG16, PerceptualNetwork
from pdgrad_core.losses import LOSSES, Loss
from pdgrad_core.losses.identity import IdentityLoss
from pdgrad_core.losses.perceptual import PerceptualLoss
from pdgrad_core.losses.pixel import PixelLoss

MEMBERS = {
    "adversarial": LOSSES["adversarial"],
    "adversarial-linear": lambda: LOSSES["adversarial"]("linear"),
    "color_statistics": LOSSES["color_statistics"],
    "color_statistics-paper": lambda: LOSSES["color_statistics"](stop_gradient=True),
    "identity-low": lambda: LOSSES["identity"]("low"),
    "identity-high": lambda: LOSSES["identity"]("high"),
    "lightness": LOSSES["lightness"],
    "perceptual": LOSSES["perceptual"],
    "pixel": LOSSES["pixel"],
    "squared_identity": LOSSES["squared_identity"],
    "squared_perceptual": LOSSES["squared_perceptual"],
}
# A loss that is listed nowhere is tested as it comes.
MEMBERS |= {
    name: member
    for name, member in LOSSES.members.items()
    if name not in {known.split("-")[0] for known in MEMBERS}
}
WITH_TARGET = [name for name, make in MEMBERS.items() if make().takes_target]
# The paper's stop-gradient is no derivative of the loss's value.
DERIVATIVES = [name for name in MEMBERS if name != "color_statistics-paper"]


@pytest.fixture(scope="module")
def networks():
    found = {**small_networks(), "pixels": Pixels(), "discriminator": small_discriminator()}
    found |= {
        name: member.load()
        for name, member in FEATURES.members.items()
        if name not in found and not member.weights
    }
    return {name: in_float64(network) for name, network in found.items()}


def target_of(loss, network, image):
    return loss.target(network, image) if loss.takes_target else {}


def parts(loss, networks, batch=2):
    network = networks[loss.network]
    size = 32 if loss.network == "discriminator" else 48
    features = network.features(images(batch, size, seed=1).double(), loss.taps(network))
    return network, features, target_of(loss, network, images(batch, size, seed=2).double())


def terms_in(features):
    """Numbers of one image that a loss sums."""
    return sum(value[0].numel() for value in features.values())


def test_every_registered_loss_is_under_test():
    assert {name.split("-")[0] for name in MEMBERS} == set(LOSSES)


@pytest.mark.parametrize("name", MEMBERS)
def test_the_closed_form_cotangent_is_autograds(name, networks):
    loss = MEMBERS[name]()
    network, features, target = parts(loss, networks)
    value, found = loss.cotangent(network, features, target)
    expected_value, expected = Loss.cotangent(loss, network, features, target)
    terms = terms_in(features)
    assert_same(value, expected_value, terms)
    assert value.shape == (2,)
    assert set(found) == set(expected)
    for tap, wanted in expected.items():
        besides = LPIPS_GUARD if isinstance(loss, PerceptualLoss) else 0.0
        assert_same(found[tap], wanted, terms, besides=besides)


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives_agree_with_finite_differences(name, networks):
    loss = MEMBERS[name]()
    network = networks[loss.network]
    generator = torch.Generator().manual_seed(0)
    if loss.network == "vgg":
        network = PerceptualNetwork(
            VGG16((2, 2, 2, 2, 2)), [torch.ones(2, dtype=torch.float64)] * 5
        )
        network.heads = {tap: head.double() for tap, head in network.heads.items()}
    shape = {"vgg": (1, 2, 2, 2), "discriminator": (1, 1)}.get(loss.network, (1, 3, 2, 2))
    features = {
        tap: torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for tap in loss.taps(network)
    }
    target = {tap: torch.randn(shape, generator=generator).double() for tap in features}
    if loss.network == "pixels":
        target = target_of(loss, network, target["image"])
    elif isinstance(loss, PerceptualLoss):
        target = {tap: t.permute(0, 2, 3, 1).flatten(1, 2) for tap, t in target.items()}
    elif isinstance(loss, IdentityLoss):
        target = {tap: t.flatten(1) for tap, t in target.items()}

    def scalar(*values):
        return loss(network, dict(zip(features, values, strict=True)), target).sum()

    assert torch.autograd.gradcheck(scalar, tuple(features.values()))


@pytest.mark.parametrize("name", MEMBERS)
def test_an_images_loss_does_not_depend_on_its_batch_mates(name, networks):
    loss = MEMBERS[name]()
    network, features, target = parts(loss, networks)
    value, found = loss.cotangent(network, features, target)
    one = {tap: f[1:] for tap, f in features.items()}
    alone, found_alone = loss.cotangent(network, one, {k: v[1:] for k, v in target.items()})
    terms = terms_in(features)
    assert_same(value[1:], alone, terms)
    for tap, g in found_alone.items():
        assert_same(found[tap][1:], g, terms)


@pytest.mark.parametrize("name", WITH_TARGET)
def test_the_target_itself_costs_nothing(name, networks):
    loss = MEMBERS[name]()
    network = networks[loss.network]
    same = images(1, seed=2).double()
    features = network.features(same, loss.taps(network))
    value, found = loss.cotangent(network, features, loss.target(network, same))
    # What cancels: unit vectors, and for pixels and squared features their own size.
    terms, largest = terms_in(features), max(float(f.abs().max()) for f in features.values())
    assert_same(value, torch.zeros(1).double(), terms, scale=max(1.0, largest**2))
    for g in found.values():
        assert_same(g, torch.zeros_like(g), terms, scale=max(1.0, largest))


@pytest.mark.parametrize("name", MEMBERS)
def test_zero_features_give_finite_gradients(name, networks):
    loss = MEMBERS[name]()
    network, features, target = parts(loss, networks)
    zeros = {tap: torch.zeros_like(f) for tap, f in features.items()}
    for method in (loss.cotangent, lambda *a: Loss.cotangent(loss, *a)):
        value, found = method(network, zeros, target)
        assert value.isfinite().all()
        assert all(g.isfinite().all() for g in found.values())


def test_lpips_equals_the_official_one():
    vectors = golden("lpips_vgg_recipe")
    trunk = fill(VGG16(), gain=2**0.5)
    network = in_float64(PerceptualNetwork(trunk, [vectors[f"lin{i}"] for i in range(5)]))
    loss = PerceptualLoss(HEAD_TAPS)
    features, pull_back = network.vjp(vectors["a"].double(), HEAD_TAPS)
    target = loss.target(network, vectors["b"].double())
    value, cotangents = loss.cotangent(network, features, target)
    assert_recorded(value, vectors["lpips"])
    assert_recorded(pull_back([cotangents])[0], vectors["grad_a"])
    for i, tap in enumerate(HEAD_TAPS):
        one = PerceptualLoss([tap])(network, features, target)
        assert_recorded(one.squeeze(), vectors["per_layer"][i])


def test_cosine_distance_by_hand(networks):
    loss = IdentityLoss("high")
    p = {"embedding": torch.tensor([[3.0, 4.0]])}
    q = {"embedding": torch.tensor([[1.0, 0.0]])}
    value, g = loss.cotangent(networks["arcface"], p, q)
    assert_near(value, torch.tensor([1 - 0.6]), 1e-6)
    # (cos p/|p| - q)/|p| = (0.6 (0.6, 0.8) - (1, 0)) / 5
    assert_near(g["embedding"], torch.tensor([[-0.128, 0.096]]), 1e-6)


def test_pixels_by_hand_and_masked():
    x = torch.tensor([1.0, 2.0]).view(1, 1, 1, 2).expand(1, 3, 1, 2)
    y = {"image": torch.zeros_like(x)}
    value, g = PixelLoss().cotangent(Pixels(), {"image": x}, y)
    assert value.item() == 15
    assert torch.equal(g["image"], 2 * x)
    mask = torch.tensor([0.0, 0.5]).view(1, 1, 1, 2)
    value, g = PixelLoss(mask).cotangent(Pixels(), {"image": x}, y)
    assert value.item() == 3
    assert torch.equal(g["image"][..., 1], torch.zeros(1, 3, 1))


def test_wrong_networks_masks_and_levels_are_refused(networks):
    with pytest.raises(InvalidInputError, match="needs an ArcFace network, not 'vgg'"):
        IdentityLoss().taps(networks["vgg"])
    with pytest.raises(InvalidInputError, match="low, high"):
        IdentityLoss("middle")
    with pytest.raises(InvalidInputError, match="1 where a pixel is missing"):
        PixelLoss(torch.zeros(4, 4))
    with pytest.raises(InvalidInputError, match="at least one VGG16 layer"):
        PerceptualLoss([])
