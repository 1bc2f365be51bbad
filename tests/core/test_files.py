"""Files appear whole or not at all, and a disk that takes none is named as the reason."""

import os
import resource
import signal
from contextlib import contextmanager

import pytest
import torch

from pdgrad_core import files
from pdgrad_core.errors import ImageError, WriteError
from pdgrad_core.files import check_folder, check_space, write_whole
from pdgrad_core.weights.testing import make_test_checkpoints


@contextmanager
def room_for(size_bytes):
    """Let every file be this long at most, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def plain(path):
    path.write_bytes(bytes(1_000_000))


def by_torch(path):
    # Its own writer answers with a RuntimeError that names no disk.
    torch.save(torch.zeros(250_000), path)


@pytest.mark.parametrize("write", [plain, by_torch])
def test_a_full_disk_is_said_and_keeps_the_old_file(tmp_path, write):
    path = tmp_path / "weights.pth"
    path.write_text("old")
    with room_for(100_000), pytest.raises(WriteError, match=r"weights\.pth cannot be written"):
        write_whole(path, write)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["weights.pth"]


def test_errors_of_what_writes_stay_what_they_are(tmp_path):
    for error in (ZeroDivisionError("a bug"), ImageError("a sentence"), KeyboardInterrupt()):

        def fails(path, error=error):
            path.write_text("half")
            raise error

        with pytest.raises(type(error)):
            write_whole(tmp_path / "file", fails)
        assert not os.listdir(tmp_path)


@pytest.mark.parametrize("name", ["x" * 251 + ".png", "\u8138" * 83 + ".png", "x" * 255])
def test_a_name_may_be_as_long_as_names_can_be(tmp_path, name):
    write_whole(tmp_path / name, lambda path: path.write_text("done"))
    assert os.listdir(tmp_path) == [name]


def test_a_folder_is_tried_without_being_made(tmp_path):
    check_folder(tmp_path / "new" / "deep")
    assert not os.listdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="file is a file"):
        check_folder(tmp_path / "file" / "below")
    with room_for(1000), pytest.raises(WriteError, match="cannot be written"):
        check_folder(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write it")
def test_a_folder_without_the_right_to_write(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(WriteError, match="Permission denied"):
        check_folder(tmp_path)


def test_room_is_asked_for_before_it_is_used(tmp_path, monkeypatch):
    check_space(tmp_path / "new", 1)
    with pytest.raises(WriteError, match=r"needs room for 1000000000000 MB"):
        check_space(tmp_path, 10**18)
    usage = files.shutil.disk_usage(tmp_path)._replace(free=0)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(WriteError, match="0 MB are free"):
        make_test_checkpoints(tmp_path, 0, ["vgg16"])
    assert not os.listdir(tmp_path)


def test_test_weights_do_not_replace_others(tmp_path):
    path = tmp_path / "vgg16-397923af.pth"
    for content in ({"weight": torch.zeros(3)}, "no weights at all"):
        torch.save(content, path)
        with pytest.raises(WriteError, match="holds no test weights"):
            make_test_checkpoints(tmp_path, 0, ["vgg16"])
    torch.save({"__metadata__": {"pdgrad.test_weights": "yes"}, "weight": torch.zeros(3)}, path)
    (made,) = make_test_checkpoints(tmp_path, 0, ["vgg16"])
    assert made == path and path.stat().st_size > 10_000_000
