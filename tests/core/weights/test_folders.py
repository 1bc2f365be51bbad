"""Where weight files are looked for, in which order, and what is said when one is not there."""

import pytest

from pdgrad_core.errors import CheckpointNotFoundError, InvalidInputError, UnknownNameError
from pdgrad_core.weights.folders import fetch_folder, find, search_folders


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user without settings whose home is a temporary folder."""
    for name in ("PDGRAD_MODELS", "XDG_CACHE_HOME", "TORCH_HOME", "COMFYUI_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    return tmp_path


def put(folder, name="codeformer.pth"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"weights")
    return folder / name


def test_the_first_folder_that_has_it_wins(home, monkeypatch):
    monkeypatch.setenv("PDGRAD_MODELS", str(home / "own"))
    monkeypatch.setenv("COMFYUI_PATH", str(home / "host"))
    (home / "given").mkdir()

    def found():
        return find("codeformer", search_folders(home / "given", [home / "extra"]))

    for folder in (
        home / "comfy/ComfyUI/models/facerestore_models",
        home / "host/models/facedetection",
        home / "host/models/facerestore_models",
        home / "host/models/pdgrad",
        home / ".cache/torch/hub/checkpoints",
        home / ".cache/pdgrad",
        home / "own",
        home / "extra",
        home / "given",
    ):
        path = put(folder)
        assert found() == path, f"{folder} should come before those tried earlier"


def test_the_caches_of_facexlib_and_torch_are_searched(home, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(home / "torch"))
    endings = [folder.as_posix() for folder in search_folders()]
    assert f"{home.as_posix()}/torch/hub/checkpoints" in endings
    assert any(ending.endswith("/facexlib/weights") for ending in endings)


def test_another_known_file_name_is_found(home):
    assert find("codeformer", [put(home, "codeformer-v0.1.0.pth").parent]).name.endswith(
        "0.1.0.pth"
    )
    put(home)
    assert find("codeformer", [home]).name == "codeformer.pth"


def test_a_folder_of_that_name_is_no_file(home):
    (home / "codeformer.pth").mkdir()
    with pytest.raises(CheckpointNotFoundError):
        find("codeformer", [home])


def test_not_found_says_all_that_is_needed(home):
    with pytest.raises(CheckpointNotFoundError) as caught:
        find("codeformer")
    message = str(caught.value)
    for part in (
        "codeformer.pth",
        "coarse restoration by CodeFormer",
        "377 MB",
        "S-Lab",
        "https://github.com/sczhou/CodeFormer/releases/download/v0.1.0/codeformer.pth",
        str(home / ".cache/pdgrad"),
    ):
        assert part in message
    assert message.endswith("run: pdgrad weights fetch codeformer")


def test_not_found_fetches_into_the_folder_the_user_gave(home):
    (home / "my models").mkdir()
    with pytest.raises(CheckpointNotFoundError, match=r"--models '.*/my models'$"):
        find("codeformer", search_folders(home / "my models"))


def test_not_found_by_hand_names_the_page(home):
    with pytest.raises(CheckpointNotFoundError, match=r"by hand from https://github\.com/pq-yang"):
        find("pgdiff-rrdb")


def test_an_unknown_name_is_told_before_searching():
    with pytest.raises(UnknownNameError):
        find("nothing")


def test_a_given_folder_must_exist(home):
    with pytest.raises(InvalidInputError, match="Expected a folder"):
        search_folders(home / "absent")


def test_fetched_files_go_to_the_users_choice(home, monkeypatch):
    assert fetch_folder() == home / ".cache/pdgrad"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    assert fetch_folder() == home / "cache/pdgrad"
    monkeypatch.setenv("PDGRAD_MODELS", str(home / "own"))
    assert fetch_folder() == home / "own"
    assert fetch_folder(home / "given") == home / "given"


def test_windows_keeps_them_in_its_data_folder(home, monkeypatch):
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(home / "AppData"))
    assert fetch_folder() == home / "AppData" / "pdgrad"
