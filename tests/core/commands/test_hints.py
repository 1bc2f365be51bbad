"""`pdgrad restore` with a mask or a colour style, on small models."""

import json

import pytest
import torch
from model_files import write_models
from networks import images

from pdgrad_core.alignment.align import align_face, take_as_aligned
from pdgrad_core.alignment.face import face_from_landmarks
from pdgrad_core.cli import main
from pdgrad_core.commands.hints import style_files
from pdgrad_core.images import load_image, save_image
from pdgrad_core.photos import cut_masks

LANDMARKS = "24,30 40,30 32,40 26,46 38,46"


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder with small models, a photo, masks and colour styles."""
    folder = tmp_path_factory.mktemp("hints")
    write_models(folder / "models")
    photo = images(1, 64, seed=1)
    save_image(photo, folder / "photo.png")
    hole = torch.full((1, 3, 64, 64), -1.0)
    hole[..., 20:40, 16:40] = 1
    save_image(hole, folder / "mask.png")
    save_image(hole * 0.5, folder / "grey-mask.png")
    save_image(torch.ones(1, 3, 64, 64), folder / "all.png")
    save_image(hole[..., :48], folder / "narrow.png")
    painted = torch.where(hole > 0, -photo, photo)
    save_image(painted, folder / "painted.png")
    for name, style in (("styles", images(1, 32, seed=5) * 0.2 + 0.5), ("grey", hole)):
        (folder / name).mkdir()
        save_image(style, folder / name / "one.png")
    (folder / "empty").mkdir()
    return folder


def restore(here, recipe, *arguments, photo="photo.png", out="out.png"):
    options = ["--models", here / "models", "--restorer", "none", "--device", "cpu"]
    options += ["--steps", "3", "--recipe", recipe, "--out", here / out]
    return main([str(text) for text in ("restore", here / photo, *options, *arguments)])


def test_what_the_mask_covers_is_never_looked_at(here):
    for photo, out in (("photo.png", "a.png"), ("painted.png", "b.png")):
        mask = ("--aligned", "--mask", here / "mask.png", "--strength", "0.3")
        assert restore(here, "pgdiff-inpainting", *mask, photo=photo, out=out) == 0
    a, b = load_image(here / "a.png"), load_image(here / "b.png")
    torch.testing.assert_close(a, b, atol=1.5 / 127.5, rtol=0)


def test_a_mask_follows_its_face(here):
    mask = ("--landmarks", LANDMARKS, "--mask", here / "mask.png")
    assert restore(here, "pgdiff-inpainting", *mask, out="face.png") == 0
    assert load_image(here / "face.png").shape == (1, 3, 64, 64)


def test_a_colour_style_is_a_folder_or_a_picture(here):
    for style, out in (
        (here / "styles", "folder.png"),
        (here / "styles" / "one.png", "file.png"),
    ):
        options = ("--aligned", "--color-style", style, "--strength", "0.3")
        assert restore(here, "pgdiff-colorization", *options, out=out) == 0
    folder, file = load_image(here / "folder.png"), load_image(here / "file.png")
    assert torch.equal(folder, file)


def test_a_colour_styles_folder_may_hold_other_things(here):
    folder = here / "mixed"
    folder.mkdir()
    save_image(images(1, 32, seed=5) * 0.2 + 0.5, folder / "one.png")
    for name in ("._one.png", ".DS_Store", "album.pdf", "drawing.eps", "notes.txt", "Thumbs.db"):
        (folder / name).write_bytes(b"\x00\x05\x16\x07 of macOS")
    (folder / "folder.png").mkdir()
    assert style_files(folder) == [folder / "one.png"]
    options = ("--aligned", "--color-style", folder)
    assert restore(here, "pgdiff-colorization", *options) == 0
    (folder / "one.png").unlink()
    assert restore(here, "pgdiff-colorization", *options) == 1


def test_a_property_may_weigh_more_or_be_operated_on(here):
    same = ("--aligned", "--strength", "0.3")
    for name, more in (
        ("as-is", ()),
        ("same", ("--weight", "color=0.05")),
        ("more", ("--weight", "color=50")),
        ("surgery", ("--combiner", "projection", "--report", here / "report.json")),
    ):
        assert restore(here, "pgdiff-colorization", *same, *more, out=f"{name}.png") == 0
    found = {n: load_image(here / f"{n}.png") for n in ("as-is", "same", "more")}
    assert torch.equal(found["as-is"], found["same"])
    assert not torch.equal(found["as-is"], found["more"])
    (photo,) = json.loads((here / "report.json").read_text())["photos"]
    assert "properties.cosine" in photo["trace"][0]


@pytest.mark.parametrize(
    ("recipe", "arguments", "message"),
    [
        ("pgdiff-inpainting", [], "needs a mask"),
        ("pgdiff-inpainting", ["--mask", "grey-mask.png"], "grey-mask.png: A mask must hold 0"),
        ("pgdiff-inpainting", ["--mask", "all.png"], "all.png: The mask covers the whole image"),
        ("pgdiff-inpainting", ["--mask", "narrow.png"], "mask is 48x64 pixels, but its image"),
        ("pgdiff-inpainting", ["--mask", "mask.png"] * 2, "given 2 times for 1 photos"),
        ("pgdiff-restoration", ["--mask", "mask.png"], "takes no mask"),
        ("pgdiff-colorization", ["--color-style", "grey"], "one.png of the colour style is grey"),
        ("pgdiff-colorization", ["--color-style", "empty"], "there is none in"),
        ("pgdiff-restoration", ["--color-style", "styles"], "gives no colours"),
        ("pgdiff-reference", [], "use the recipe 'pgdiff-restoration', which needs none"),
        ("pgdiff-reference-cosine", [], "guided by a reference photo of the same person"),
        ("pgdiff-old-photo", ["--mask", "all.png"], "all.png: The mask covers the whole image"),
        ("pgdiff-old-photo", ["--mask", "narrow.png"], "mask is 48x64 pixels, but its image"),
        ("pgdiff-old-photo", ["--color-style", "grey"], "one.png of the colour style is grey"),
        ("pgdiff-colorization", ["--weight", "colour=1"], "it has lightness, color"),
        (
            "pgdiff-colorization",
            ["--weight", "color=much"],
            "takes NAME=NUMBER, not 'color=much'",
        ),
        ("pgdiff-colorization", ["--weight", "color=-1"], "must be a number above 0, not -1.0"),
        ("pgdiff-colorization", ["--weight", "color=nan"], "must be a number above 0, not nan"),
        ("a5", ["--weight", "color=1"], "no properties to be weighted"),
        ("pgdiff-inpainting", ["--mask", "mask.png", "--combiner", "sum"], "no gradient surgery"),
    ],
)
def test_what_cannot_work_is_one_sentence(here, capsys, monkeypatch, recipe, arguments, message):
    monkeypatch.chdir(here)
    assert restore(here, recipe, "--aligned", *arguments, out="never.png") == 1
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (here / "never.png").exists()


@pytest.mark.parametrize("size", [24, 64, 100])
def test_a_cut_mask_holds_all_that_the_hole_touches_and_little_more(here, size):
    photo, hole = load_image(here / "photo.png"), load_image(here / "mask.png")[:, :1] > 0
    painted = torch.where(hole, -photo, photo)
    for face, other in (
        (take_as_aligned(photo, size), take_as_aligned(painted, size)),
        tuple(
            align_face(one, face_from_landmarks(LANDMARKS, 64, 64), size)
            for one in (photo, painted)
        ),
    ):
        cut = cut_masks(hole.float(), [face])
        assert cut.shape == (1, 1, size, size)
        changed = ((face.crop - other.crop).abs() > 1 / 255).any(1, keepdim=True)
        assert not (changed & (cut == 0)).any()
        reach = 2 * -(-max(size, 64) // 64) + 2
        near = torch.nn.functional.max_pool2d(changed.float(), 2 * reach + 1, 1, reach)
        assert not (cut * (1 - near)).any()
