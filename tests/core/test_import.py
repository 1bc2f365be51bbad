"""Importing the package, the command and any of its modules' names costs next to nothing."""

import subprocess
import sys

import pytest

HEAVY = {
    "torch",
    "torchvision",
    "cv2",
    "lpips",
    "scipy",
    "skimage",
    "facexlib",
    "torchmetrics",
    "spandrel",
    "spandrel_extra_arches",
    "matplotlib",
    "torchjd",
    "numba",
    "PIL",
}
HOST = {"comfy", "comfy_api", "comfy_extras", "folder_paths", "server", "nodes"}


def loaded_after(statement):
    """Return the top-level modules that a fresh interpreter has after one statement."""
    script = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import pdgrad_core",
        "import pdgrad_core.cli",
        "import pdgrad_core.errors, pdgrad_core.registry, pdgrad_core.parameters",
        "import pdgrad_core.weights.catalogue, pdgrad_core.weights.folders",
        "import pdgrad_core.weights.fetch, pdgrad_core.weights.integrity",
        # Every command enters its arguments; `pdgrad --help` costs no more than this.
        "from pdgrad_core.cli import build_parser; build_parser()",
    ],
)
def test_loads_neither_the_host_nor_anything_heavy(statement):
    assert not loaded_after(statement) & (HEAVY | HOST)


def test_leaf_modules_load_without_the_host():
    found = loaded_after("import pdgrad_core.checkpoints, pdgrad_core.images")
    assert not found & HOST
    assert not found & (HEAVY - {"torch"})


def test_the_former_home_of_the_model_sets_still_serves_and_says_where_they_are():
    with pytest.warns(DeprecationWarning, match=r"pdgrad_core\.models\.sets"):
        from pdgrad_core import model_sets
    from pdgrad_core.models import sets

    assert model_sets.load_model_set is sets.load_model_set
