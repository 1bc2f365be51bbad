"""Preflight: everything that is missing, at once, with how to get it."""

import shlex
import sys

import pytest

from pdgrad_core.dependencies import Package
from pdgrad_core.errors import CheckpointNotFoundError, MissingDependencyError, UnknownNameError
from pdgrad_core.models import choice
from pdgrad_core.preflight import Preflight, preflight
from pdgrad_core.recipes import recipe
from pdgrad_core.weights.catalogue import weight_file

PDGRAD = {
    "ffhq512-prior": "iddpm_ffhq512_ema500000.pth",
    "codeformer": "codeformer.pth",
    "arcface-ir-se50": "recognition_arcface_ir_se50.pth",
    "vgg16": "vgg16-397923af.pth",
}
"""What the recipe pdgrad needs, by short name."""


@pytest.fixture(autouse=True)
def every_package_is_there(monkeypatch):
    monkeypatch.setattr(Package, "is_installed", property(lambda self: self.pip not in ABSENT))
    ABSENT.clear()


ABSENT = set()


@pytest.fixture
def look(tmp_path):
    """Look a recipe up in a folder with some files; missing ones belong into `models/CATEGORY`."""

    def run(name="pdgrad", here=(), **options):
        (tmp_path / "here").mkdir(exist_ok=True)
        for file_name in here:
            (tmp_path / "here" / file_name).touch()
        return preflight(
            recipe(name),
            [tmp_path / "here"],
            target=lambda file: tmp_path / "models" / file.category,
            **options,
        )

    return run


def test_all_missing_files_are_named_at_once(look, tmp_path):
    found = look()
    assert not found.ready
    with pytest.raises(CheckpointNotFoundError) as caught:
        found.check()
    text = str(caught.value)
    assert "4 files (1.7 GB) are missing" in text
    for name, file_name in PDGRAD.items():
        file = weight_file(name)
        for part in (file_name, file.size_text, file.licence, file.url, file.purpose):
            assert part in text
    folders = [tmp_path / "models" / category for category in ("pdgrad", "facerestore_models")]
    for folder in folders:
        assert f"into {folder}" in text
        assert folder.is_dir()


def test_there_is_one_command_for_each_folder_and_it_names_every_file(look, tmp_path):
    commands = [shlex.split(step) for step in look().steps]
    assert [one[:3] for one in commands] == [["pdgrad", "weights", "fetch"]] * 2
    fetched = {
        name: folder for *names, _, folder in (one[3:] for one in commands) for name in names
    }
    assert fetched == {
        name: str(tmp_path / "models" / weight_file(name).category) for name in PDGRAD
    }


def test_a_complete_set_is_ready(look):
    found = look(here=PDGRAD.values())
    assert found.ready
    found.check()
    assert "Everything" in found.report()
    assert found.steps == []
    # Without insightface's file, facexlib's is the identity network, and that is said.
    assert found.notes == (
        "recognition_arcface_ir_se50.pth is used for arcface, since ms1mv3_arcface_r50_fp16.pth is "
        "not here.",
    )


def test_the_first_choice_needs_no_note(look):
    found = look(here=[*PDGRAD.values(), "ms1mv3_arcface_r50_fp16.pth"])
    assert found.ready and found.notes == ()
    arcface = next(one for one in found.files if one.role == "arcface")
    assert arcface.file.name == "arcface-iresnet50"


@pytest.mark.parametrize("name", ["pdgrad", "a1", "a5", "none", "difbfsr", "pgdiff-colorization"])
def test_nothing_of_the_recommended_set_is_by_hand(look, name):
    assert all(file.url for file in look(name).missing_files)


def test_gfpgan_makes_the_coarse_face_where_codeformers_package_is_absent(look):
    ABSENT.add("spandrel-extra-arches")
    found = look(here=[*PDGRAD.values(), "GFPGANv1.4.pth"])
    assert found.ready
    assert found.restorer == "gfpgan"
    assert any("GFPGAN" in note and "non-commercial" in note for note in found.notes)
    # Who asks for CodeFormer gets it, and is told what it lacks.
    chosen = look(here=PDGRAD.values(), restorer="codeformer")
    assert chosen.restorer == "codeformer" and not chosen.ready
    with pytest.raises(MissingDependencyError, match=r"spandrel-extra-arches \(S-Lab") as caught:
        chosen.check()
    assert f"{sys.executable} -m pip install spandrel-extra-arches" in str(caught.value)


def test_files_and_packages_together_are_one_error(look):
    ABSENT.update({"lpips", "facexlib"})
    with pytest.raises(CheckpointNotFoundError) as caught:
        look(here=["codeformer.pth", "vgg16-397923af.pth"]).check()
    text = str(caught.value)
    assert "2 files (0.8 GB) and 2 Python packages are missing" in text
    assert f"{sys.executable} -m pip install facexlib lpips" in text


def test_a_file_without_download_is_explained_after_the_commands(look):
    found = look("pgdiff-restoration")
    assert [file.name for file in found.missing_files] == ["ffhq512-prior", "pgdiff-rrdb"]
    assert found.steps[-1].startswith("download it by hand from https://github.com/pq-yang/PGDiff")


def test_what_can_be_done_without_is_optional(look):
    found = look(here=[*PDGRAD.values(), "parsing_parsenet.pth"])
    state = {file.name: path is not None for file, path in found.optional}
    assert state == {"retinaface": False, "parsenet": True}
    assert found.ready


def test_unknown_names_are_refused(look):
    with pytest.raises(UnknownNameError):
        look(restorer="codefomer")
    with pytest.raises(UnknownNameError):
        look(prior="nothing")


def test_folders_that_cannot_be_made_do_not_hide_what_is_missing(look, tmp_path):
    (tmp_path / "models").write_text("in the way")
    found = look()
    assert isinstance(found, Preflight)
    with pytest.raises(CheckpointNotFoundError, match="4 files"):
        found.check()


def test_the_default_restorer_follows_the_package():
    assert choice.default_restorer() == ("codeformer", "")
    ABSENT.add("spandrel-extra-arches")
    name, note = choice.default_restorer()
    assert name == "gfpgan" and "spandrel-extra-arches" in note


@pytest.mark.parametrize("name", ["idm", "idm+pdgrad"])
def test_a_recipe_that_samples_idm_needs_it_once_and_no_other_prior(look, name):
    found = look(name)
    assert found.missing_files[0].name == "idm-512"
    assert [file.name for file in found.missing_files].count("idm-512") == 1
    assert "ffhq512-prior" not in [file.name for file in found.missing_files]
    chosen = look(name, prior="guided_diffusion")
    assert "ffhq512-prior" in [file.name for file in chosen.missing_files]
