"""Inpainting invents what a mask covers, and leaves the rest of the photo alone."""

import pytest
import torch
from model_files import SIZE_PX, write_models
from networks import images

from pdgrad_core.cli import main
from pdgrad_core.errors import InvalidInputError
from pdgrad_core.images import load_image, save_image
from pdgrad_core.masks import with_known_pixels
from pdgrad_core.models.sets import load_model_set
from pdgrad_core.pipeline import restore_faces
from pdgrad_core.recipes import Hints
from pdgrad_core.settings import Settings

LANDMARKS = "28,36 44,36 36,46 30,52 42,52"


@pytest.fixture(scope="module")
def models():
    return load_model_set("demo", restorer="none", features=())


def hole(height=64, width=64):
    mask = torch.zeros(1, 1, height, width)
    mask[..., 20:44, 16:40] = 1
    return mask


def inpainted(models, photo, mask, **settings):
    settings = Settings("pgdiff-inpainting", steps=2, **settings)
    return restore_faces(photo, [], models, settings, hints=Hints(mask)).image


def test_known_pixels_are_the_originals_and_unknown_ones_the_results():
    result, original, mask = (
        torch.zeros(1, 1, 1, 3),
        torch.ones(1, 1, 1, 3),
        torch.zeros(1, 1, 1, 3),
    )
    mask[..., 1] = 1
    assert with_known_pixels(result, original, mask).flatten().tolist() == [1, 0, 1]
    with pytest.raises(InvalidInputError, match="3x1 pixels, but the image"):
        with_known_pixels(result[..., :2], original[..., :2], mask)


def test_known_pixels_stay_to_the_bit_and_the_hole_is_filled(models):
    photo, mask = images(2, 64, seed=3), hole()
    kept = inpainted(models, photo, mask)
    raw = inpainted(models, photo, mask, raw_output=True)
    known = (mask == 0).expand_as(photo)
    assert torch.equal(kept[known], photo[known])
    assert torch.equal(kept[~known], raw[~known])
    assert not torch.equal(raw[known], photo[known])


def test_each_face_keeps_what_its_own_mask_leaves(models):
    photo = images(2, 64, seed=3)
    masks = torch.cat([hole(), hole().flip(-1)])
    kept = inpainted(models, photo, masks)
    for one, original, mask in zip(kept, photo, masks, strict=True):
        known = (mask == 0).expand_as(one)
        assert torch.equal(one[known], original[known])


def test_only_inpainting_keeps_known_pixels_and_only_it_has_the_switch():
    assert Settings("pgdiff-inpainting").resolved().keeps_known
    assert not Settings("pgdiff-inpainting", raw_output=True).resolved().keeps_known
    assert not Settings("pgdiff-old-photo").resolved().keeps_known
    with pytest.raises(InvalidInputError, match="invents nothing between known pixels"):
        Settings("pgdiff-old-photo", raw_output=True).resolved()


def test_the_command_line_keeps_them_in_aligned_faces_and_whole_photos(tmp_path):
    write_models(tmp_path / "models")
    save_image(hole(80, 72).expand(1, 3, -1, -1) * 2 - 1, tmp_path / "hole.png")
    small = hole()[..., :SIZE_PX, :SIZE_PX].expand(1, 3, -1, -1)
    save_image(small * 2 - 1, tmp_path / "small hole.png")
    save_image(images(1, 80, seed=1)[..., :72], tmp_path / "whole.png")
    save_image(images(1, SIZE_PX, seed=1), tmp_path / "aligned.png")
    common = ["--models", tmp_path / "models", "--restorer", "none", "--device", "cpu"]
    common += ["--recipe", "pgdiff-inpainting", "--steps", "2"]
    whole = ["whole.png", "hole.png", "--landmarks", LANDMARKS]
    for photo, mask, *how in (whole, ["aligned.png", "small hole.png", "--aligned"]):
        before = load_image(tmp_path / photo)
        known = load_image(tmp_path / mask).expand_as(before) < 0
        for switch, same in (([], True), (["--raw-output"], False)):
            out = tmp_path / "out.png"
            command = ["restore", tmp_path / photo, "--mask", tmp_path / mask, "--out", out]
            assert main([str(text) for text in (*command, *how, *common, *switch)]) == 0
            after = load_image(out)
            assert torch.equal(after[known], before[known]) is same
            assert not torch.equal(after[~known], before[~known])
