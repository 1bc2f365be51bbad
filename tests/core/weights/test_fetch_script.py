"""fetch_weights.py: what the printed commands run where the pack lies in ComfyUI, not installed."""

import hashlib
import importlib.util
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from file_server import FileServer, serving

ROOT = Path(__file__).parents[3]
CONTENT = b"weights" * 1000


@pytest.fixture
def comfyui(tmp_path):
    """A ComfyUI folder with the pack linked in."""
    root = tmp_path / "ComfyUI"
    (root / "custom_nodes").mkdir(parents=True)
    (root / "custom_nodes" / "some folder").symlink_to(ROOT)
    return root


def run(command, home, prelude=""):
    """Run a command's Python script in a child without the installed package; return the child."""
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "no_proxy": "127.0.0.1"}
    assert command[0] == sys.executable
    # -I leaves PYTHONPATH and the script's folder out; what pip installed stays, but for us.
    code = (
        "import sys, runpy\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('pdgrad_core', 'pdgrad'):\n"
        "            raise ImportError(name + ' is not installed')\n"
        "sys.meta_path.insert(0, Refuse())\n"
        f"before = list(sys.path)\n{prelude}\n"
        f"sys.argv = {command[1:]!r}\n"
        "try:\n"
        "    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "finally:\n"
        "    assert sys.path == before\n"
    )
    return subprocess.run(
        [sys.executable, "-I", "-c", code], env=environment, capture_output=True, text=True
    )


def script(comfyui):
    return str(comfyui / "custom_nodes" / "some folder" / "fetch_weights.py")


def test_it_fetches_into_comfyuis_own_folder(comfyui, tmp_path):
    with serving(FileServer(CONTENT)) as server:
        served = (
            "from dataclasses import replace\n"
            "import importlib, types\n"
            "pack = types.ModuleType('pdgrad_pack')\n"
            f"pack.__path__ = [{str(comfyui / 'custom_nodes' / 'some folder')!r}]\n"
            "sys.modules['pdgrad_pack'] = pack\n"
            "catalogue = importlib.import_module('pdgrad_pack.pdgrad_core.weights.catalogue')\n"
            "catalogue.CATALOGUE = tuple(\n"
            f"    replace(one, url={server.url!r}, size_bytes={len(CONTENT)},\n"
            f"            sha256={hashlib.sha256(CONTENT).hexdigest()!r})\n"
            "    for one in catalogue.CATALOGUE)\n"
        )
        done = run([sys.executable, script(comfyui), "codeformer", "vgg16"], tmp_path, served)
    assert done.returncode == 0, done.stderr
    models = comfyui / "models"
    assert (models / "facerestore_models" / "codeformer.pth").read_bytes() == CONTENT
    assert (models / "pdgrad" / "vgg16-397923af.pth").read_bytes() == CONTENT
    assert "NTU S-Lab License" in done.stdout
    assert "its sha256 is the published one" in done.stdout


def test_without_names_it_is_the_doctor_whose_command_is_itself(comfyui, tmp_path):
    done = run([sys.executable, script(comfyui)], tmp_path)
    assert done.returncode == 1, done.stderr
    command = shlex.split(done.stdout.splitlines()[-1])
    assert command[:2] == [sys.executable, script(comfyui)]
    assert Path(command[1]).is_file()
    assert "ffhq512-prior" in command and "--models" not in command
    assert f"into {comfyui / 'models' / 'pdgrad'}" in done.stdout


def test_mistakes_are_one_sentence_and_help_helps(comfyui, tmp_path):
    done = run([sys.executable, script(comfyui), "codefomer"], tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("pdgrad: ") and "Did you mean 'codeformer'" in done.stderr
    helped = run([sys.executable, script(comfyui), "--help"], tmp_path)
    assert helped.returncode == 0 and "NAME" in helped.stdout


def test_it_is_found_where_the_commands_say_it_is():
    assert importlib.util.spec_from_file_location("script", ROOT / "fetch_weights.py") is not None
    from pdgrad_core.weights.command_lines import SCRIPT

    assert (ROOT / SCRIPT).is_file()
