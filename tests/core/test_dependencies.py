"""Optional packages: there, or named with the line that installs them."""

import json
import subprocess
import sys

import pytest

from pdgrad_core.dependencies import Package, require, require_alone
from pdgrad_core.errors import MissingDependencyError


def test_an_installed_module_is_returned():
    assert require("json", "nothing", "This test") is json


def test_a_missing_module_names_its_pip_line():
    with pytest.raises(MissingDependencyError) as caught:
        require("not_installed_here.part", "'pdgrad[thing]'", "The thing")
    message = str(caught.value)
    assert message.startswith("The thing needs the Python package 'not_installed_here'")
    assert message.endswith("pip install 'pdgrad[thing]'")
    assert isinstance(caught.value, ImportError)


WITHOUT_NUMBA = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {refused}:
            raise ImportError(f"{{name}} is not here")

sys.meta_path.insert(0, Refuse())
from pdgrad_core.alignment.detect import retinaface_network
from pdgrad_core.alignment.mask import parsenet_network
from pdgrad_core.dependencies import require_alone

retinaface_network(), parsenet_network()
require_alone("facexlib.recognition.arcface_arch", "facexlib", "This test").Backbone
loaded = {{name.split(".")[0] for name in sys.modules}}
assert not loaded & {{"numba", "llvmlite", "facexlib", "filterpy"}}, loaded
assert "cv2" not in loaded or hasattr(sys.modules["cv2"], "imread")
"""


@pytest.mark.parametrize(
    "refused",
    [["numba", "llvmlite"], ["numba", "llvmlite", "cv2", "scipy", "filterpy"]],
    ids=["no numba", "no OpenCV either"],
)
def test_faces_are_found_parsed_and_known_without(refused):
    pytest.importorskip("facexlib")
    script = WITHOUT_NUMBA.format(refused=refused)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package whose `__init__` needs what is not there, as one of its modules seems to."""
    files = {
        "heavy_pack/__init__.py": "import not_installed_here",
        "heavy_pack/inner/__init__.py": "import not_installed_here",
        "heavy_pack/inner/wanted.py": (
            "import not_installed_here\nfrom heavy_pack.inner.beside import VALUE\n"
            "from . import beside\n"
        ),
        "heavy_pack/inner/beside.py": "VALUE = 7",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)


def test_a_module_is_had_without_its_package(package):
    with pytest.raises(MissingDependencyError):
        require("heavy_pack.inner.wanted", "heavy", "This test")
    with pytest.raises(MissingDependencyError, match="not_installed_here"):
        require_alone("heavy_pack.inner.wanted", "heavy", "This test")
    wanted = require_alone("heavy_pack.inner.wanted", "heavy", "This test", ["not_installed_here"])
    assert wanted.VALUE == wanted.beside.VALUE == 7
    assert not [name for name in sys.modules if name.startswith("heavy_pack")]
    assert "not_installed_here" not in sys.modules
    assert require_alone("heavy_pack.inner.wanted", "heavy", "This test") is wanted


def test_a_package_that_is_imported_already_is_taken_as_it_is():
    import json.decoder

    assert require_alone("json.decoder", "nothing", "This test") is json.decoder
    assert sys.modules["json"] is json


def test_a_package_that_is_absent_or_blocked_is_named(monkeypatch):
    with pytest.raises(MissingDependencyError, match="'not_installed_here'"):
        require_alone("not_installed_here.part", "thing", "This test")
    monkeypatch.setitem(sys.modules, "blocked_here", None)
    with pytest.raises(MissingDependencyError, match="'blocked_here'"):
        require_alone("blocked_here.part", "thing", "This test")
    assert not Package("blocked_here", "thing").is_installed
    assert Package("json", "thing").is_installed
