"""Weight files that ask for hours, gigabytes or code: one sentence, quickly and in little room.

Each is made from a sound file, which loads, by one change.
"""

import json
import resource
import struct
import subprocess
import sys
import tarfile
import zipfile

import hostile_files as make
import pytest
import torch

from pdgrad_core.checkpoints import load_checkpoint
from pdgrad_core.errors import CheckpointError, CorruptCheckpointError, UnsafeCheckpointError
from pdgrad_core.inspection import inspect

SOUND = make.program(("w", make.tensor()))
FIVE_NUMBERS = {"dtype": "F32", "shape": [5], "data_offsets": [0, 20]}
LAUGHS = make.program(
    ("__metadata__", b"}" + make.text("a") + make.doubling(40, b"]", b"e") + b"s")
)


def calls(name, arguments):
    """Return a sound file's pickle with one more entry: a call."""
    return make.program(("w", make.tensor()), ("x", f"c{name}\n".encode() + arguments + b"R"))


def with_flag(content, flag):
    """Return an archive whose records have a flag of the directory set."""
    directory = bytearray(content)
    place = 0
    while (place := directory.find(b"PK\x01\x02", place)) >= 0:
        directory[place + 8] |= flag
        place += 4
    return bytes(directory)


def with_method(content, method):
    directory = bytearray(content)
    place = 0
    while (place := directory.find(b"PK\x01\x02", place)) >= 0:
        directory[place + 10 : place + 12] = struct.pack("<H", method)
        place += 4
    return bytes(directory)


def overlapping(content, times):
    """Return an archive whose directory names its last record many times over."""
    end = content.rfind(b"PK\x05\x06")
    count, size, start = struct.unpack("<H I I", content[end + 10 : end + 20].ljust(10))
    last = content[content.rfind(b"PK\x01\x02") : end]
    size += len(last) * times
    tail = struct.pack("<4s4xHHIIH", b"PK\x05\x06", count + times, count + times, size, start, 0)
    return content[:end] + last * times + tail


def tar_like(tmp_bytes=bytes(600)):
    """Return a legacy file whose first block is also the header of a tar archive."""
    header = bytearray(make.legacy(SOUND)[:20].ljust(512, b"\0"))
    header[124:136] = b"00000000000\0"
    header[148:156] = b" " * 8
    header[148:156] = f"{tarfile.calc_chksums(bytes(header))[0]:06o}\0 ".encode()
    return bytes(header) + tmp_bytes


HOSTILE = {
    # Pickles that grow.
    "laughs.pth": (make.zipped(LAUGHS), "grows to more than"),
    "laughs_old.pth": (make.legacy(LAUGHS, ()), "grows to more than"),
    "deep.pth": (
        make.zipped(make.program(("x", b"](" * 100_000 + b"e" * 100_000))),
        "nests more than 64",
    ),
    "deep_tuple.pth": (
        make.zipped(make.program(("x", b")" + b"\x85" * 100_000))),
        "nests more than 64",
    ),
    "hashed.pth": (
        make.zipped(b"\x80\x02}(" + make.doubling(40, b")") + b"Nu."),
        "object as a dictionary's key",
    ),
    "hashed_set.pth": (
        make.zipped(calls("__builtin__\nset", b"](" + make.doubling(40, b")") + b"e\x85")),
        "object as a dictionary's key",
    ),
    "itself.pth": (make.zipped(make.program(("x", b"]q\x00h\x00a"))), "contains itself"),
    "long.pth": (make.zipped(b"\x80\x02](" + b"N" * 1_000_000 + b"e."), "more than 1000000"),
    "copies.pth": (
        make.zipped(
            make.program(("t", make.text("x" * 1_000_000) + b"q\x00"))[:-2]
            + b"".join(
                make.text(str(i)) + b"c_codecs\nencode\nh\x00" + make.text("latin1") + b"\x86R"
                for i in range(3000)
            )
            + b"u."
        ),
        "grows to more than",
    ),
    # Calls that reserve.
    "bytearray.pth": (
        make.zipped(calls("builtins\nbytearray", make.integer(10**10) + b"\x85")),
        "its pickle is damaged",
    ),
    "tensor.pth": (make.zipped(calls("torch\nTensor", make.integer(10**9) + b"\x85")), "code"),
    "codec.pth": (
        make.zipped(calls("_codecs\nencode", make.text("a") + make.text("zlib") + b"\x86")),
        "its pickle is damaged",
    ),
    # Tensors that claim what is not there, or are none.
    "storage.pth": (
        make.zipped(make.program(("w", make.tensor(count=10**10)))),
        "has 16 bytes, and 40000000000 are declared",
    ),
    "storage_old.pth": (
        make.legacy(make.program(("w", make.tensor(count=10**10, view=b"N")))),
        "would take 40000000008 bytes, and 24 follow",
    ),
    "unlisted_old.pth": (
        make.legacy(make.program(("w", make.tensor(view=b"N"))), keys=()),
        "list of them differ",
    ),
    "beyond.pth": (make.zipped(make.program(("w", make.tensor(offset=1)))), "more numbers than"),
    "strided.pth": (
        make.zipped(make.program(("w", make.tensor(stride=(2,))))),
        "more numbers than",
    ),
    "expanded.pth": (
        make.zipped(make.program(("w", make.tensor((10**5, 10**5), (0, 0))))),
        "would take 40000000000 bytes",
    ),
    "negative.pth": (make.zipped(make.program(("w", make.tensor((-1,))))), "a size that is none"),
    "dimensions.pth": (
        make.zipped(make.program(("w", make.tensor((1,) * 65, (1,) * 65)))),
        "more than 64 dimensions",
    ),
    "absent.pth": (make.zipped(make.program(("w", make.tensor(key="7")))), "'7' is missing"),
    "twice.pth": (
        make.zipped(make.program(("w", make.tensor()), ("v", make.tensor(count=3, size=(3,))))),
        "declared twice",
    ),
    "attribute.pth": (
        make.zipped(b"\x80\x02ccollections\nOrderedDict\n)R}" + make.text("items") + b"Nsb."),
        "attributes of a dictionary",
    ),
    # Archives.
    "bomb.pth": (make.zipped(SOUND, bytes(1 << 27), zipfile.ZIP_DEFLATED), "compressed (method 8"),
    "overlapping.pth": (overlapping(make.zipped(SOUND, bytes(1 << 20)), 3000), "several records"),
    "password.pth": (with_flag(make.zipped(SOUND), 1), "with a password"),
    "method.pth": (with_method(make.zipped(SOUND), 99), "compressed (method 99"),
    "case.pth": (make.zipped(SOUND, extra=[("DATA.PKL", b"N.")]), "several records of one name"),
    "front.pth": (make.zipped(SOUND) + make.zipped(SOUND), "something before it"),
    "comment.pth": (make.zipped(SOUND)[:-2] + b"\x02\x00no", "something behind it"),
    "script.pth": (make.zipped(SOUND, extra=[("constants.pkl", b"N.")]), "TorchScript"),
    "tar.pth": (tar_like(), "a tar archive"),
    # Headers.
    "nested.safetensors": (make.safetensors(b'{"a":' * 500_000), "nested deep"),
    "lists.safetensors": (make.safetensors(b"[" * 2_000_000), "nested deep"),
    "large.safetensors": (make.safetensors(b" " * (17 << 20)), "longer than any network's"),
    "promised.safetensors": (struct.pack("<Q", 1 << 62) + b"{}", "longer than the file"),
    "absent.safetensors": (
        make.safetensors({"w": FIVE_NUMBERS}, bytes(16)),
        "take 20 bytes, and 16",
    ),
    "shape.safetensors": (
        make.safetensors({"w": {**FIVE_NUMBERS, "shape": [-5]}}, bytes(20)),
        "no shape",
    ),
    "numbers.safetensors": (
        make.safetensors({"w": {**FIVE_NUMBERS, "shape": [0, 10**18, 10**18]}}, bytes(20)),
        "",
    ),
    "zip.safetensors": (make.zipped(SOUND), "a zip archive"),
    # Other things.
    "page.pth": (b"\n<!DOCTYPE html><html>not found</html>", "an HTML page"),
    "pointer.pth": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
    "renamed.pth": (make.safetensors({"w": FIVE_NUMBERS}, bytes(20)), "safetensors file under"),
    "nothing.pth": (b"", "an empty file"),
    "part.onnx": (b"\x08\x07\x3a\x80\x01" + bytes(9), "ONNX model"),
}
NOT_DENSE = {
    "torch._utils\n_rebuild_sparse_tensor": "sparse",
    "torch._utils\n_rebuild_qtensor": "quantised",
    "torch._utils\n_rebuild_meta_tensor_no_storage": "meta",
    "torch._utils\n_rebuild_nested_tensor": "nested",
    "torch\nQInt8Storage": "quantised",
}


@pytest.mark.parametrize("content", [make.zipped(SOUND), make.legacy(SOUND.replace(b"tQ", b"NtQ"))])
def test_the_sound_file_that_all_are_made_from_loads(tmp_path, content):
    (tmp_path / "w.pth").write_bytes(content)
    assert load_checkpoint(tmp_path / "w.pth").tensors["w"].tolist() == [0.0] * 4


def test_the_older_format_may_view_a_part_of_a_storage(tmp_path):
    view = b"(" + make.text("v") + make.integer(1) + make.integer(2) + b"t"
    numbers = struct.pack("<q4f", 4, 0.0, 1.0, 2.0, 3.0)
    for length, fits in ((2, True), (3, False)):
        pickled = make.program(("w", make.tensor((length,), view=view)))
        (tmp_path / "w.pth").write_bytes(make.legacy(pickled, data=numbers))
        if fits:
            assert load_checkpoint(tmp_path / "w.pth").tensors["w"].tolist() == [1.0, 2.0]
        else:
            with pytest.raises(CorruptCheckpointError, match="more numbers than its storage"):
                load_checkpoint(tmp_path / "w.pth")


@pytest.mark.parametrize("name", HOSTILE)
def test_one_sentence(tmp_path, name):
    content, words = HOSTILE[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises((CorruptCheckpointError, UnsafeCheckpointError)) as caught:
        load_checkpoint(tmp_path / name)
    message = str(caught.value)
    assert message.startswith(name) and words in message
    assert len(message) < 500 and "\n" not in message and "weights_only" not in message


@pytest.mark.parametrize("suffix", ["pth", "pt", "bin", "ckpt"])
@pytest.mark.parametrize(("name", "word"), NOT_DENSE.items())
def test_tensors_that_are_no_plain_arrays(tmp_path, suffix, name, word):
    path = tmp_path / f"w.{suffix}"
    path.write_bytes(make.zipped(make.program(("w", f"c{name}\n".encode() + b")R"))))
    with pytest.raises(CorruptCheckpointError, match=rf"holds a .*{word}.*plain ones"):
        load_checkpoint(path)


@pytest.mark.filterwarnings("ignore:.*quantized tensor creation:UserWarning")
def test_the_same_as_pytorch_saves_them(tmp_path):
    tensors = {
        "sparse": torch.eye(3).to_sparse(),
        "meta": torch.zeros(3, device="meta"),
        "quantised": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
    }
    for word, value in tensors.items():
        torch.save({"conv.weight": value}, tmp_path / "w.pth")
        with pytest.raises(CorruptCheckpointError, match=word):
            load_checkpoint(tmp_path / "w.pth")


@pytest.mark.parametrize("old", [True, False])
def test_a_module_that_pickle_would_import_is_named(tmp_path, old):
    pickled = make.program(("w", b"cos\nsystem\n" + make.text("true") + b"\x85R"))
    (tmp_path / "w.pt").write_bytes(make.legacy(pickled, ()) if old else make.zipped(pickled))
    with pytest.raises(UnsafeCheckpointError, match=r"w\.pt is a pickle.*'os\.system'.*run code"):
        load_checkpoint(tmp_path / "w.pt")


MEASURED = """
import resource, sys, time
from pathlib import Path
import torch
from safetensors.torch import load_file
from pdgrad_core.checkpoints import load_checkpoint
from pdgrad_core.errors import CheckpointError
from pdgrad_core.weights.integrity import is_test_file

resource.setrlimit(resource.RLIMIT_CPU, (100, 100))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sorted(Path(sys.argv[1]).iterdir()):
    begin = time.process_time()
    is_test_file(path)
    try:
        load_checkpoint(path)
        print(path.name, "loaded")
    except CheckpointError:
        pass
    if time.process_time() - begin > 10:
        print(path.name, "took long")
print("grown by", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_none_takes_long_or_much(tmp_path):
    for name, (content, _) in HOSTILE.items():
        (tmp_path / name).write_bytes(content)
    result = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    *complaints, last = result.stdout.splitlines()
    assert complaints == []
    kilobytes = int(last.removeprefix("grown by "))
    assert kilobytes < 100_000, "the largest of these files has 17 MB"


def test_a_widely_declared_network_is_not_built(tmp_path):
    """A stem of 400,000 channels would ask for layers of terabytes."""
    from pdgrad_core.features.arcface import load_arcface

    tensors = {
        "conv1.weight": torch.zeros(400_000, 1, 1, 1),
        "layer1.0.conv2.weight": torch.zeros(400_000, 1, 1, 1),
    }
    torch.save(tensors, tmp_path / "w.pth")
    with pytest.raises(CheckpointError):
        load_arcface(tmp_path / "w.pth")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 8 << 20


def test_inspection_takes_what_torch_saves(tmp_path):
    content = {
        "float": torch.ones(3, requires_grad=True),
        "parameter": torch.nn.Parameter(torch.ones(2, 2)),
        "half": torch.ones(3).half(),
        "short": torch.ones(2, dtype=torch.int16),
        "complex": torch.ones(2, dtype=torch.complex64),
        "scalar": torch.tensor(3),
        "empty": torch.zeros(0, 4),
        "view": torch.arange(12.0).reshape(3, 4)[1:, 1:].t(),
        "module": torch.nn.BatchNorm2d(3).state_dict(),
        "others": [b"bytes", bytearray(b"more"), {1, 2}, 1j, torch.Size((2, 3)), (1.5, None, True)],
        "kinds": [torch.device("cpu"), torch.float16, torch.strided],
        "optimizer": {
            "state": {0: {"step": torch.tensor(1.0), "exp_avg": torch.ones(2)}},
            "param_groups": [{"betas": (0.9, 0.999), "params": [0]}] * 2,
        },
    }
    for new in (True, False):
        if new:  # PyTorch itself cannot read these in the older format
            content |= {"byte": torch.ones(2).to(torch.float8_e4m3fn)}
            content |= {"unsigned": torch.ones(2, dtype=torch.uint16)}
        else:
            del content["byte"], content["unsigned"]
        torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=new)
        assert inspect(tmp_path / "w.pth") == ("torch zip" if new else "torch legacy")
        found = load_checkpoint(tmp_path / "w.pth").tensors
        assert list(found) == [name for name in content if torch.is_tensor(content[name])]
        assert torch.equal(found["view"], content["view"])


def test_an_onnx_models_fields(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x08\x07\x12\x02pd\x3a\x03abc\x42\x02\x10\x0b")
    assert inspect(path) == "onnx"
    with pytest.raises(CorruptCheckpointError, match="an ONNX model"):
        load_checkpoint(path)


def test_long_metadata_of_training_is_kept(tmp_path):
    header = {"__metadata__": {"log": json.dumps([["x"]] * 50_000)}, "w": FIVE_NUMBERS}
    (tmp_path / "w.safetensors").write_bytes(make.safetensors(header, bytes(20)))
    assert len(load_checkpoint(tmp_path / "w.safetensors").metadata["log"]) > 300_000
