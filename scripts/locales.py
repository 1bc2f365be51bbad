"""Write the pages' texts in English and Chinese from the nodes' schemas: python scripts/locales.py.

English is what the schemas say; Chinese comes from `locales_zh.json` beside this file: titles and
names by their English, texts by the English sentence without its range. What has no translation is
listed, and stays English until it has.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TRANSLATIONS = Path(__file__).with_name("locales_zh.json")
TARGETS = {name: ROOT / "locales" / name / "nodeDefs.json" for name in ("en", "zh")}

RANGE = re.compile(
    r"^(?P<text>.*?) \[(?P<low>\S+) to (?P<high>\S+)(?: (?P<unit>.+))?\]$", re.DOTALL
)
"""A number's range at the end of its tooltip."""

Translate = Callable[[str, str], str]
"""Gives the words for a kind ("titles", "names" or "texts") and its English."""


def main() -> None:
    """Write both files and say what has no translation."""
    import pytest

    sys.path.insert(0, str(ROOT / "tests" / "support"))
    from host_double import Pack

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        nodes = Pack(Path(folder), patch).nodes
        chinese = Chinese(json.loads(TRANSLATIONS.read_text(encoding="utf-8")))
        for name, translate in (("en", english), ("zh", chinese)):
            TARGETS[name].parent.mkdir(parents=True, exist_ok=True)
            TARGETS[name].write_text(written(definitions(nodes, translate)), encoding="utf-8")
    for kind, text in sorted(chinese.missing):
        print(f"{kind}: {text}")
    if chinese.missing:
        sys.exit(f"{len(chinese.missing)} texts have no translation in {TRANSLATIONS.name}.")


def english(_kind: str, text: str) -> str:
    """Return the text as it is."""
    return text


class Chinese:
    """Translations by kind and English.

    Args:
        words: What `locales_zh.json` holds.

    Attributes:
        missing: (kind, English) of what has no translation.
    """

    def __init__(self, words: Mapping[str, Mapping[str, str]]) -> None:
        self.words = words
        self.missing: set[tuple[str, str]] = set()

    def __call__(self, kind: str, text: str) -> str:
        """Return the Chinese, or the English where there is none."""
        ranged = RANGE.match(text) if kind == "texts" else None
        if ranged:
            unit = ranged["unit"]
            named = " " + self("units", unit) if unit else ""
            return f"{self(kind, ranged['text'])} [{ranged['low']} 至 {ranged['high']}{named}]"
        found = self.words[kind].get(text)
        if found is None:
            self.missing.add((kind, text))
        return found or text


def definitions(nodes: Mapping[str, Any], translate: Translate) -> dict[str, Any]:
    """Return the texts of all nodes as the page takes them.

    Args:
        nodes: Every node class by its id.
        translate: Into the language.
    """
    return {
        node_id: _definition(node.define_schema(), translate) for node_id, node in nodes.items()
    }


def _definition(schema: Any, translate: Translate) -> dict[str, Any]:
    # The page looks an input up by its id with points replaced, an output by its place.
    return {
        "display_name": translate("titles", schema.display_name),
        "description": translate("texts", schema.description),
        "inputs": {
            one.id.replace(".", "_"): {
                "name": translate("names", one.id),
                "tooltip": translate("texts", one.tooltip),
            }
            for one in schema.inputs
        },
        "outputs": {
            str(place): {
                "name": translate("names", one.display_name),
                "tooltip": translate("texts", one.tooltip),
            }
            for place, one in enumerate(schema.outputs)
        },
    }


def written(found: Mapping[str, Any]) -> str:
    """Return definitions as the text of their file."""
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    main()
