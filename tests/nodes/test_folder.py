"""Load Photos of a Folder: all of it as a list, or some with every run."""

import pytest
from PIL import Image


@pytest.fixture
def folder(pack):
    scans = pack.host.input_folder / "scans"
    (scans / "1950").mkdir(parents=True)
    for name, width in (("b.png", 24), ("a.jpg", 32), ("1950/c.png", 40)):
        Image.new("RGB", (width, 16)).save(scans / name)
    (scans / "notes.txt").write_text("no picture")
    return scans


def test_the_examples_come_with_their_landmarks(pack):
    photos, landmarks, names = pack.run("PDGradLoadFolder").args
    assert [tuple(one.shape[1:3]) for one in photos] == [(204, 460), (64, 64)]
    assert [len(one.splitlines()) for one in landmarks] == [3, 1]
    assert names == ["examples/bad_group_photo", "examples/bad_photo"]


def test_a_folder_is_a_list_of_photos_of_whatever_size(pack, folder):
    photos, landmarks, names = pack.run("PDGradLoadFolder", folder="scans").args
    assert names == ["scans/a", "scans/b", "scans/1950/c"]
    assert [one.shape[2] for one in photos] == [32, 24, 40]
    assert landmarks == ["", "", ""]


def test_runs_that_count_up_take_every_photo_once(pack, folder):
    found = [
        pack.run("PDGradLoadFolder", folder="scans", first_photo=number, how_many=1).args[2]
        for number in range(3)
    ]
    assert found == [["scans/a"], ["scans/b"], ["scans/1950/c"]]
    rest = pack.run("PDGradLoadFolder", folder="scans", first_photo=1, how_many=9).args[2]
    assert rest == ["scans/b", "scans/1950/c"]
    with pytest.raises(pack.error("InvalidInputError"), match="has 3 photos, counted from 0"):
        pack.run("PDGradLoadFolder", folder="scans", first_photo=3, how_many=1)


def test_only_folders_within_the_input_folder_are_offered(pack, folder):
    (pack.host.input_folder / "pdgrad-album").mkdir()
    node = pack.nodes["PDGradLoadFolder"]
    offered = node.define_schema().inputs[0].options["options"]
    assert offered == ["examples", "scans"]
    assert node.validate_inputs("scans") is True
    for wrong in ("../models", "pdgrad-album", "/etc"):
        assert "there is no such folder" in node.validate_inputs(wrong)


def test_a_changed_file_is_another_fingerprint(pack, folder):
    node = pack.nodes["PDGradLoadFolder"]
    before = node.fingerprint_inputs("scans", 0, 0)
    assert node.fingerprint_inputs("scans", 0, 0) == before
    (folder / "d.png").write_bytes((folder / "b.png").read_bytes())
    assert node.fingerprint_inputs("scans", 0, 0) != before
