"""What the host loads when it lists the nodes of the pack: counted, as seconds depend on load."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parents[1] / "support"

SCRIPT = """
import sys
import pytest, torch, numpy, PIL.Image
import host_double
from pathlib import Path
before = set(sys.modules)
with pytest.MonkeyPatch.context() as patch:
    pack = host_double.Pack(Path(sys.argv[1]), patch)
    print(*sorted(set(sys.modules) - before))
"""

HEAVY = {
    *("cv2", "scipy", "torchvision", "matplotlib", "facexlib", "lpips", "torchmetrics", "skimage"),
    *("spandrel", "spandrel_extra_arches", "torchjd", "numba", "safetensors"),
}

WORKING = (
    *("alignment", "inspection", "pictures", "models", "training", "evidence", "benchmarks"),
    *("commands", "cli", "metrics", "photos", "pipeline", "preflight", "restoration", "trace"),
    *("faces.render", "guidance.gradients", "weights.fetch", "weights.layouts"),
)
"""Parts of the core that no schema needs: they are imported when a node runs."""

MOST_MODULES = 140
"""Of the pack, when its nodes are listed; each costs a millisecond at every start of the host."""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Every module that listing the nodes loads into a host that has torch, numpy and Pillow."""
    environment = {**os.environ, "PYTHONPATH": str(SUPPORT)}
    command = [sys.executable, "-c", SCRIPT, tmp_path_factory.mktemp("models")]
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return result.stdout.split()


def test_no_heavy_package_is_loaded(loaded):
    assert not {name.partition(".")[0] for name in loaded} & HEAVY


def test_what_only_a_run_needs_is_not_loaded(loaded):
    core = "/custom_nodes/pdgrad.pdgrad_core."
    parts = [name.removeprefix(core) for name in loaded if name.startswith(core)]
    assert parts
    early = [p for p in parts for part in WORKING if p == part or p.startswith(f"{part}.")]
    assert early == []


def test_few_modules_are_loaded(loaded):
    own = [name for name in loaded if name.startswith("/custom_nodes/pdgrad")]
    assert len(own) <= MOST_MODULES, len(own)
