"""`pdgrad weights`, as a user types it."""

import hashlib
import io
import json
import sys
from dataclasses import replace

import pytest
import torch
from file_server import FileServer, serving

from pdgrad_core.cli import main
from pdgrad_core.weights import catalogue, testing
from pdgrad_core.weights.catalogue import CATALOGUE

TENSORS = {"conv.weight": torch.ones(2, 3), "conv.bias": torch.ones(2)}


def _saved():
    sink = io.BytesIO()
    torch.save({"params": TENSORS}, sink)
    return sink.getvalue()


CONTENT = _saved()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A user without settings, without weights, without a proxy."""
    for name in ("PDGRAD_MODELS", "XDG_CACHE_HOME", "TORCH_HOME", "COMFYUI_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setitem(sys.modules, "facexlib", None)  # nor what facexlib downloaded before
    return tmp_path


@pytest.fixture
def models(home):
    (home / "models").mkdir()
    return home / "models"


@pytest.fixture
def server(monkeypatch, tmp_path):
    """Serve CONTENT as CodeFormer's file; the layouts are those of its two tensors."""
    layouts = tmp_path / "layouts"
    layouts.mkdir()
    shapes = {name: list(tensor.shape) for name, tensor in TENSORS.items()}
    layout = {"network": "small", "wrapper": "params", "prefix": "", "gain": 1.0, "tensors": shapes}
    for name in ("codeformer", "pgdiff-rrdb"):
        (layouts / f"{name}.json").write_text(json.dumps(layout))
    monkeypatch.setattr(testing, "LAYOUTS", layouts)
    with serving(FileServer(CONTENT)) as running:
        entries = [
            replace(
                file,
                url=running.url,
                size_bytes=len(CONTENT),
                sha256=hashlib.sha256(CONTENT).hexdigest(),
            )
            if file.name == "codeformer"
            else file
            for file in CATALOGUE
        ]
        monkeypatch.setattr(catalogue, "CATALOGUE", tuple(entries))
        yield running


def output_json(capsys):
    return json.loads(capsys.readouterr().out)


def test_list_names_everything(capsys, models):
    (models / "codeformer-v0.1.0.pth").write_bytes(b"")
    assert main(["weights", "list", "--models", str(models)]) == 0
    text = capsys.readouterr().out
    for file in CATALOGUE:
        assert file.file_name in text and file.licence in text and file.purpose in text
    assert f"found: {models / 'codeformer-v0.1.0.pth'}" in text
    assert "by hand from https://github.com/pq-yang/PGDiff" in text
    assert "pdgrad weights fetch retinaface" in text


def test_list_as_json(capsys, models):
    (models / "codeformer.pth").write_bytes(b"")
    assert main(["weights", "list", "--json", "--models", str(models)]) == 0
    rows = {row["name"]: row for row in output_json(capsys)}
    assert list(rows) == [file.name for file in CATALOGUE]
    assert rows["codeformer"]["path"] == str(models / "codeformer.pth")
    assert rows["codeformer"]["size_bytes"] == 376637898
    assert rows["awing"]["path"] is None


def test_where(capsys, models):
    (models / "codeformer.pth").write_bytes(b"")
    assert main(["weights", "where", "--models", str(models)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].strip() == str(models)
    assert f"    codeformer: {models / 'codeformer.pth'}" in lines
    assert "    awing: -" in lines


def test_where_as_json(capsys, models, home):
    assert main(["weights", "where", "--json", "--models", str(models)]) == 0
    found = output_json(capsys)
    assert found["folders"][0] == {"path": str(models), "exists": True}
    assert {"path": str(home / ".cache/pdgrad"), "exists": False} in found["folders"]
    assert found["fetch_folder"] == str(models)
    assert set(found["files"].values()) == {None}


def test_a_models_folder_that_is_none_is_an_error(capsys, home):
    assert main(["weights", "list", "--models", str(home / "absent")]) == 1
    assert capsys.readouterr().err.startswith("pdgrad: Expected a folder")


def test_fetch_says_licence_and_size_first(capsys, server, home):
    assert main(["weights", "fetch", "codeformer"]) == 0
    target = home / ".cache/pdgrad/codeformer.pth"
    assert target.read_bytes() == CONTENT
    text = capsys.readouterr().out
    assert "NTU S-Lab License 1.0" in text.splitlines()[0]
    assert "0 MB" in text.splitlines()[0]
    assert text.splitlines()[-1].strip() == "fetched; its sha256 is the published one"


def test_fetch_as_json(capsys, server, models):
    arguments = ["weights", "fetch", "codeformer", "--json", "--models", str(models)]
    for downloaded in (True, False):
        assert main(arguments) == 0
        captured = capsys.readouterr()
        assert "S-Lab" in captured.err
        assert json.loads(captured.out) == [
            {
                "name": "codeformer",
                "path": str(models / "codeformer.pth"),
                "sha256": hashlib.sha256(CONTENT).hexdigest(),
                "verified": True,
                "downloaded": downloaded,
            }
        ]


def test_fetch_failures_are_one_sentence_and_status_1(capsys, server):
    server.status = 404
    assert main(["weights", "fetch", "codeformer"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("pdgrad: ") and error.count("\n") == 1 and "404" in error
    assert main(["weights", "fetch", "pgdiff-rrdb"]) == 1
    assert "by hand" in capsys.readouterr().err


def test_what_cannot_be_fetched_is_named_and_the_others_follow(capsys, server, home):
    assert main(["weights", "fetch", "pgdiff-rrdb", "codeformer"]) == 1
    captured = capsys.readouterr()
    assert (home / ".cache/pdgrad/codeformer.pth").read_bytes() == CONTENT
    first, last = captured.err.splitlines()
    assert first.startswith("pdgrad: pgdiff-rrdb: ") and "by hand" in first
    assert last == "pdgrad: 1 of 2 files are here; not pgdiff-rrdb."


def test_a_folder_that_takes_no_files_is_said_before_the_first_byte(capsys, server, tmp_path):
    (tmp_path / "file").touch()
    where = str(tmp_path / "file")
    for action in (
        ["fetch", "codeformer", "--models", where],
        ["make-test", where, "--seed", "0", "--only", "pgdiff-rrdb"],
    ):
        assert main(["weights", *action]) == 1
        assert "is a file; choose another place" in capsys.readouterr().err
    assert server.asked == []


def test_fetch_checks_every_name_before_the_first_byte(capsys, server):
    assert main(["weights", "fetch", "codeformer", "code"]) == 1
    assert "no weight file named 'code'" in capsys.readouterr().err
    assert server.asked == []


def test_verify_what_is_there(capsys, server, models):
    assert main(["weights", "verify", "--models", str(models)]) == 0
    assert "No weight files were found" in capsys.readouterr().out

    (models / "codeformer.pth").write_bytes(CONTENT)
    torch.save({"params": TENSORS}, models / "rrdb_iter_100000.pth")
    assert main(["weights", "verify", "--models", str(models)]) == 0
    text = capsys.readouterr().out
    assert "codeformer: ok" in text and "pgdiff-rrdb: unverifiable" in text

    (models / "rrdb_iter_100000.pth").write_text("<html>moved</html>")
    assert main(["weights", "verify", "--models", str(models)]) == 1
    text = capsys.readouterr().out
    assert "codeformer: ok" in text
    assert "pgdiff-rrdb: unreadable" in text and "an HTML page" in text

    (models / "codeformer.pth").write_bytes(CONTENT[::-1])
    assert main(["weights", "verify", "codeformer", "--json", "--models", str(models)]) == 1
    (row,) = output_json(capsys)
    assert row["status"] == "wrong hash"
    assert row["sha256"] == hashlib.sha256(CONTENT[::-1]).hexdigest()
    assert "cannot be read as a weight file" in row["reason"]


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"conv.weight": torch.ones(2, 3)}, "1 tensors missing (first: conv.bias)"),
        ({**TENSORS, "conv.bias": torch.ones(3)}, "1 tensors of another shape (first: conv.bias)"),
        ({**TENSORS, "conv.bias": torch.tensor(1.0)}, "of another shape"),
        ({**TENSORS, "conv.scale": torch.ones(3)}, "1 tensors too many (first: conv.scale)"),
    ],
)
def test_verify_compares_the_layout(capsys, server, models, tensors, words):
    torch.save({"params": tensors}, models / "rrdb_iter_100000.pth")
    assert main(["weights", "verify", "pgdiff-rrdb", "--models", str(models)]) == 1
    text = capsys.readouterr().out
    assert "pgdiff-rrdb: other network" in text and words in text


def test_verify_leaves_another_branch_aside(capsys, server, models):
    """As VGG16's classifier is when the network is loaded."""
    tensors = {**TENSORS, "classifier.weight": torch.ones(3)}
    torch.save({"params": tensors}, models / "rrdb_iter_100000.pth")
    assert main(["weights", "verify", "pgdiff-rrdb", "--models", str(models)]) == 0
    assert "unverifiable" in capsys.readouterr().out


def test_fetch_by_force_replaces_a_file(capsys, server, models):
    (models / "codeformer.pth").write_text("<html>moved</html>")
    arguments = ["weights", "fetch", "codeformer", "--models", str(models)]
    assert main(arguments) == 1
    assert "--force" in capsys.readouterr().err
    assert main([*arguments, "--force"]) == 0
    assert (models / "codeformer.pth").read_bytes() == CONTENT


def test_verify_of_a_missing_file_says_how_to_get_it(capsys):
    assert main(["weights", "verify", "awing"]) == 1
    assert "pdgrad weights fetch awing" in capsys.readouterr().err


def test_make_test(capsys, models):
    arguments = ["weights", "make-test", str(models), "--seed", "2", "--only", "vgg16"]
    assert main([*arguments, "--json"]) == 0
    path = models / "vgg16-397923af.pth"
    assert output_json(capsys) == [{"path": str(path), "size_bytes": path.stat().st_size}]
    assert main(["weights", "verify", "--models", str(models)]) == 1
    assert "vgg16: test weights" in capsys.readouterr().out


def test_make_test_needs_a_seed(capsys, models):
    with pytest.raises(SystemExit) as caught:
        main(["weights", "make-test", str(models)])
    assert caught.value.code == 2
    assert "--seed" in capsys.readouterr().err
