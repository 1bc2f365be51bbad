"""Downloads against a server on this machine: whole, resumed, broken, wrong, refused."""

import hashlib
import io
import os
import socket
from dataclasses import replace

import pytest
import torch
from file_server import FileServer, serving

from pdgrad_core.errors import FetchError
from pdgrad_core.weights.catalogue import WeightFile
from pdgrad_core.weights.fetch import fetch

CONTENT = bytes(range(256)) * 8192  # 2 MiB: three blocks of the reader
HALF = len(CONTENT) // 2


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def server():
    with serving(FileServer(CONTENT)) as running:
        yield running


@pytest.fixture
def wanted(server):
    return WeightFile(
        name="thing",
        file_names=("thing.pth",),
        purpose="a test",
        licence="none",
        category="pdgrad",
        page="https://example.org/thing",
        url=server.url,
        size_bytes=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
    )


def names_in(folder):
    return sorted(os.listdir(folder)) if folder.is_dir() else []


def test_a_whole_file_arrives_under_its_name(server, wanted, tmp_path):
    fetched = fetch(wanted, tmp_path / "new" / "folder")
    assert fetched.path.read_bytes() == CONTENT
    assert (fetched.verified, fetched.downloaded) == (True, True)
    assert fetched.sha256 == wanted.sha256
    assert names_in(fetched.path.parent) == ["thing.pth"]
    assert server.asked == [None]


def test_progress_grows_to_the_whole_size(wanted, tmp_path):
    seen = []
    fetch(wanted, tmp_path, lambda received, total: seen.append((received, total)))
    assert [received for received, _ in seen] == sorted(received for received, _ in seen)
    assert seen[0][0] == 0
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_a_fetched_file_is_not_fetched_again(server, wanted, tmp_path):
    fetch(wanted, tmp_path)
    again = fetch(wanted, tmp_path)
    assert (again.verified, again.downloaded) == (True, False)
    assert len(server.asked) == 1


def test_another_file_of_that_name_is_left_alone(server, wanted, tmp_path):
    (tmp_path / "thing.pth").write_bytes(b"the user's own")
    with pytest.raises(FetchError, match=r"already exists.*wrong size"):
        fetch(wanted, tmp_path)
    assert (tmp_path / "thing.pth").read_bytes() == b"the user's own"
    assert server.asked == []


def test_a_broken_download_is_kept_and_continued(server, wanted, tmp_path):
    server.stops_after = HALF
    with pytest.raises(FetchError, match=rf"broke off after {HALF} of {len(CONTENT)} bytes.*kept"):
        fetch(wanted, tmp_path)
    assert names_in(tmp_path) == ["thing.pth.part"]

    server.stops_after = None
    assert fetch(wanted, tmp_path).path.read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={HALF}-"]
    assert names_in(tmp_path) == ["thing.pth"]


def test_a_server_that_ignores_ranges_starts_over(server, wanted, tmp_path):
    server.ranges = False
    (tmp_path / "thing.pth.part").write_bytes(b"\xff" * HALF)
    assert fetch(wanted, tmp_path).path.read_bytes() == CONTENT
    assert server.asked == [f"bytes={HALF}-"]


def test_a_complete_part_is_only_checked(server, wanted, tmp_path):
    (tmp_path / "thing.pth.part").write_bytes(CONTENT)
    assert fetch(wanted, tmp_path).verified
    assert server.asked == []


def test_a_complete_part_of_unknown_size_is_only_checked(server, wanted, tmp_path):
    (tmp_path / "thing.pth.part").write_bytes(CONTENT)
    assert fetch(replace(wanted, size_bytes=None), tmp_path).verified
    assert server.asked == [f"bytes={len(CONTENT)}-"]


@pytest.mark.parametrize("size_known", [True, False])
def test_a_part_longer_than_the_file_starts_over(server, wanted, tmp_path, size_known):
    (tmp_path / "thing.pth.part").write_bytes(CONTENT + b"more")
    file = wanted if size_known else replace(wanted, size_bytes=None)
    assert fetch(file, tmp_path).path.read_bytes() == CONTENT


def test_a_wrong_hash_leaves_nothing(server, wanted, tmp_path):
    server.content = CONTENT[::-1]
    with pytest.raises(FetchError, match=r"not the published file.*removed"):
        fetch(wanted, tmp_path)
    assert names_in(tmp_path) == []


def test_a_resumed_part_of_another_file_leaves_nothing(wanted, tmp_path):
    (tmp_path / "thing.pth.part").write_bytes(b"\xff" * HALF)
    with pytest.raises(FetchError, match="removed"):
        fetch(wanted, tmp_path)
    assert names_in(tmp_path) == []


def test_another_size_is_refused_before_the_first_byte(server, wanted, tmp_path):
    server.content = b"<html>moved</html>"
    with pytest.raises(FetchError, match=r"offers 18 bytes.*nothing was downloaded"):
        fetch(wanted, tmp_path)
    assert names_in(tmp_path) == []


def test_without_a_length_the_hash_decides(server, wanted, tmp_path):
    server.sends_length = False
    assert fetch(wanted, tmp_path).verified
    (tmp_path / "thing.pth").unlink()
    server.stops_after = HALF
    with pytest.raises(FetchError, match="not the published file"):
        fetch(wanted, tmp_path)


def saved(**options):
    """Return the bytes of a small weight file."""
    sink = io.BytesIO()
    torch.save({"w": torch.ones(3)}, sink, **options)
    return sink.getvalue()


def of_unknown_hash(wanted, **changes):
    return replace(wanted, sha256=None, size_bytes=None, **changes)


@pytest.mark.parametrize("new_format", [True, False])
def test_an_unknown_hash_is_told(server, wanted, tmp_path, caplog, new_format):
    server.content = saved(_use_new_zipfile_serialization=new_format)
    sha256 = hashlib.sha256(server.content).hexdigest()
    fetched = fetch(of_unknown_hash(wanted), tmp_path)
    assert (fetched.verified, fetched.sha256) == (False, sha256)
    assert f"{sha256}; no published hash is known" in caplog.text
    assert fetch(of_unknown_hash(wanted), tmp_path).downloaded is False


PAGE = b"<!DOCTYPE html>\n<html><body>Sign in to continue</body></html>"


@pytest.mark.parametrize("name", ["thing.pth", "thing.pt", "thing.safetensors", "thing.onnx"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (PAGE, "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\nsize 9", "a Git LFS pointer"),
        (b'{"error": "rate limit"}', ""),
        (b"", "an empty file"),
        (CONTENT, ""),
    ],
)
def test_what_is_no_weight_file_is_not_installed(server, wanted, tmp_path, name, content, words):
    server.content = content
    file = of_unknown_hash(wanted, file_names=(name,))
    with pytest.raises(FetchError, match=r"is no weight file \(.*removed.*example\.org") as caught:
        fetch(file, tmp_path)
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert names_in(tmp_path) == []


def test_a_truncated_file_of_unknown_hash_is_not_installed(server, wanted, tmp_path):
    whole = saved()
    server.content = whole[: len(whole) // 2]
    with pytest.raises(FetchError, match="no weight file"):
        fetch(of_unknown_hash(wanted), tmp_path)
    assert names_in(tmp_path) == []


def test_a_pickle_of_code_is_not_installed(server, wanted, tmp_path):
    sink = io.BytesIO()
    torch.save({"w": torch.ones(1), "run": os.system}, sink)
    server.content = sink.getvalue()
    with pytest.raises(FetchError, match="Python objects beside its weights"):
        fetch(of_unknown_hash(wanted), tmp_path)
    assert names_in(tmp_path) == []


def test_a_page_in_place_of_a_file_of_known_hash_is_named(server, wanted, tmp_path):
    server.content = PAGE
    with pytest.raises(FetchError, match=r"not the published file \(sha256 .*; an HTML page\)"):
        fetch(replace(wanted, size_bytes=None), tmp_path)


def test_a_page_that_lies_there_is_replaced_by_force_only(server, wanted, tmp_path):
    target = tmp_path / "thing.pth"
    target.write_bytes(PAGE)
    server.content = saved()
    with pytest.raises(FetchError, match=r"already exists.*an HTML page.*--force"):
        fetch(of_unknown_hash(wanted), tmp_path)
    assert server.asked == []
    assert fetch(of_unknown_hash(wanted), tmp_path, force=True).downloaded
    assert target.read_bytes() == server.content
    assert names_in(tmp_path) == ["thing.pth"]


def test_force_fetches_anew(server, wanted, tmp_path):
    fetch(wanted, tmp_path)
    assert fetch(wanted, tmp_path, force=True).downloaded
    assert server.asked == [None, None]


def test_force_keeps_the_old_file_until_the_new_one_has_passed(server, wanted, tmp_path):
    target = tmp_path / "thing.pth"
    target.write_bytes(b"the user's own")
    server.stops_after = HALF
    with pytest.raises(FetchError, match="broke off"):
        fetch(wanted, tmp_path, force=True)
    assert target.read_bytes() == b"the user's own"
    assert names_in(tmp_path) == ["thing.pth", "thing.pth.part"]

    server.stops_after = None
    server.content = CONTENT[::-1]
    with pytest.raises(FetchError, match="not the published file"):
        fetch(wanted, tmp_path, force=True)
    assert target.read_bytes() == b"the user's own"

    server.content = CONTENT

    def watch(received, total):
        assert target.read_bytes() == b"the user's own"

    assert fetch(wanted, tmp_path, watch, force=True).verified
    assert target.read_bytes() == CONTENT
    assert names_in(tmp_path) == ["thing.pth"]


def test_a_length_of_thousands_of_digits_is_none(server, wanted, tmp_path):
    server.claims_length = "9" * 5000
    assert fetch(wanted, tmp_path).verified


@pytest.mark.parametrize(("status", "words"), [(404, "404 Not Found"), (503, "503")])
def test_a_refusal_is_one_sentence(server, wanted, tmp_path, status, words):
    server.status = status
    with pytest.raises(FetchError, match=rf"127\.0\.0\.1 answered {words}.*example\.org/thing"):
        fetch(wanted, tmp_path)
    assert names_in(tmp_path) == []


def test_no_network_is_one_sentence(wanted, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(FetchError, match=r"could not be reached.*check the network"):
        fetch(replace(wanted, url=f"http://127.0.0.1:{port}/thing.pth"), tmp_path / "new")
    assert names_in(tmp_path) == []


def test_a_silent_server_does_not_hang(wanted, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/thing.pth"
        with pytest.raises(FetchError, match="timed out"):
            fetch(replace(wanted, url=url), tmp_path, timeout_s=0.05)


def test_ctrl_c_keeps_the_part(wanted, tmp_path):
    def interrupt(received, total):
        if received:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(wanted, tmp_path, interrupt)
    assert names_in(tmp_path) == ["thing.pth.part"]
    assert fetch(wanted, tmp_path).path.read_bytes() == CONTENT


def test_a_full_disk_is_told_before_the_first_byte(wanted, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1_000_000})())
    with pytest.raises(FetchError, match=r"needs 2 MB more in .*1 MB are free"):
        fetch(wanted, tmp_path)


def test_a_folder_that_cannot_be_made_is_one_sentence(wanted, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FetchError, match="could not be written"):
        fetch(wanted, tmp_path / "file" / "folder")


def test_a_file_without_a_download_says_how_to_get_it(wanted, tmp_path):
    with pytest.raises(FetchError, match=r"by hand from https://example\.org/thing.*as thing\.pth"):
        fetch(replace(wanted, url=None), tmp_path)
