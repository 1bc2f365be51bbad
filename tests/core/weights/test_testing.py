"""Test weights: the official layouts, filled from a seed, marked as what they are."""

import json
import logging

import pytest
import torch
from recipe import equalised_tensor, recipe_tensor

from pdgrad_core.checkpoints import load_checkpoint, warn_if_test
from pdgrad_core.diffusion.noise import seeded_noise
from pdgrad_core.diffusion.priors.idm import IDM_512, IDMNetwork
from pdgrad_core.errors import InvalidInputError, UnknownNameError
from pdgrad_core.restorers import load_restorer
from pdgrad_core.restorers.idm import IDMRestorer
from pdgrad_core.weights import testing
from pdgrad_core.weights.catalogue import weight_names
from pdgrad_core.weights.integrity import is_test_file
from pdgrad_core.weights.testing import layout_names, make_test_checkpoints, read_layout

TINY = {
    "conv.weight": [4, 3, 3, 3],
    "conv.bias": [4],
    "norm.weight": [4],
    "norm.running_mean": [4],
    "norm.running_var": [4],
    "norm.num_batches_tracked": [],
}


@pytest.fixture
def tiny_layouts(tmp_path, monkeypatch):
    """Replace the shipped layouts by small ones that differ in wrapping, prefix and gain."""
    folder = tmp_path / "layouts"
    folder.mkdir()
    for name, wrapper, prefix, gain in (
        ("codeformer", "params_ema", "", 1.0),
        ("ffhq512-prior", None, "module.", 1.0),
        ("vgg16", None, "", 2.0**0.5),
    ):
        layout = {"network": name, "wrapper": wrapper, "prefix": prefix, "gain": gain}
        (folder / f"{name}.json").write_text(json.dumps({**layout, "tensors": TINY}))
    monkeypatch.setattr(testing, "LAYOUTS", folder)


@pytest.mark.parametrize(
    ("name", "file_name", "gain"),
    [
        ("codeformer", "codeformer.pth", 1.0),
        ("ffhq512-prior", "iddpm_ffhq512_ema500000.pth", 1.0),
        ("vgg16", "vgg16-397923af.pth", 2.0**0.5),
    ],
)
def test_seed_0_is_the_golden_recipe(tiny_layouts, tmp_path, name, file_name, gain):
    (path,) = make_test_checkpoints(tmp_path, 0, [name])
    assert path == tmp_path / file_name
    checkpoint = load_checkpoint(path)
    assert {key: list(value.shape) for key, value in checkpoint.tensors.items()} == TINY
    for key, value in checkpoint.tensors.items():
        assert torch.equal(value, recipe_tensor(key, tuple(value.shape), gain, value.dtype))


def test_official_wrapping(tiny_layouts, tmp_path):
    codeformer, prior = make_test_checkpoints(tmp_path, 1, ["codeformer", "ffhq512-prior"])
    assert "conv.weight" in torch.load(codeformer, weights_only=True)["params_ema"]
    assert "module.conv.weight" in torch.load(prior, weights_only=True)


def test_every_seed_gives_its_own_numbers_again(tiny_layouts, tmp_path):
    def weights(seed):
        (path,) = make_test_checkpoints(tmp_path / "again", seed, ["vgg16"])
        return load_checkpoint(path).tensors["conv.weight"]

    assert torch.equal(weights(7), weights(7))
    assert not torch.equal(weights(7), weights(8))
    assert not torch.equal(weights(7), weights(0))


def test_numbers_have_the_recipes_spread(tmp_path):
    layout = testing.Layout(
        "big", None, "", 2.0, {"w": [100, 400], "b": [9000], "n.weight": [9000]}
    )
    tensors = dict(testing.random_state_dict(layout, 5))
    assert tensors["w"].std().item() == pytest.approx(2.0 / 20, rel=0.02)
    assert tensors["b"].std().item() == pytest.approx(0.05, rel=0.05)
    assert tensors["n.weight"].mean().item() == pytest.approx(1.0, abs=0.01)
    assert all(tensor.dtype == torch.float32 for tensor in tensors.values())


def test_they_say_that_they_restore_nothing(tiny_layouts, tmp_path, caplog):
    (path,) = make_test_checkpoints(tmp_path, 3, ["codeformer"])
    checkpoint = load_checkpoint(path)
    assert checkpoint.is_test
    assert is_test_file(path)
    with caplog.at_level(logging.WARNING):
        warn_if_test(checkpoint)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "codeformer.pth" in caplog.text and "restores nothing" in caplog.text


def test_an_interruption_leaves_nothing(tiny_layouts, tmp_path, monkeypatch):
    def interrupt(content, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make_test_checkpoints(tmp_path / "out", 1, ["vgg16"])
    assert list((tmp_path / "out").iterdir()) == []


def test_wrong_arguments_write_nothing(tiny_layouts, tmp_path):
    with pytest.raises(UnknownNameError, match=r"no layout .* named 'gfpgan-1\.4'"):
        make_test_checkpoints(tmp_path / "out", 1, ["vgg16", "gfpgan-1.4"])
    with pytest.raises(InvalidInputError, match="seed"):
        make_test_checkpoints(tmp_path / "out", -1)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("ffhq512-prior", 159_788_454),
        ("pgdiff-rrdb", 16_779_518),
        ("codeformer", 94_112_707),
        ("arcface-iresnet50", 43_629_071),
        ("arcface-ir-se50", 43_824_118),
        ("retinaface", 27_351_657),
        ("parsenet", 21_319_930),
        ("awing", 24_207_364),
        ("gpen-512", 71_005_559),
        ("gan-prior-512", 114_781_695),
        ("gpen-discriminator", 28_983_073),
        ("vgg16", 14_714_688),
    ],
)
def test_layouts_have_the_networks_sizes(name, parameters):
    tensors = read_layout(name).tensors
    assert sum(torch.Size(shape).numel() for shape in tensors.values()) == parameters


def test_every_layout_belongs_to_a_catalogued_file():
    assert set(layout_names()) <= set(weight_names())


def test_gpen_keeps_its_fixed_blur():
    tensors = dict(
        testing.random_state_dict(
            testing.Layout(
                "gpen", None, "", 1.0, {"generator.a.kernel": [4, 4], "ecd1.0.0.kernel": [4, 4]}
            ),
            0,
        )
    )
    assert tensors["ecd1.0.0.kernel"].sum().item() == pytest.approx(1.0)
    assert tensors["generator.a.kernel"].sum().item() == pytest.approx(4.0)


def test_layers_that_scale_their_weights_get_them_as_the_recipe_says():
    names = {
        "generator.style.1.weight": [4, 4],
        "generator.convs.0.conv.weight": [1, 3, 2, 3, 3],
        "generator.convs.0.conv.modulation.bias": [2],
        "generator.convs.0.conv.blur.kernel": [4, 4],
        "generator.conv1.noise.weight": [1],
        "generator.to_rgb1.bias": [1, 3, 1, 1],
        "decoder.scales.0.upsample.kernel": [4, 4],
        "ecd1.0.0.kernel": [4, 4],
    }
    starts = ("generator.", "ecd", "decoder.")
    layout = testing.Layout("stylegan", None, "", 1.0, names, starts)
    for key, found in testing.random_state_dict(layout, 0):
        torch.testing.assert_close(found, equalised_tensor(key, tuple(names[key])))
    assert read_layout("gpen-512").equalised == ("generator.", "ecd", "final_linear.")
    assert read_layout("gpen-discriminator").equalised == ("convs.", "final_")


def test_the_layout_of_idm_is_that_of_the_papers_network():
    with torch.device("meta"):
        network = IDMNetwork(IDM_512)
    expected = {name: list(value.shape) for name, value in network.state_dict().items()}
    assert read_layout("idm-512").tensors == expected


@pytest.mark.slow
def test_the_full_idm_restores_in_its_steps(tmp_path):
    (path,) = make_test_checkpoints(tmp_path, 1, ["idm-512"])
    restorer = load_restorer("idm", path, steps=2)
    assert isinstance(restorer, IDMRestorer) and restorer.prior.is_test
    assert (restorer.prior.image_size, restorer.prior.prediction) == (512, "x0")
    y = torch.zeros(1, 3, 64, 64)
    assert torch.isfinite(restorer(y, noise=seeded_noise(y, 0))).all()


@pytest.mark.slow
def test_the_full_prior(tmp_path):
    (path,) = make_test_checkpoints(tmp_path, 1, ["ffhq512-prior"])
    assert path.stat().st_size == pytest.approx(639e6, rel=0.01)
    checkpoint = load_checkpoint(path)
    assert checkpoint.is_test
    assert sum(value.numel() for value in checkpoint.tensors.values()) == 159_788_454
    assert all(torch.isfinite(value).all() for value in checkpoint.tensors.values())
