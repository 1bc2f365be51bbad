"""Every type of wire that is the pack's own has a colour in the page."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_type_of_the_packs_own_has_a_colour():
    schemas = json.loads((Path(__file__).parent / "schemas.json").read_text(encoding="utf-8"))
    types = set(re.findall(r"PDG_[A-Z]+", json.dumps(schemas)))
    script = (ROOT / "js" / "socket_colours.js").read_text(encoding="utf-8")
    colours = dict(re.findall(r"(PDG_[A-Z]+): \"(#[0-9a-f]{6})\"", script))
    assert set(colours) == types
    assert len(set(colours.values())) == len(colours)
