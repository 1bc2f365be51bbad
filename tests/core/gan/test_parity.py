"""The networks against GPEN's official code (yangxy/GPEN at 2c73670), run with random weights.

`gpen_recipe.safetensors`: FullGenerator(64, 32, 2, narrow=0.0625) in float64 ("tiny") and the
network of GPEN-BFR-512 in float32 ("full"), both with the weights of `recipe.equalised_tensor`, on
a CPU. `.ds` is a strided part; `.stats` are mean, deviation, least and greatest of all numbers.
Inputs are `normal(seed, shape)`: 1501 the tiny face, clipped to [-1, 1]; 1502 and 1503 two codes
that are mixed from the fourth style on; 1510 and on the noise.
"""

import json

import numpy as np
import pytest
import torch
from golden import golden
from recipe import fill_equalised
from tolerances import assert_recorded

from pdgrad_core.gan.config import GAN_PRIOR_512, GPEN_512, GANPriorConfig, stylegan_widths
from pdgrad_core.gan.network import GANPriorNetwork
from pdgrad_core.weights.testing import LAYOUTS

TINY = GANPriorConfig(stylegan_widths(64, 2, 0.0625), 32, 2, mmrb=False, decoder=False)


@pytest.fixture(scope="module")
def vectors():
    return golden("gpen_recipe")


@pytest.fixture(scope="module")
def tiny():
    return fill_equalised(GANPriorNetwork(TINY)).double()


def normal(seed, shape):
    values = np.random.RandomState(seed).standard_normal(shape).astype(np.float32)
    return torch.from_numpy(values).double()


def stats(values):
    return torch.stack([values.mean(), values.std(correction=0), values.min(), values.max()])


def test_a_tiny_gpen_restores_as_the_official_one(tiny, vectors):
    face = normal(1501, (2, 3, 64, 64)).clamp(-1, 1).requires_grad_()
    found = tiny.restoration(face)
    assert found.pictures == []
    assert_recorded(found.w, vectors["tiny.w"])
    assert_recorded(found.image[..., ::2, ::2], vectors["tiny.out.ds2"])
    assert_recorded(stats(found.image), vectors["tiny.out.stats"])
    (gradient,) = torch.autograd.grad(found.image.square().sum(), face)
    assert_recorded(gradient[..., ::4, ::4], vectors["tiny.grad.ds4"])
    assert_recorded(stats(gradient), vectors["tiny.grad.stats"])


def test_the_generator_alone_mixes_styles_as_the_official_one(tiny, vectors):
    generator = tiny.generator
    first, second = (generator.map(normal(seed, (2, 32))) for seed in (1502, 1503))
    mixed = torch.stack([first] * 4 + [second] * (generator.style_count - 4), 1)
    shapes = generator.noise_shapes
    noise = [normal(1510 + i, (2, *shape)) for i, shape in enumerate(shapes)]
    found = generator(mixed, noise)
    assert_recorded(found[..., ::4, ::4], vectors["tiny.mixed.ds4"])
    assert_recorded(stats(found), vectors["tiny.mixed.stats"])


def test_the_published_layout_is_this_networks():
    layout = json.loads((LAYOUTS / "gpen-512.json").read_text(encoding="utf-8"))
    with torch.device("meta"):
        network = GANPriorNetwork(GPEN_512)
    assert {k: list(v.shape) for k, v in network.state_dict().items()} == layout["tensors"]
    assert network.image_size == 512


def test_the_papers_network_holds_gpens_tensors_and_six_mmrbs():
    with torch.device("meta"):
        network, gpen = GANPriorNetwork(GAN_PRIOR_512), GANPriorNetwork(GPEN_512)
    own, theirs = network.state_dict(), gpen.state_dict()
    assert {key: own[key].shape for key in theirs} == {k: v.shape for k, v in theirs.items()}
    assert {key.split(".")[0] for key in own.keys() - theirs.keys()} == {"mmrb", "decoder"}
    assert list(network.mmrb) == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.slow
def test_the_full_gpen_restores_as_the_official_one(vectors):
    network = fill_equalised(GANPriorNetwork(GPEN_512)).double()
    pixels = vectors["full.input_u8_32x32"].permute(2, 0, 1)[None].double() / 127.5 - 1
    face = pixels.repeat_interleave(16, 2).repeat_interleave(16, 3)
    with torch.no_grad():
        found = network.restoration(face)
    assert_recorded(found.w, vectors["full.w"])
    assert_recorded(found.image[..., ::16, ::16], vectors["full.out.ds16"])
    assert_recorded(stats(found.image), vectors["full.out.stats"])
