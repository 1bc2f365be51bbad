"""The U-Net against the official implementation, and its configuration read off a state dict."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from golden import assert_near, golden, tiny_unet
from recipe import fill, recipe_tensor
from tolerances import assert_recorded, assert_same, terms_of

from pdgrad_core.diffusion.unet import (
    UNet,
    UNetConfig,
    config_from_state_dict,
    timestep_embedding,
)
from pdgrad_core.errors import WrongArchitectureError
from pdgrad_core.weights.testing import read_layout

FFHQ512 = UNetConfig(32, (1, 2, 4, 8, 8, 16, 16), (1, 2, 2, 2, 2, 3, 4), (4, 5, 6))


@pytest.fixture(scope="module")
def vectors():
    return golden("unet_tiny")


def test_timestep_embedding_equals_the_official_one(vectors):
    # An angle is t times a float32 frequency, so it is off by as much as t's last digit.
    close = float(vectors["emb_t"].max()) * torch.finfo(torch.float32).eps
    for dim in (32, 100):
        assert_near(timestep_embedding(vectors["emb_t"], dim), vectors[f"emb_dim{dim}"], close)


@torch.no_grad()
def test_forward_equals_the_official_one(vectors):
    unet = tiny_unet().double()
    assert_recorded(unet(vectors["x"], vectors["t"]), vectors["out"])
    assert_recorded(unet(vectors["x"], vectors["t_b"]), vectors["out_b"])
    assert_recorded(unet(vectors["x32"], vectors["t32"]), vectors["out32"])


@torch.no_grad()
def test_float32_is_near_float64(vectors):
    unet, exact = tiny_unet(), tiny_unet().double()
    found = unet(vectors["x"], vectors["t"])
    assert found.dtype == torch.float32
    assert_same(found, exact(vectors["x"], vectors["t"]), terms_of(unet))


@torch.no_grad()
def test_inner_activations_equal_the_official_ones(vectors):
    unet, seen = tiny_unet().double(), {}
    unet.time_embed.register_forward_hook(lambda *a: seen.update(time=a[2]))
    unet.middle_block.register_forward_hook(lambda *a: seen.update(middle=a[2]))
    unet(vectors["x"], vectors["t"])
    assert_recorded(seen["time"], vectors["time_embed_out"])
    assert_recorded(seen["middle"], vectors["middle_out"])


@torch.no_grad()
def test_an_image_does_not_depend_on_its_batch_mates(vectors):
    unet = tiny_unet().double()
    both = unet(vectors["x"], vectors["t"])
    alone = unet(vectors["x"][1:], vectors["t"][1:])
    assert_same(both[1:], alone, terms_of(unet))


@pytest.mark.parametrize(
    "config",
    [
        UNetConfig(32, (1, 2, 2), (1, 1, 1), (2,)),
        UNetConfig(32, (1, 2, 4), (1, 2, 3), (1, 2), learn_sigma=False),
        UNetConfig(32, (1, 1), (2, 2), (), scale_shift_norm=False),
        UNetConfig(32, (1, 2, 2), (2, 2, 2), (1, 2), resblock_updown=True),
        UNetConfig(64, (0.5, 1, 2), (1, 1, 1), (2,)),
        UNetConfig(32, (1, 2), (1, 1), (1,), patch_size=2),
        FFHQ512,
    ],
)
def test_the_configuration_is_read_off_the_shapes(config):
    with torch.device("meta"):
        state = UNet(config).state_dict()
    assert config_from_state_dict(state).shape == config.shape


def test_the_ffhq512_layout_has_the_official_keys():
    with torch.device("meta"):
        state = UNet(FFHQ512).state_dict()
    layout = read_layout("ffhq512-prior")
    expected = {name: tuple(shape) for name, shape in layout.tensors.items()}
    assert {name: tuple(value.shape) for name, value in state.items()} == expected
    assert sum(value.numel() for value in state.values()) == 159_788_454


@pytest.mark.parametrize("patch_size", [1, 2])
@pytest.mark.parametrize("new_order", [False, True])
def test_fresh_networks_start_at_zero_and_keep_the_size(patch_size, new_order):
    config = UNetConfig(
        32, (1, 2), (1, 1), (1,), patch_size=patch_size, new_attention_order=new_order
    )
    out = UNet(config).eval()(torch.randn(2, 3, 16, 16), torch.tensor([1, 9]))
    assert out.shape == (2, 6, 16, 16)
    assert torch.equal(out, torch.zeros_like(out))


@torch.no_grad()
def test_the_qkv_orders_are_permutations_of_each_other(vectors):
    legacy = tiny_unet()
    new = UNet(replace(legacy.config, new_attention_order=True)).eval()
    state = legacy.state_dict()
    for key in [key for key in state if ".qkv." in key]:
        # (head, qkv, channel) -> (qkv, head, channel)
        rest = state[key].shape[1:]
        state[key] = state[key].view(-1, 3, 32, *rest).transpose(0, 1).reshape(-1, *rest)
    new.load_state_dict(state)
    assert_recorded(new.double()(vectors["x"], vectors["t"]), vectors["out"])


@torch.no_grad()
def test_bfloat16_is_near_float32(vectors):
    unet = tiny_unet()
    exact = unet(vectors["x"], vectors["t"])
    rounded = unet.to(torch.bfloat16)(vectors["x"], vectors["t"])
    assert rounded.dtype == torch.float32
    assert (rounded - exact).norm() / exact.norm() < 3e-2


def test_other_networks_are_refused():
    with pytest.raises(WrongArchitectureError, match=r"no guided-diffusion U-Net: .*time_embed"):
        config_from_state_dict({"conv1.weight": torch.zeros(3)})
    state = dict(tiny_unet().state_dict())
    state["label_emb.weight"] = torch.zeros(10, 128)
    with pytest.raises(WrongArchitectureError, match="class-conditional"):
        config_from_state_dict(state)


@pytest.mark.slow
@torch.no_grad()
def test_the_full_ffhq512_network_equals_the_official_one():
    vectors = golden("unet_ffhq512_recipe")
    with torch.device("meta"):
        unet = UNet(FFHQ512)
    unet = fill(unet.to_empty(device="cpu")).double()
    noise = np.random.RandomState(1100).standard_normal((1, 3, 512, 512)).astype(np.float32)
    x = torch.from_numpy(noise)
    assert_near(x.flatten()[:64], vectors["x_first64"], 0)
    seen = {}
    for name in ("input_blocks.5", "input_blocks.12", "middle_block", "output_blocks.10"):
        unet.get_submodule(name).register_forward_hook(lambda *a, n=name: seen.update({n: a[2]}))
    out = unet(x, torch.tensor([500]))
    assert_recorded(out[..., ::8, ::8], vectors["out.ds8"])
    assert_recorded(out.contiguous().flatten()[:64], vectors["out.first64"])
    for name, value in seen.items():
        first = vectors[f"{name}.first64"]
        assert_recorded(value.contiguous().flatten()[:64], first, float(value.abs().max()))


def test_the_recipe_is_the_published_one():
    weight = recipe_tensor("conv1.weight", (64, 3, 3, 3))
    assert_near(weight.sum(), torch.tensor(5.723932), 1e-4)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_pictures_take_the_layout_of_the_weights(layout):
    network = tiny_unet().to(memory_format=layout)
    seen = []
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_pre_hook(
                lambda _, inputs: seen.append(inputs[0].is_contiguous(memory_format=layout))
            )
    network(torch.zeros(1, 3, 32, 32), torch.zeros(1))
    assert seen
    assert all(seen)
