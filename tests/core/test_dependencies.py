"""Optional packages: there, or named with the line that installs them."""

import json

import pytest

from pdgrad_core.dependencies import require
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
