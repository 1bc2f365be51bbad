"""What users type in the page's node search finds the right node; most inputs are folded away."""

import pytest


def rank(query, name, title, aliases=()):
    """Return a node's place in the page's search, smaller is earlier; None where it is not found.

    The classes of the page's own ranking (`fuseUtil.ts`): equal, begins with it, holds it as a
    word, holds it, holds all its words, holds all its parts; then what an alias alone brought in.
    """
    parts = query.split()
    found = []
    for text in (name.lower(), title.lower()):
        words = "".join(c if c.isalnum() else " " for c in text).split()
        classes = (
            text == query,
            text.startswith(query),
            query in words,
            query in text,
            all(part in words for part in parts),
            all(part in text for part in parts),
        )
        found += [place for place, holds in enumerate(classes) if holds]
    if any(all(part in alias for part in parts) for alias in aliases):
        found.append(9)
    return min(found, default=None)


WANTED = {
    "reference": "PDGradRestoreFace",
    "identity": "PDGradIdentityLoss",
    "codeformer": "PDGradLoadRestorer",
    "gfpgan": "PDGradLoadRestorer",
    "face restore": "PDGradRestoreFace",
    "restore face": "PDGradRestoreFace",
    "face detailer": "PDGradRestoreFace",
    "old photo": "PDGradRestoreFace",
    "colorize": "PDGradRestoreFace",
}
BY_ALIAS_ALONE = {"face detailer"}


def first(pack, query, aliases):
    places = {}
    for node_id, node in pack.nodes.items():
        place = rank(query, node_id, node.define_schema().display_name, aliases.get(node_id, ()))
        if place is not None:
            places[node_id] = place
    best = min(places.values(), default=None)
    return [node_id for node_id, place in places.items() if place == best]


@pytest.mark.parametrize("query", WANTED)
def test_a_search_finds_the_right_node_first(pack, query):
    aliases = pack.module("nodes.finding").SEARCH_ALIASES
    assert first(pack, query, aliases) == [WANTED[query]]


@pytest.mark.parametrize("query", sorted(set(WANTED) - BY_ALIAS_ALONE))
def test_so_does_one_in_a_host_without_aliases(pack, query):
    assert first(pack, query, {}) == [WANTED[query]]


def test_what_is_listed_exists(pack):
    finding = pack.module("nodes.finding")
    known = {node_id: node.define_schema() for node_id, node in pack.nodes.items()}
    assert set(finding.SEARCH_ALIASES) == set(known)
    losses = {"weight", "form"}
    for node_id, often in finding.OFTEN_CHANGED.items():
        ids = {one.id for one in known[node_id].inputs}
        assert set(often) - losses <= ids, node_id


def test_a_newer_host_is_told_and_an_older_one_is_not(pack, monkeypatch):
    """Newer hosts take `search_aliases` in a schema and have `advanced` on every input."""
    io = pack.module("nodes.node_schema").io
    older = pack.nodes["PDGradDDPMSampler"].define_schema()
    assert not hasattr(older, "search_aliases")
    assert not any(hasattr(one, "advanced") for one in older.inputs)

    class Newer(io.Schema):
        def __init__(self, search_aliases=None, **fields):
            super().__init__(**fields)
            self.search_aliases = search_aliases

    monkeypatch.setattr(io, "Schema", Newer)
    monkeypatch.setattr(type(older.inputs[0]), "advanced", None, raising=False)
    newer = pack.nodes["PDGradDDPMSampler"].define_schema()
    assert "ddim" in newer.search_aliases
    folded = {one.id for one in newer.inputs if one.advanced}
    assert {"eta", "respacing", "window_end", "batch_size"} <= folded
    assert not folded & {"prior", "image", "guidance", "seed", "steps", "tau", "strength"}
