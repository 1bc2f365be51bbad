"""What a photo has beside its colours: alpha, and the lack of colour."""

import logging

import pytest
import torch

QUICK = {"steps": 3, "tau": 300, "recipe": "a5", "models": "demo"}


@pytest.fixture
def see_through(faces):
    """Make photos with an alpha channel that falls from left to right."""

    def make(count=1, size=64, seed=1):
        with torch.inference_mode():
            alpha = torch.linspace(1, 0, size).view(1, 1, size, 1).expand(count, size, size, 1)
            return torch.cat([faces(count, size=size, seed=seed), alpha], -1)

    return make


def chroma(image):
    return float((image.amax(-1) - image.amin(-1)).max())


def test_restore_face_keeps_alpha(pack, see_through):
    photos = see_through(2)
    image, coarse, _ = pack.run("PDGradRestoreFace", photo=photos, **QUICK).args
    assert image.shape == (2, 64, 64, 4) and coarse.shape == (2, 64, 64, 3)
    assert torch.equal(image[..., 3], photos[..., 3].clone())
    plain = pack.run("PDGradRestoreFace", photo=photos[..., :3], **QUICK).args[0]
    assert torch.equal(image[..., :3], plain)


def test_alpha_outside_a_pasted_face(pack, see_through):
    photo = see_through(size=128)
    image = pack.run(
        "PDGradRestoreFace",
        photo=photo,
        landmarks="50,56 78,56 64,74 54,90 74,90",
        photo_is="whole photo",
        **QUICK,
    ).args[0]
    assert torch.equal(image[..., 3], photo[..., 3].clone())
    torch.testing.assert_close(image[:, :4, :4], photo[:, :4, :4].clone(), rtol=0, atol=1e-6)


def test_alpha_of_an_aligned_face_of_another_size_fits_the_result(pack, see_through):
    inputs = {"photo": see_through(size=96), "photo_is": "aligned face", **QUICK}
    image = pack.run("PDGradRestoreFace", **inputs).args[0]
    assert image.shape == (1, 64, 64, 4)
    assert image[..., 3].mean() == pytest.approx(0.5, abs=0.01)
    assert image[0, 0, 0, 3] > 0.98 and image[0, 0, -1, 3] < 0.02


def test_other_nodes_say_in_one_line_that_they_leave_it_out(pack, see_through, caplog):
    with caplog.at_level(logging.WARNING):
        out = pack.run("PDGradDegrade", image=see_through()).args[0]
    assert out.shape[-1] == 3
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if "has an alpha channel" in line]) == 1


def test_restore_face_says_nothing_of_what_it_keeps(pack, see_through, caplog):
    with caplog.at_level(logging.WARNING):
        pack.run("PDGradRestoreFace", photo=see_through(), **QUICK)
    assert "alpha" not in caplog.text


@pytest.mark.parametrize(("given", "grey"), [({}, True), ({"keep_grey": False}, False)])
def test_a_grey_photo_stays_grey_unless_told_otherwise(pack, faces, given, grey):
    with torch.inference_mode():
        photo = faces(size=64).mean(-1, keepdim=True).expand(-1, -1, -1, 3)
    image = pack.run("PDGradRestoreFace", photo=photo, **QUICK, **given).args[0]
    assert (chroma(image) < 1e-5) == grey


def test_a_recipe_that_gives_colours_gives_them(pack, faces):
    with torch.inference_mode():
        photo = faces(size=64).mean(-1, keepdim=True).expand(-1, -1, -1, 3)
    inputs = {**QUICK, "recipe": "pgdiff-colorization"}
    image = pack.run("PDGradRestoreFace", photo=photo, **inputs).args[0]
    assert chroma(image) > 0.01
