"""The GAN-prior restorers: which files they take, as what, and what they say of others."""

import pytest
import torch
from recipe import fill_equalised
from safetensors.torch import save_file

from pdgrad_core.errors import InvalidInputError, UnsafeCheckpointError, WrongArchitectureError
from pdgrad_core.gan.config import GAN_PRIOR_512, GANPriorConfig
from pdgrad_core.gan.discriminator import StyleGANDiscriminator
from pdgrad_core.gan.generator import StyleGenerator
from pdgrad_core.gan.network import GANPriorNetwork
from pdgrad_core.restorers import load_restorer
from pdgrad_core.weights.testing import make_test_checkpoints, read_layout

WIDTHS = (12, 10, 8, 6)


def made(mmrb=True, decoder=True, widths=WIDTHS):
    torch.manual_seed(0)
    return GANPriorNetwork(GANPriorConfig(widths, 16, 3, mmrb, decoder))


def saved(folder, tensors, name="g.safetensors"):
    path = folder / name
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    return path


@pytest.mark.parametrize("mmrb", [True, False])
@pytest.mark.parametrize("widths", [WIDTHS, (8, 8, 6), (8, 8, 8, 4, 4)])
def test_size_widths_and_mmrbs_are_read_off_the_file(tmp_path, mmrb, widths):
    network = made(mmrb, widths=widths)
    restorer = load_restorer("gan-prior", saved(tmp_path, network.state_dict()))
    assert restorer.network.config == network.config
    assert restorer.size_px == 4 * 2 ** (len(widths) - 1)
    face = torch.zeros(1, 3, restorer.size_px, restorer.size_px)
    with torch.no_grad():
        assert torch.equal(restorer(face), network(face).clamp(-1, 1))


@pytest.mark.parametrize("wrapper", [None, "g_ema"])
def test_a_gpen_is_loaded_as_its_own_restorer(tmp_path, wrapper):
    network = fill_equalised(made(mmrb=False, decoder=False))
    tensors = network.state_dict()
    path = tmp_path / "GPEN-BFR-32.pth"
    torch.save(tensors if wrapper is None else {wrapper: tensors, "iter": 3}, path)
    restorer = load_restorer("gpen", path)
    face = torch.rand(2, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        assert torch.equal(restorer(face), network(face).clamp(-1, 1))
    assert restorer.to(dtype=torch.bfloat16).network.final_linear[0].weight.dtype == torch.float32


def test_each_restorer_names_the_other_for_its_files(tmp_path):
    plain = saved(tmp_path, made(decoder=False, mmrb=False).state_dict(), "plain.safetensors")
    whole = saved(tmp_path, made().state_dict(), "whole.safetensors")
    with pytest.raises(WrongArchitectureError, match=r"no decoder .* as the restorer 'gpen'"):
        load_restorer("gan-prior", plain)
    with pytest.raises(WrongArchitectureError, match=r"a decoder .* as the restorer 'gan-prior'"):
        load_restorer("gpen", whole)


@pytest.mark.parametrize("name", ["gpen", "gan-prior"])
def test_other_files_are_refused_by_name(tmp_path, name):
    one, two = torch.zeros(2), torch.zeros(2)
    for tensors, sentence in (
        ({"stylegan_decoder.style_mlp.1.weight": one}, "is GFPGAN's; load it as .* 'gfpgan'"),
        (dict(StyleGenerator(WIDTHS, 16, 2).state_dict()), "StyleGAN2 without an encoder"),
        ({"synthesis.b4.const": one, "mapping.fc0.weight": two}, "StyleGAN2 without an encoder"),
        (dict(StyleGANDiscriminator(WIDTHS).state_dict()), "is a discriminator"),
        ({"conv_first.weight": one}, "no 'generator.input.input'"),
        ({"generator.input.input": one}, "not a checkpoint of a GAN prior"),
    ):
        with pytest.raises(WrongArchitectureError, match=sentence) as caught:
            load_restorer(name, saved(tmp_path, tensors))
        assert "\n" not in str(caught.value) and "g.safetensors" in str(caught.value)


def test_networks_of_other_kinds_are_refused(tmp_path):
    tensors = made(mmrb=False, decoder=False).state_dict()
    added = {**tensors, "generator.conv1.activate.bias": torch.zeros(12)}
    with pytest.raises(WrongArchitectureError, match="noise is added"):
        load_restorer("gpen", saved(tmp_path, added))
    enlarging = {k: v for k, v in tensors.items() if not k.startswith("ecd3")}
    with pytest.raises(WrongArchitectureError, match="faces of 16 pixels and makes faces of 32"):
        load_restorer("gpen", saved(tmp_path, enlarging))
    missing = {k: v for k, v in tensors.items() if k != "ecd1.0.1.weight"}
    with pytest.raises(WrongArchitectureError, match="1 tensors missing"):
        load_restorer("gpen", saved(tmp_path, missing))
    odd = {k: v[:, :7] if "convs.2.conv.weight" in k else v for k, v in made().state_dict().items()}
    with pytest.raises(InvalidInputError, match="must be even, not 7"):
        load_restorer("gan-prior", saved(tmp_path, odd))


def test_a_pickle_of_objects_is_not_opened(tmp_path):
    path = tmp_path / "GPEN-BFR-512.pth"
    torch.save(made(mmrb=False, decoder=False), path)
    with pytest.raises(UnsafeCheckpointError, match="Python objects"):
        load_restorer("gpen", path)


def test_faces_of_another_size_are_refused(tmp_path):
    restorer = load_restorer("gan-prior", saved(tmp_path, made().state_dict()))
    for size in (48, 64, 16):
        with pytest.raises(InvalidInputError, match=f"32x32 pixels, not {size}x{size}"):
            restorer(torch.zeros(1, 3, size, size))


def test_the_layout_of_the_papers_network():
    with torch.device("meta"):
        network = GANPriorNetwork(GAN_PRIOR_512)
    expected = {name: list(value.shape) for name, value in network.state_dict().items()}
    assert read_layout("gan-prior-512").tensors == expected


@pytest.mark.slow
@pytest.mark.parametrize(("name", "file"), [("gpen", "gpen-512"), ("gan-prior", "gan-prior-512")])
def test_full_size_test_weights_load_and_restore(tmp_path, name, file):
    (path,) = make_test_checkpoints(tmp_path, 0, [file])
    restorer = load_restorer(name, path)
    assert restorer.size_px == 512
    found = restorer(torch.zeros(1, 3, 512, 512))
    assert torch.isfinite(found).all() and found.std() > 0.1
