"""Families of methods: names are unique, errors help, discovery finds every file."""

import importlib
import sys

import pytest

from pdgrad_core.errors import DuplicateNameError, UnknownNameError
from pdgrad_core.registry import Registry, discover, unknown_name


@pytest.fixture
def family():
    registry = Registry("loss")

    @registry.register("pixel")
    class Pixel:
        pass

    @registry.register("identity")
    class Identity:
        pass

    return registry


def test_members_keep_the_order_of_registration(family):
    assert family.names() == list(family) == ["pixel", "identity"]
    assert len(family) == 2
    assert "pixel" in family and "Pixel" not in family
    assert family["identity"].__name__ == "Identity"


def test_an_unknown_name_lists_what_exists(family):
    with pytest.raises(UnknownNameError) as caught:
        family["identty"]
    assert str(caught.value) == (
        "There is no loss named 'identty'. Did you mean 'identity'? Known: pixel, identity."
    )
    assert isinstance(caught.value, KeyError)


def test_no_suggestion_where_nothing_is_near():
    assert "Did you mean" not in str(unknown_name("loss", "zzz", ["pixel"]))


def test_a_duplicate_changes_nothing(family):
    before = family["pixel"]
    with pytest.raises(DuplicateNameError, match=r"Two loss classes are named 'pixel'.*Other"):

        @family.register("pixel")
        class Other:
            pass

    assert family["pixel"] is before
    assert family.names() == ["pixel", "identity"]


def test_discovery_imports_every_module_in_sorted_order(tmp_path, monkeypatch):
    package = tmp_path / "found_family"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from pdgrad_core.registry import Registry, discover\n"
        "MEMBERS = Registry('thing')\n"
        "discover(__name__, __path__)\n"
    )
    for name in ("second", "first"):
        (package / f"{name}.py").write_text(
            f"from . import MEMBERS\n@MEMBERS.register('{name}')\nclass Thing: pass\n"
        )
    monkeypatch.syspath_prepend(tmp_path)
    try:
        assert importlib.import_module("found_family").MEMBERS.names() == ["first", "second"]
    finally:
        for name in [name for name in sys.modules if name.startswith("found_family")]:
            del sys.modules[name]


def test_discovery_passes_a_modules_own_error_on(tmp_path, monkeypatch):
    package = tmp_path / "broken_family"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "bad.py").write_text("raise RuntimeError('in the module')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RuntimeError, match="in the module"):
        discover("broken_family", [str(package)])
    sys.modules.pop("broken_family", None)
