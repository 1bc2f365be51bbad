"""StyleGAN2's discriminator against GPEN's, and as a feature network."""

import json
from pathlib import Path

import pytest
import torch
from golden import assert_near, golden
from networks import images, in_float64, small_discriminator
from safetensors.torch import save_file
from tolerances import assert_recorded, assert_same, terms_of

from pdgrad_core.errors import InvalidInputError, UnknownNameError, WrongArchitectureError
from pdgrad_core.features.discriminator import load_discriminator
from pdgrad_core.gan.discriminator import StyleGANDiscriminator
from pdgrad_core.weights.testing import LAYOUTS


@pytest.fixture(scope="module")
def vectors():
    return golden("gpen_tiny_discriminator")


@pytest.fixture
def file(vectors, tmp_path):
    path = tmp_path / "d.safetensors"
    save_file({k[2:]: v for k, v in vectors.items() if k.startswith("d.")}, path)
    return path


def test_scores_equal_gpens_own(vectors, file):
    network = load_discriminator(file).network.double()
    assert network.image_size == 64
    assert_recorded(network(vectors["x"].double(), jointly=True), vectors["disc_out"])


def test_the_published_layout_is_this_networks():
    layout = json.loads((LAYOUTS / "gpen-discriminator.json").read_text(encoding="utf-8"))
    with torch.device("meta"):
        network = StyleGANDiscriminator((64, 128, 256, 512, 512, 512, 512, 512))
    own = {key: list(value.shape) for key, value in network.state_dict().items()}
    assert own == layout["tensors"]
    assert network.image_size == 512


def test_each_image_is_judged_alone():
    network, both = in_float64(small_discriminator()), images(2, 32).double()
    together = network.features(both, ["score"])["score"]
    alone = network.features(both[1:], ["score"])["score"]
    assert_same(together[1:], alone, terms_of(network.network))


def test_its_gradient_is_the_scores(vectors, file):
    network = load_discriminator(file)
    network.network.double()
    image, direction = vectors["x"].double(), images(2, 64, seed=7).double()
    features, pull_back = network.vjp(image, ["score"])
    found = pull_back([{"score": torch.ones(2, 1).double()}])[0]
    ahead, behind = (
        network.features(image + step * direction, ["score"])["score"] for step in (1e-6, -1e-6)
    )
    slope = (ahead - behind).flatten() / 2e-6
    assert_near((found * direction).flatten(1).sum(1), slope, 1e-8, rtol=1e-4)
    assert features["score"].shape == (2, 1)


def test_wrong_sizes_taps_and_files_are_refused(tmp_path):
    network = small_discriminator()
    with pytest.raises(InvalidInputError, match="judges images of 32x32 pixels, not 48x48"):
        network.features(images(1, 48), ["score"])
    with pytest.raises(UnknownNameError, match="score"):
        network.features(images(1, 32), ["logit"])
    path = Path(tmp_path / "other.safetensors")
    save_file({"conv1.weight": torch.zeros(3)}, path)
    with pytest.raises(WrongArchitectureError, match="no discriminator of GPEN"):
        load_discriminator(path)
