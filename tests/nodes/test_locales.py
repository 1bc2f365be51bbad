"""The pages' texts: every node, input and output has them, in English and in Chinese."""

import importlib.util
import json
import re

import pytest
from host_double import ROOT

HAN = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def locales():
    spec = importlib.util.spec_from_file_location("locales_script", ROOT / "scripts" / "locales.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


@pytest.fixture(scope="module")
def words(locales):
    return json.loads(locales.TRANSLATIONS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_files_are_what_the_schemas_say(pack, locales, words, language):
    """Written by `python scripts/locales.py`."""
    translate = locales.english if language == "en" else locales.Chinese(words)
    expected = locales.definitions(pack.nodes, translate)
    assert json.loads(locales.TARGETS[language].read_text(encoding="utf-8")) == expected


def test_nothing_is_left_without_chinese(pack, locales, words):
    chinese = locales.Chinese(words)
    locales.definitions(pack.nodes, chinese)
    assert not chinese.missing


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_node_and_input_of_the_snapshot_has_a_name_and_a_tooltip(locales, language):
    recorded = json.loads((ROOT / "tests" / "nodes" / "schemas.json").read_text())
    found = json.loads(locales.TARGETS[language].read_text(encoding="utf-8"))
    assert set(found) == set(recorded)
    for node_id, schema in recorded.items():
        node = found[node_id]
        assert node["display_name"]
        assert node["description"]
        assert list(node["inputs"]) == [one["id"] for one in schema["inputs"]]
        assert list(node["outputs"]) == [str(i) for i in range(len(schema["outputs"]))]
        for socket in [*node["inputs"].values(), *node["outputs"].values()]:
            assert socket["name"]
            assert socket["tooltip"]


def test_tooltips_and_descriptions_are_chinese_throughout(locales):
    found = json.loads(locales.TARGETS["zh"].read_text(encoding="utf-8"))
    for node_id, node in found.items():
        texts = [node["display_name"], node["description"]]
        texts += [one["tooltip"] for one in [*node["inputs"].values(), *node["outputs"].values()]]
        for text in texts:
            assert HAN.search(text), f"{node_id}: {text}"


def test_ranges_and_units_are_translated(locales, words):
    chinese = locales.Chinese(words)
    found = chinese("texts", "Length of the motion. [1 to 255 px]")
    assert found.endswith("[1 至 255 像素]")
    assert not chinese.missing


def test_no_translation_is_left_over(pack, locales, words):
    """Of a sentence that no schema has any more."""
    used = set()

    def note(kind, text):
        ranged = locales.RANGE.match(text) if kind == "texts" else None
        used.add((kind, ranged["text"] if ranged else text))
        return text

    locales.definitions(pack.nodes, note)
    for kind in ("titles", "names", "texts"):
        assert {(kind, text) for text in words[kind]} <= used
