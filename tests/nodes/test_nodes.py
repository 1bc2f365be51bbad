"""The other nodes: what they give, in inference mode, and what they refuse."""

import inspect
import json
import math
from pathlib import Path

import pytest
import torch


def test_priors_offer_the_demo_the_catalogue_and_own_files(pack):
    folder = pack.host.folder / "pdgrad"
    folder.mkdir(parents=True)
    for name in ("mine.safetensors", "notes.txt", "iddpm_ffhq512_ema500000.pth"):
        (folder / name).write_bytes(b"")
    weights, *_ = pack.nodes["PDGradLoadPrior"].define_schema().inputs
    expected = ["demo", "demo idm", "ffhq512-prior", "idm-512", "mine.safetensors"]
    assert weights.options["options"] == expected


def test_own_files_of_the_host_are_loaded(pack, small_models):
    folder = pack.host.folder / "pdgrad"
    folder.mkdir(parents=True)
    (folder / "mine.safetensors").write_bytes((small_models / "prior.safetensors").read_bytes())
    loaded = pack.run("PDGradLoadPrior", weights="mine.safetensors", precision="bfloat16").args[0]
    assert loaded.prior.image_size == 64
    assert next(loaded.prior.network.parameters()).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("node", "inputs", "file", "category"),
    [
        ("PDGradLoadPrior", {"weights": "ffhq512-prior"}, "iddpm_ffhq512", "pdgrad"),
        ("PDGradLoadRestorer", {"weights": "codeformer"}, "codeformer", "facerestore_models"),
        ("PDGradLoadFeatures", {"perceptual": "vgg16"}, "vgg16", "pdgrad"),
    ],
)
def test_a_missing_file_is_explained(pack, monkeypatch, node, inputs, file, category):
    # Only the host's folders: this machine may have the files elsewhere.
    monkeypatch.setattr(
        pack.module("nodes.weights"),
        "search_folders",
        lambda extra_folders: [Path(folder) for folder in extra_folders],
    )
    with pytest.raises(pack.error("CheckpointNotFoundError")) as caught:
        pack.run(node, **inputs)
    message = str(caught.value)
    for part in (file, "MB", "licence", "http", str(pack.host.folder / category)):
        assert part in message


def test_networks_are_built_outside_inference_mode(loaded):
    patchers = [loaded.prior.patcher, loaded.restorer.patcher, *loaded.features.patchers]
    for patcher in patchers:
        assert not any(p.is_inference() for p in patcher.model.parameters())


def test_coarse_restoration(pack, loaded, faces):
    coarse = pack.run("PDGradCoarseRestore", image=faces(2), restorer=loaded.restorer).args[0]
    assert coarse.shape == (2, 16, 16, 3)
    assert not coarse.is_inference()
    none = pack.run("PDGradLoadRestorer", weights="none").args[0]
    with torch.inference_mode():
        image = faces()
    same = pack.run("PDGradCoarseRestore", image=image, restorer=none).args[0]
    torch.testing.assert_close(same, image.clone(), rtol=0, atol=1e-6)


def test_a_core_upscale_model_as_restorer(pack, faces):
    """What Load Upscale Model gives: a descriptor whose weights are inference tensors."""
    from types import SimpleNamespace

    class Twice:
        architecture = SimpleNamespace(id="ESRGAN")

        def __init__(self):
            self.model = torch.nn.Conv2d(3, 3, 1)

        @torch.inference_mode()
        def __call__(self, image):
            assert 0 <= image.min() <= image.max() <= 1
            return torch.nn.functional.interpolate(image, scale_factor=2)

    with torch.inference_mode():
        upscaler = Twice()
    image = faces()
    coarse = pack.run("PDGradCoarseRestore", image=image, restorer=upscaler).args[0]
    assert coarse.shape == (1, 16, 16, 3)
    assert (coarse - image.clone()).abs().mean() < 0.1


def test_degrading_is_seeded_and_says_what_it_drew(pack, faces):
    image, values = pack.run("PDGradDegrade", image=faces(2), seed=9).args
    again = pack.run("PDGradDegrade", image=faces(2), seed=9).args[0]
    assert torch.equal(image, again)
    drawn = json.loads(values)
    assert len(drawn) == 2
    assert drawn[0] != drawn[1]
    own = json.loads(
        pack.run("PDGradDegrade", image=faces(), preset="own values", jpeg_quality=0).args[1]
    )
    assert own[0]["jpeg_quality"] is None
    assert own[0]["scale"] == 8.0
    last = 2**64 - 1
    assert pack.run("PDGradDegrade", image=faces(2), seed=last).args[0].shape[0] == 2


def test_an_even_window_is_refused_at_validation(pack):
    validate = pack.nodes["PDGradDegrade"].validate_inputs
    ordinary = {"preset": "pdgrad", "kernel": "gaussian", "resize_mode": "bilinear"}
    assert validate(kernel_px=41, **ordinary) is True
    assert "odd" in validate(kernel_px=40, **ordinary)


def test_unknown_choices_are_refused_by_every_node(pack):
    """The host does not check the choices of V3 nodes, so each node names its COMBOs itself."""
    for node_id, node in pack.nodes.items():
        combos = [one.id for one in node.define_schema().inputs if one.kind == "COMBO"]
        if not combos:
            continue
        checked = inspect.signature(node.validate_inputs).parameters
        assert set(combos) <= set(checked), node_id
        values = dict.fromkeys(checked)
        assert node.validate_inputs(**values) is True
        for name in combos:
            assert name in node.validate_inputs(**{**values, name: "magic"}), node_id


def test_a_group_is_aligned_by_its_landmarks_and_pasted_back(pack):
    photo, landmarks = pack.run("PDGradDemoFaces", scene="group of three", size_px="128").args
    faces, placement, boxes, _ = pack.run(
        "PDGradAlignFaces", photo=photo, method="landmarks", landmarks=landmarks,
        choose="by number", numbers="1", size_px=64,
    ).args  # fmt: skip
    assert faces.shape == (1, 64, 64, 3)
    assert boxes.shape == photo.shape
    assert placement.count == 1
    pasted, weight = pack.run(
        "PDGradPasteFaces", photo=photo, restored=torch.ones_like(faces), placement=placement,
        match_colors=False, match_grain=False, multiband=False,
    ).args  # fmt: skip
    assert weight.shape == photo.shape[:3]
    assert weight.max() == 1
    outside = weight == 0
    assert torch.equal(pasted[outside], photo.clone()[outside])
    assert pasted[weight == 1].min() > 0.99
    first, last = photo.shape[2] // 3, 2 * photo.shape[2] // 3
    assert weight[:, :, :40].max() == 0
    assert weight[:, :, first:last].max() == 1


def test_a_mask_keeps_the_photo_where_it_is_black(pack, faces):
    photo = faces(size=32)
    crop, placement, *_ = pack.run(
        "PDGradAlignFaces", photo=photo, method="already aligned", size_px=16
    ).args
    mask = torch.zeros(1, 32, 32)
    mask[:, :16] = 1
    pasted, weight = pack.run(
        "PDGradPasteFaces", photo=photo, restored=torch.ones_like(crop), placement=placement,
        mask=mask,
    ).args  # fmt: skip
    torch.testing.assert_close(pasted[:, 16:], photo.clone()[:, 16:], rtol=0, atol=1e-6)
    torch.testing.assert_close(weight, mask, rtol=0, atol=1e-5)


def test_faces_of_another_photo_are_refused(pack, faces):
    _, placement, *_ = pack.run(
        "PDGradAlignFaces", photo=faces(size=32), method="already aligned", size_px=16
    ).args
    paste = {"restored": faces(), "placement": placement}
    with pytest.raises(pack.error("InvalidInputError"), match="32x32"):
        pack.run("PDGradPasteFaces", photo=faces(size=48), **paste)
    paste["restored"] = faces(2)
    with pytest.raises(pack.error("InvalidInputError"), match="1 face"):
        pack.run("PDGradPasteFaces", photo=faces(size=32), **paste)


def test_landmarks_are_asked_for(pack, faces):
    with pytest.raises(pack.error("InvalidInputError"), match="none are given"):
        pack.run("PDGradAlignFaces", photo=faces(size=64), method="landmarks", size_px=16)


def test_loss_layers_are_checked(pack, loaded, faces):
    validate = pack.nodes["PDGradLossBuilder"].validate_inputs
    assert validate("low", "conv1_2 conv5_3", "auto") is True
    assert "conv9_9" in validate("low", "conv1_2, conv9_9", "auto")
    assert "at least one" in validate("low", " ", "auto")
    with pytest.raises(pack.error("InvalidInputError"), match="weight above 0"):
        pack.run(
            "PDGradLossBuilder", features=loaded.features, image=faces(), level="high",
            identity_weight=0.0,
        )  # fmt: skip


def test_a_pivot_that_looks_at_the_same_image_only_warns(pack, loaded, faces, caplog):
    image = faces()
    pivot, other = (
        pack.run("PDGradLossBuilder", features=loaded.features, image=image).args[0]
        for _ in range(2)
    )
    out = pack.run("PDGradGradientSurgery", pivot=pivot, other=other)
    assert "the same image" in out.ui["pdgrad_note"][0]
    assert "the same image" in caplog.text
    different = pack.run("PDGradLossBuilder", features=loaded.features, image=faces(seed=4)).args[0]
    assert pack.run("PDGradGradientSurgery", pivot=pivot, other=different).ui is None


def test_comparing(pack, loaded, faces):
    image = faces(2)
    out = pack.run("PDGradCompare", result=image, truth=image, features=loaded.features)
    summary, psnr, ssim, lpips, deg = out.args
    assert psnr == math.inf
    assert ssim == pytest.approx(1, abs=1e-4)
    assert lpips == pytest.approx(0, abs=1e-6)
    assert deg == pytest.approx(0, abs=0.1)
    assert "LPIPS" in summary
    assert out.ui["pdgrad_text"] == [summary]
    _, psnr, _, lpips, deg = pack.run("PDGradCompare", result=image, truth=faces(seed=3)).args
    assert 0 < psnr < 20
    assert math.isnan(lpips)
    assert math.isnan(deg)


def test_comparing_with_a_reference_measures_identity_alone(pack, loaded, faces):
    _, psnr, _, _, deg = pack.run(
        "PDGradCompare", result=faces(), truth=faces(size=32, seed=2), against="reference",
        features=loaded.features,
    ).args  # fmt: skip
    assert math.isnan(psnr)
    assert 0 < deg < 180
    with pytest.raises(pack.error("InvalidInputError"), match="feature networks"):
        pack.run("PDGradCompare", result=faces(), truth=faces(), against="reference")


def test_the_prior_as_the_hosts_model(pack, loaded):
    model, conditioning = pack.run("PDGradPriorAsModel", prior=loaded.prior).args
    native = model.model
    assert native.model_type == "eps"
    assert native.model_config.sampling_settings["beta_schedule"] == "sqrt_linear"
    assert native.model_config.sampling_settings["linear_end"] == pytest.approx(0.02)
    x = torch.randn(2, 3, 16, 16)
    t = torch.tensor([10.0, 600.0])
    found = native.diffusion_model(x, t, context=None, control=None, transformer_options={})
    torch.testing.assert_close(found, loaded.prior.prior.network(x, t)[:, :3])
    assert native.diffusion_model.network is not loaded.prior.prior.network
    assert model.post_cfg({"denoised": torch.tensor([3.0])}) == 1
    assert conditioning[0][0].shape == (1, 1, 1)


def test_an_image_with_alpha_is_taken_and_no_image_is_refused(pack, loaded):
    with torch.inference_mode():
        image, grey = torch.rand(1, 16, 16, 4), torch.rand(1, 16, 16)
    node = "PDGradCoarseRestore"
    assert pack.run(node, image=image, restorer=loaded.restorer).args[0].shape == (1, 16, 16, 3)
    with pytest.raises(pack.error("InvalidInputError"), match="must be an IMAGE"):
        pack.run(node, image=grey, restorer=loaded.restorer)


def test_trace_plot(pack, loaded, faces):
    trace = pack.run("PDGradDDPMSampler", prior=loaded.prior, image=faces(2), steps=3).args[1]
    plot, text = pack.run("PDGradTracePlot", trace=trace, face=1).args
    assert plot.shape[0] == 1
    assert plot.shape[3] == 3
    rows = json.loads(text)
    assert [row["t"] for row in rows] == [699, 350, 0]
    assert len(rows[0]["step_norm"]) == 2


def test_a_trace_without_steps_is_told_from_one_that_was_not_sampled_yet(pack, faces):
    trace = pack.module("nodes.sockets").Trace([])
    with pytest.raises(pack.error("InvalidInputError"), match="connect the sampler's latent"):
        pack.run("PDGradTracePlot", trace=trace)
    plot, text = pack.run("PDGradTracePlot", trace=trace, after=faces()).args
    assert text == "[]"
    assert plot.shape[-1] == 3
    assert plot.min() < 0.5 < plot.max()  # it says so


def test_drawn_faces(pack):
    images, text = pack.run("PDGradDemoFaces", count=3).args
    assert images.shape == (3, 64, 64, 3)
    assert len(text.split("\n\n")) == 3
    again = pack.run("PDGradDemoFaces", view=2).args[0]
    torch.testing.assert_close(images[1:2], again, rtol=0, atol=1e-4)
