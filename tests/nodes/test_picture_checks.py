"""Pictures that no node can work with: one sentence each, before any work."""

import logging

import pytest
import torch


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (torch.zeros(0, 16, 16, 3), "empty batch"),
        (torch.zeros(1, 1, 1, 3), "1x1 pixels, in which there can be no face"),
        (torch.zeros(1, 16, 7, 3), "7x16 pixels"),
        (torch.full((1, 16, 16, 3), 255.0), "divide it by 255"),
        (torch.linspace(-1, 1, 768).view(1, 16, 16, 3), "halve it and add 0.5"),
        (torch.full((1, 16, 16, 3), -40.0), "from -40 to -40, but an IMAGE's go from 0 to 1"),
        (torch.full((1, 16, 16, 3), float("nan")), "NaN"),
        (torch.full((1, 16, 16, 3), float("inf")), "from inf to inf"),
        (torch.zeros(1, 16, 16, 1), "must be an IMAGE"),
        (torch.zeros(16, 16, 3), "must be an IMAGE"),
    ],
)
@pytest.mark.parametrize("node", ["PDGradDegrade", "PDGradCoarseRestore"])
def test_what_shows_no_face_is_refused(pack, loaded, node, picture, said):
    more = {"restorer": loaded.restorer} if node == "PDGradCoarseRestore" else {}
    with pytest.raises(pack.error("InvalidInputError"), match=said):
        pack.run(node, image=picture, **more)


def test_the_overshoot_of_a_resampling_is_cut_off(pack):
    picture = torch.full((1, 16, 16, 3), 0.5)
    picture[:, 0], picture[:, 1] = -0.2, 1.2
    kept = pack.run("PDGradAlignFaces", photo=picture, method="already aligned", size_px=16).args[0]
    torch.testing.assert_close(kept, picture.clamp(0, 1), rtol=0, atol=1e-6)


def test_alpha_is_left_out_and_that_is_said(pack, caplog):
    with caplog.at_level(logging.WARNING):
        crop = pack.run(
            "PDGradAlignFaces", photo=torch.rand(1, 16, 16, 4), method="already aligned", size_px=16
        ).args[0]
    assert crop.shape[-1] == 3
    assert "The photo has an alpha channel" in caplog.text


def test_large_faces_are_kept_from_small_models(pack, loaded, faces):
    """The small models know faces of 64 px."""
    large = faces(size=512)
    with pytest.raises(pack.error("InvalidInputError"), match="know faces of 64x64; connect"):
        pack.run("PDGradDDPMSampler", prior=loaded.prior, image=large, steps=2, tau=10)
    with pytest.raises(pack.error("InvalidInputError"), match=r"512x512 .* choose codeformer"):
        pack.run("PDGradCoarseRestore", image=large, restorer=loaded.restorer)
    with pytest.raises(pack.error("InvalidInputError"), match="set models to photos"):
        pack.run(
            "PDGradRestoreFace", photo=large, references=faces(size=64), photo_is="aligned face",
            landmarks="", reference_landmarks="", models="demo",
        )  # fmt: skip
    assert not pack.host.progress


@pytest.mark.parametrize(
    ("size_px", "connected", "side"), [(0, True, 64), (0, False, 512), (32, True, 32)]
)
def test_crops_follow_the_prior_unless_a_size_is_chosen(pack, loaded, faces, size_px, connected,
                                                        side):  # fmt: skip
    prior = {"prior": loaded.prior} if connected else {}
    crops = pack.run(
        "PDGradAlignFaces", photo=faces(size=128), method="already aligned", size_px=size_px,
        **prior,
    ).args[0]  # fmt: skip
    assert crops.shape[1:3] == (side, side)


def test_the_defaults_of_align_faces_and_of_the_prior_fit(pack, loaded, faces):
    """Everything as it is set when the nodes are put down."""
    crops = pack.run(
        "PDGradAlignFaces", photo=faces(size=96), method="already aligned", prior=loaded.prior
    ).args[0]
    coarse = pack.run("PDGradCoarseRestore", image=crops, restorer=loaded.restorer).args[0]
    face = pack.run("PDGradDDPMSampler", prior=loaded.prior, image=coarse, steps=1).args[0]
    assert face.shape == crops.shape


def test_crops_too_small_for_a_face_are_refused(pack):
    validate = pack.nodes["PDGradAlignFaces"].validate_inputs
    assert validate("detect", "all", "reflect", 0) is True
    assert "size_px must be 0 or at least 16" in validate("detect", "all", "reflect", 8)
