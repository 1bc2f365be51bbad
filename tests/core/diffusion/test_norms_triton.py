"""The Triton norms without a GPU: interpreted against float64, and compiled for cards."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

triton = pytest.importorskip("triton", reason="Triton is not here; it comes with torch for CUDA")

from pdgrad_core.diffusion import norms_triton  # noqa: E402

HERE = Path(__file__)
ROOT = HERE.parents[3]


def test_the_kernels_give_what_float64_gives():
    # A process of its own: Triton decides at its import whether it interprets.
    cases = HERE.with_name("norms_triton_cases.py")
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(cases)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


LINE = ("weight", "bias", "scale", "shift")
TILE = {"ROWS": 32, "COLUMNS": 128}
KERNELS = {
    "_moments": TILE,
    "_factors": {"ROWS": 256, "COLUMNS": 4, "SCALED": True},
    "_apply": {**TILE, "ACTIVATE": True},
    "_whole_group": {"ROWS": 256, "COLUMNS": 16, "SCALED": True, "ACTIVATE": True},
}


@pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="Triton interprets here")
@pytest.mark.parametrize("capability", [75, 90])
@pytest.mark.parametrize("name", KERNELS)
def test_the_kernels_compile_and_load_vectors(name, capability, monkeypatch, tmp_path):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    compiler = pytest.importorskip("triton.compiler")
    backends = pytest.importorskip("triton.backends.compiler")
    kernel, constants = getattr(norms_triton, name), KERNELS[name]
    pointers = {"x": "*fp16", "out": "*fp16", "moments": "*fp32", "factors": "*fp32", "eps": "fp32"}
    kinds = {**pointers, **dict.fromkeys(LINE, "*fp16"), **dict.fromkeys(constants, "constexpr")}
    signature = {argument: kinds.get(argument, "i32") for argument in kernel.arg_names}
    aligned = [
        index
        for index, (argument, kind) in enumerate(signature.items())
        if kind.startswith("*") or argument == "channels"
    ]
    source = compiler.ASTSource(
        kernel,
        signature,
        {(kernel.arg_names.index(key),): value for key, value in constants.items()},
        {(index,): [["tt.divisibility", 16]] for index in aligned},
    )
    ptx = triton.compile(source, target=backends.GPUTarget("cuda", capability, 32)).asm["ptx"]
    if TILE.items() <= constants.items():  # whole pixels, whose channels lie side by side
        assert "v4" in ptx or "v2" in ptx
