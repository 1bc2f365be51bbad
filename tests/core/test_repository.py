"""Files that say the same thing twice agree, and the package is complete."""

import os
import re
from pathlib import Path

import pytest

from pdgrad_core import __version__

ROOT = Path(__file__).parents[2]
TEST_COMMAND = 'pip install -e ".[test]" && pytest -q'


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def list_in_pyproject(key):
    """Return a list of strings from pyproject.toml (Python 3.10 has no TOML reader)."""
    (body,) = re.findall(rf"^{key} = \[(.*?)\]", text_of("pyproject.toml"), re.M | re.S)
    return re.findall(r'"(.*?)"', body)


def test_requirements_are_the_packages_dependencies():
    assert text_of("requirements.txt").split() == list_in_pyproject("dependencies")


def test_nothing_that_breaks_a_host_is_pinned():
    for requirement in list_in_pyproject("dependencies"):
        assert re.fullmatch(r"[a-z-]+", requirement), f"{requirement} restricts a version"


def test_one_version():
    assert f'version = "{__version__}"' in text_of("pyproject.toml")


def test_ci_runs_the_documented_test_command():
    assert TEST_COMMAND in text_of(".ci/run")
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_pre_commit_is_ci():
    hooks = re.findall(r"entry: (.*)", text_of(".pre-commit-config.yaml"))
    assert hooks == ["ruff check .", "ruff format --check .", "pyright", "lint-imports"]
    for hook in hooks:
        assert f"\n{hook}\n" in text_of(".ci/run")


@pytest.mark.parametrize("pattern", ["py.typed", "weights/layouts/*.json"])
def test_data_files_are_packaged(pattern):
    assert pattern in list_in_pyproject("pdgrad_core")
    assert list((ROOT / "pdgrad_core").glob(pattern))


@pytest.mark.parametrize("name", ["facexlib", "lpips", "spandrel", "torchvision", "torchjd"])
def test_notices_name_what_is_used(name):
    assert name in text_of("NOTICES").lower()
