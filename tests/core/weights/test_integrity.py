"""Telling the published file from another one, and from test weights."""

import hashlib
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from pdgrad_core.checkpoints import METADATA_ENTRY, TEST_WEIGHTS_KEY
from pdgrad_core.weights.catalogue import weight_file
from pdgrad_core.weights.integrity import check, is_test_file, sha256_of

FILE = replace(weight_file("codeformer"), size_bytes=3, sha256=hashlib.sha256(b"abc").hexdigest())


@pytest.mark.parametrize(
    ("content", "file", "status"),
    [
        (b"abc", FILE, "ok"),
        (b"abc", replace(FILE, size_bytes=None), "ok"),
        (b"abcd", FILE, "wrong size"),
        (b"abd", FILE, "wrong hash"),
        (b"abd", replace(FILE, sha256=None), "unverifiable"),
    ],
)
def test_status(tmp_path, content, file, status):
    path = tmp_path / "under another name"
    path.write_bytes(content)
    verdict = check(file, path)
    assert verdict.status == status
    assert verdict.usable == (status in ("ok", "unverifiable"))
    assert verdict.size_bytes == len(content)


def test_hash_of_a_file(tmp_path):
    (tmp_path / "file").write_bytes(b"abc" * 1_000_000)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(b"abc" * 1_000_000).hexdigest()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("marked", [True, False])
def test_the_mark_of_test_weights(tmp_path, suffix, marked):
    path = tmp_path / f"file{suffix}"
    metadata = {TEST_WEIGHTS_KEY: "yes"} if marked else {"format": "pt"}
    if suffix == ".pth":
        torch.save({METADATA_ENTRY: metadata, "a": torch.zeros(2)}, path)
    else:
        save_file({"a": torch.zeros(2)}, path, metadata)
    assert is_test_file(path) == marked
    for file in (FILE, replace(FILE, size_bytes=None), replace(FILE, size_bytes=None, sha256=None)):
        assert (check(file, path).status == "test weights") == marked


@pytest.mark.parametrize("content", [b"", b"text", b"\xff" * 20])
def test_other_files_carry_no_mark(tmp_path, content):
    (tmp_path / "file.pth").write_bytes(content)
    assert not is_test_file(tmp_path / "file.pth")
