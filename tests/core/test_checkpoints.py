"""Reading weight files: every wrapping that is published, every fault, and never any code."""

import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pdgrad_core.checkpoints import (
    METADATA_ENTRY,
    TEST_WEIGHTS_KEY,
    Checkpoint,
    load_checkpoint,
    load_strict,
    read_metadata,
    warn_if_test,
)
from pdgrad_core.errors import (
    CheckpointNotFoundError,
    CorruptCheckpointError,
    UnsafeCheckpointError,
    WrongArchitectureError,
)

WEIGHTS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.tensor([0.5, -1.0])}


def saved(path, content, **options):
    torch.save(content, path, **options)
    return path


def assert_weights(checkpoint):
    assert list(checkpoint.tensors) == list(WEIGHTS)
    for key, value in WEIGHTS.items():
        assert torch.equal(checkpoint.tensors[key], value)


class RunsCode:
    """Unpickling this would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("wrapper", ["params_ema", "params", "state_dict", "model", "g_ema"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_published_wrappings_come_off(tmp_path, wrapper, prefix):
    inner = {prefix + key: value for key, value in WEIGHTS.items()}
    content = {wrapper: inner, "epoch": 3, METADATA_ENTRY: {"source": "here"}}
    checkpoint = load_checkpoint(saved(tmp_path / "w.pth", content))
    assert_weights(checkpoint)
    assert checkpoint.metadata == {"source": "here"}


def test_the_averaged_weights_win_over_the_raw_ones(tmp_path):
    raw = {key: value + 1 for key, value in WEIGHTS.items()}
    content = {"params": raw, "params_ema": WEIGHTS}
    assert_weights(load_checkpoint(saved(tmp_path / "w.pth", content)))


@pytest.mark.parametrize("new_format", [True, False])
def test_a_bare_state_dict(tmp_path, new_format):
    path = saved(tmp_path / "w.pth", WEIGHTS, _use_new_zipfile_serialization=new_format)
    assert_weights(load_checkpoint(path))


def test_entries_that_are_no_named_tensors_are_left_out(tmp_path):
    content = {**WEIGHTS, "epoch": 7, 3: torch.zeros(1), METADATA_ENTRY: "not a mapping"}
    checkpoint = load_checkpoint(saved(tmp_path / "w.pth", content))
    assert_weights(checkpoint)
    assert checkpoint.metadata == {}


def test_a_prefix_of_some_names_only_stays(tmp_path):
    content = {"module.a": torch.zeros(1), "b": torch.zeros(1)}
    checkpoint = load_checkpoint(saved(tmp_path / "w.pth", content))
    assert list(checkpoint.tensors) == ["module.a", "b"]


def test_safetensors_with_metadata(tmp_path):
    save_file(WEIGHTS, tmp_path / "w.safetensors", {TEST_WEIGHTS_KEY: "yes"})
    checkpoint = load_checkpoint(tmp_path / "w.safetensors")
    assert checkpoint.is_test
    assert torch.equal(checkpoint.tensors["a.weight"], WEIGHTS["a.weight"])
    assert read_metadata(tmp_path / "w.safetensors") == {TEST_WEIGHTS_KEY: "yes"}


def test_half_precision_stays_as_stored(tmp_path):
    path = saved(tmp_path / "w.pth", {"a": torch.ones(2, dtype=torch.float16)})
    assert load_checkpoint(path).tensors["a"].dtype == torch.float16


def test_a_missing_file():
    with pytest.raises(CheckpointNotFoundError, match=r"Expected a weight file at .*absent\.pth"):
        load_checkpoint(Path("absent.pth"))


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(CheckpointNotFoundError):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.97])
@pytest.mark.parametrize("kind", ["zip", "old", "safetensors"])
def test_a_truncated_file(tmp_path, kind, share):
    path = tmp_path / ("w.safetensors" if kind == "safetensors" else "w.pth")
    if kind == "safetensors":
        save_file(WEIGHTS, path)
    else:
        saved(path, WEIGHTS, _use_new_zipfile_serialization=kind == "zip")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(CorruptCheckpointError, match=rf"^{path.name} .*truncated.*Fetch it again"):
        load_checkpoint(path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    "content", [b"just some text\n" * 9, b"<html></html>", b'{"a": [1]}', b"[]"]
)
def test_something_else_under_a_weight_files_name(tmp_path, suffix, content):
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    with pytest.raises(CorruptCheckpointError, match="truncated or something else") as caught:
        load_checkpoint(path)
    # PyTorch's own message advises loading without protection; ours must not.
    assert "weights_only" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\x02\0\0\0\0\0\0\0[]", b"\x04\0\0\0\0\0\0\0{\xff}}"])
def test_a_safetensors_header_of_another_kind(tmp_path, content):
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(CorruptCheckpointError):
        read_metadata(tmp_path / "w.safetensors")


@pytest.mark.parametrize("content", [[torch.zeros(1)], {}, {"epoch": 1}, torch.zeros(3)])
def test_a_pickle_without_named_tensors(tmp_path, content):
    with pytest.raises(CorruptCheckpointError):
        load_checkpoint(saved(tmp_path / "w.pth", content))


@pytest.mark.parametrize("how", ["torch", "torch, old format", "plain pickle", "protocol 0"])
def test_a_pickle_with_code_in_it_is_refused_unrun(tmp_path, how):
    marker = tmp_path / "code was run"
    content = {**WEIGHTS, "extra": RunsCode(f"'{marker}'")}
    path = tmp_path / "w.pth"
    if how.startswith("torch"):
        saved(path, content, _use_new_zipfile_serialization=how == "torch")
    else:
        path.write_bytes(pickle.dumps({"extra": content["extra"]}, 0 if "0" in how else 2))
    # An unusual protocol may be unreadable before it is unsafe.
    errors = (UnsafeCheckpointError, CorruptCheckpointError)
    expected = UnsafeCheckpointError if how.startswith("torch") else errors
    with pytest.raises(expected):
        load_checkpoint(path)
    assert not marker.exists()

    os.system(f"touch '{marker}'")  # the payload itself works
    assert marker.exists()


def test_load_strict_takes_matching_weights():
    network = nn.Linear(3, 2)
    tensors = {"weight": torch.ones(2, 3, dtype=torch.float16), "bias": torch.zeros(2)}
    load_strict(network, Checkpoint(tensors), "a linear layer")
    assert torch.equal(network.weight.detach(), torch.ones(2, 3))


def test_load_strict_names_the_mismatch():
    tensors = {"weight": torch.ones(4, 3), "gain": torch.zeros(2)}
    before = nn.Linear(3, 2)
    weight = before.weight.detach().clone()
    with pytest.raises(WrongArchitectureError) as caught:
        load_strict(before, Checkpoint(tensors, path=Path("folder/x.pth")), "a linear layer")
    assert str(caught.value) == (
        "x.pth is not a checkpoint of a linear layer: 1 tensors missing (first: bias); "
        "1 tensors too many (first: gain); "
        "1 tensors of another shape (first: weight (4, 3) instead of (2, 3)). "
        "Choose the file that belongs to this network."
    )
    assert torch.equal(before.weight.detach(), weight)


def test_load_strict_does_without_step_counters():
    norm = nn.BatchNorm2d(2)
    tensors = {k: v + 1 for k, v in norm.state_dict().items() if k != "num_batches_tracked"}
    load_strict(norm, Checkpoint(tensors), "a norm")
    assert norm.running_mean.tolist() == [1.0, 1.0]


def test_only_test_weights_are_warned_about(caplog):
    warn_if_test(Checkpoint(WEIGHTS))
    assert not caplog.records
    warn_if_test(Checkpoint(WEIGHTS, {TEST_WEIGHTS_KEY: "yes"}, Path("x.pth")))
    assert [record.getMessage() for record in caplog.records] == [
        "x.pth holds random test weights: it runs, and restores nothing."
    ]
