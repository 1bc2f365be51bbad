"""A real ComfyUI with the pack, started once per file of tests."""

import os
from pathlib import Path

import pytest
from comfyui import ComfyUI

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """The host's server; skips where there is no host, or no demo weights."""
    pytest.importorskip("aiohttp", reason="ComfyUI's own requirements are not installed")
    if not (ROOT / "pdgrad_core" / "embedded" / "weights" / "prior.safetensors").is_file():
        pytest.skip("the embedded demo weights are not here")
    checkout = Path(os.environ.get("COMFYUI_PATH", "~/comfy/ComfyUI")).expanduser()
    host = ComfyUI(checkout, tmp_path_factory.mktemp("host") / "base")
    yield host
    host.stop()


TINY = ROOT / "tests" / "support" / "tiny_host_models.py"


@pytest.fixture(scope="module")
def tiny_host(tmp_path_factory):
    """A host with the pack, and one that has tiny models; skips where `host` does."""
    pytest.importorskip("aiohttp", reason="ComfyUI's own requirements are not installed")
    if not (ROOT / "pdgrad_core" / "embedded" / "weights" / "identity.safetensors").is_file():
        pytest.skip("the embedded demo weights are not here")
    checkout = Path(os.environ.get("COMFYUI_PATH", "~/comfy/ComfyUI")).expanduser()
    folder = tmp_path_factory.mktemp("host") / "base"
    host = ComfyUI(checkout, folder, others={"tiny": TINY.read_text()})
    yield host
    host.stop()
