"""Results never take an input's place, nor another's, and the place is tried before the work."""

import os

import pytest

from pdgrad_core.errors import WriteError
from pdgrad_core.outputs import Output, check_outputs


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(b"a photo")
    return path


def symbolic(source, target):
    target.symlink_to(source)


def relative(source, target):
    (target.parent / "sub").mkdir()
    target.symlink_to("sub/../" + source.name)


@pytest.mark.parametrize("link", [os.link, symbolic, relative])
def test_a_link_to_an_input_is_the_input(photo, tmp_path, link):
    target = tmp_path / "result.png"
    link(photo, target)
    with pytest.raises(WriteError, match=r"--out would overwrite the input .*photo\.png"):
        check_outputs([Output("--out", target)], [photo])
    with pytest.raises(WriteError, match="would overwrite"):
        check_outputs([Output("stages", tmp_path, lambda name: name == "result.png")], [photo])


def test_an_input_given_as_a_link_is_guarded_too(photo, tmp_path):
    link = tmp_path / "link.png"
    link.symlink_to(photo)
    for output in (photo, link, tmp_path / "." / "photo.png"):
        with pytest.raises(WriteError, match="would overwrite"):
            check_outputs([Output("--report", output)], [None, link])


def test_a_folder_reached_by_a_link_is_the_folder(photo, tmp_path):
    (tmp_path / "there").symlink_to(tmp_path)
    with pytest.raises(WriteError, match="would overwrite"):
        check_outputs([Output("--out", tmp_path / "there" / "photo.png")], [photo])
    with pytest.raises(WriteError, match=r"--out and --report would both write"):
        check_outputs(
            [Output("--out", tmp_path / "a"), Output("--report", tmp_path / "there" / "a")], []
        )


def test_another_file_of_the_same_words_is_no_input(photo, tmp_path):
    copy = tmp_path / "copy.png"
    copy.write_bytes(photo.read_bytes())
    check_outputs([Output("--out", copy), Output("--report", tmp_path / "new" / "r.json")], [photo])
    assert not (tmp_path / "new").exists()


def test_outputs_do_not_meet(tmp_path):
    file, stages = Output("--out", tmp_path / "w" / "result.png"), tmp_path / "w"
    with pytest.raises(WriteError, match=r"--out and --save-stages would both write"):
        check_outputs([file, Output("--save-stages", stages, lambda name: "result" in name)], [])
    check_outputs([file, Output("--save-stages", stages, lambda name: "coarse" in name)], [])
    with pytest.raises(WriteError, match="needs a folder of that name"):
        check_outputs([file, Output("--report", tmp_path / "w")], [])


def test_a_folder_cannot_be_a_file_nor_a_file_a_folder(photo, tmp_path):
    with pytest.raises(WriteError, match=r"--out .* is a folder"):
        check_outputs([Output("--out", tmp_path)], [])
    with pytest.raises(WriteError, match=r"photo\.png is a file"):
        check_outputs([Output("--out", photo / "below" / "result.png")], [])


def test_devices_and_pipes_are_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/null"):
        with pytest.raises(WriteError, match="no file that could be replaced"):
            check_outputs([Output("--report", type(tmp_path)(path))], [])
