"""What every feature network promises, for those that can be made without a file."""

import pytest
import torch
from networks import images, small_discriminator, small_networks
from tolerances import assert_same

from pdgrad_core.errors import InvalidInputError, UnknownNameError
from pdgrad_core.features import FEATURES, FeatureNetwork

TAPS = {"arcface": ["embedding"], "vgg": ["conv2_2"], "discriminator": ["score"]}
TAPS |= {"pixels": ["image"]}


def make(name):
    small = {**small_networks(), "discriminator": small_discriminator()}
    return small[name] if name in small else FEATURES[name].load()


@pytest.fixture(params=FEATURES)
def network(request):
    return make(request.param)


def taps_of(network):
    """Return known taps; a network that is listed nowhere names them in its refusal."""
    if network.name in TAPS:
        return TAPS[network.name]
    with pytest.raises(UnknownNameError) as caught:
        network.check_taps(["?"])
    return str(caught.value).rsplit("Known: ", 1)[1].rstrip(".").split(", ")


def test_it_is_registered_under_the_name_that_losses_ask_for(network):
    assert isinstance(network, FEATURES[network.name])


def test_features_are_per_image_and_the_pullback_is_autograds(network):
    x, taps = images(2, 32, seed=1), taps_of(network)
    found, pullback = network.vjp(x, taps)
    assert all(value.shape[0] == 2 for value in found.values())
    cotangents = [{tap: torch.ones_like(value) for tap, value in found.items()}]
    _, expected = FeatureNetwork.vjp(network, x, taps)
    assert_same(pullback(cotangents), expected(cotangents), 10_000)


def test_an_unknown_tap_is_refused(network):
    with pytest.raises(UnknownNameError):
        network.check_taps(["no such tap"])


def test_one_with_weights_asks_for_its_file():
    for name, member in FEATURES.members.items():
        if member.weights:
            with pytest.raises(InvalidInputError, match="path of its weight file"):
                member.load()
        else:
            assert member.load().name == name
