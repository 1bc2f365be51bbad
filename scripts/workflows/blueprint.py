"""A workflow as one node: a subgraph blueprint, which newer hosts list beside their nodes.

They read the folder `subgraphs` of a pack; older hosts leave it alone. What the workflow loads as
photos becomes the inputs, what it saves the output, and the nodes between stand inside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from graph import Graph

INPUT_NODE, OUTPUT_NODE = -10, -20
"""The numbers by which links inside a subgraph call its two ends."""

INPUTS = ("photo", "reference")
"""Names of the inputs: the workflow's photos in their order."""

OUTPUT = "result"
LEFT_OUT = ("PDGradLoadPhoto", "SaveImage", "MarkdownNote")
END_PX, ROW_PX, GAP_PX = 128, 20, 80


@dataclass(frozen=True)
class Blueprint:
    """A workflow to be one node.

    Attributes:
        build: Returns the workflow: `INPUTS` as its photos, and one SaveImage.
        description: What the node says of itself.
        promoted: Widgets shown on the node, by the kind of their node and their id.
    """

    build: Callable[[], Graph]
    description: str
    promoted: tuple[tuple[str, str], ...]


def blueprint(name: str, one: Blueprint) -> dict[str, Any]:
    """Return a blueprint as the host reads it.

    Args:
        name: What the node is called; its file has to bear the same name.
        one: What it is made of.
    """
    definition = _definition(name, one)
    kinds = {node["type"]: str(node["id"]) for node in definition["nodes"]}
    node: dict[str, Any] = {
        "id": 1,
        "type": definition["id"],
        "pos": [0, 0],
        "size": [300, 60 + 30 * len(one.promoted)],
        "flags": {},
        "order": 0,
        "mode": 0,
        "inputs": [{"name": photo, "type": "IMAGE", "link": None} for photo in INPUTS],
        "outputs": [{"name": OUTPUT, "type": "IMAGE", "links": None}],
        "title": name,
        "properties": {"proxyWidgets": [[kinds[kind], widget] for kind, widget in one.promoted]},
        "widgets_values": [],
    }
    return {
        "id": _number(name, "file"),
        "revision": 0,
        "last_node_id": 1,
        "last_link_id": 0,
        "nodes": [node],
        "links": [],
        "groups": [],
        "definitions": {"subgraphs": [definition]},
        "config": {},
        "extra": {},
        "version": 0.4,
    }


def _definition(name: str, one: Blueprint) -> dict[str, Any]:
    """Return what stands inside the node."""
    ui = one.build().ui()
    photos = [node["id"] for node in ui["nodes"] if node["type"] == "PDGradLoadPhoto"]
    (saved,) = (node["id"] for node in ui["nodes"] if node["type"] == "SaveImage")
    nodes = [node for node in ui["nodes"] if node["type"] not in LEFT_OUT]
    links = [_link(link, photos, saved) for link in ui["links"]]
    starting = [_from_outside(links, slot) for slot in range(len(INPUTS))]
    ending = [link["id"] for link in links if link["target_id"] == OUTPUT_NODE]
    left, right, top = _edges(nodes)
    return {
        "id": _number(name, "subgraph"),
        "version": 1,
        "state": {
            "lastGroupId": len(ui["groups"]),
            "lastNodeId": ui["last_node_id"],
            "lastLinkId": ui["last_link_id"],
            "lastRerouteId": 0,
        },
        "revision": 0,
        "config": {},
        "name": name,
        "description": one.description,
        "category": "PDGrad",
        "inputNode": {"id": INPUT_NODE, "bounding": [left - END_PX - GAP_PX, top, END_PX, 80]},
        "outputNode": {"id": OUTPUT_NODE, "bounding": [right + GAP_PX, top, END_PX, 60]},
        "inputs": [
            _end(name, photo, starting[slot], left - GAP_PX - ROW_PX, top + ROW_PX * (slot + 1))
            for slot, photo in enumerate(INPUTS)
        ],
        "outputs": [_end(name, OUTPUT, ending, right + GAP_PX + ROW_PX, top + ROW_PX)],
        "widgets": [],
        "nodes": nodes,
        "groups": [frame for frame in ui["groups"] if any(_within(frame, node) for node in nodes)],
        "links": links,
        "extra": {},
    }


def _link(link: Sequence[Any], photos: Sequence[int], saved: int) -> dict[str, Any]:
    """Return a link as subgraphs write it, from and to their ends where the workflow's were.

    Raises:
        ValueError: A photo gives more than its picture.
    """
    number, origin, origin_slot, target, target_slot, kind = link
    if origin in photos:
        if origin_slot != 0:
            raise ValueError(f"link {number}: only a photo's picture comes from outside")
        origin, origin_slot = INPUT_NODE, photos.index(origin)
    if target == saved:
        target, target_slot = OUTPUT_NODE, 0
    ends = {"origin_id": origin, "origin_slot": origin_slot}
    return {"id": number, **ends, "target_id": target, "target_slot": target_slot, "type": kind}


def _from_outside(links: Sequence[dict[str, Any]], slot: int) -> list[int]:
    """Return the links that come from one of the inputs."""
    return [
        link["id"]
        for link in links
        if link["origin_id"] == INPUT_NODE and link["origin_slot"] == slot
    ]


def _end(name: str, socket: str, links: Sequence[int], x: int, y: int) -> dict[str, Any]:
    return {
        "id": _number(name, socket),
        "name": socket,
        "type": "IMAGE",
        "linkIds": list(links),
        "pos": [x, y],
    }


def _edges(nodes: Sequence[dict[str, Any]]) -> tuple[int, int, int]:
    """Return the left, right and upper edge of some nodes."""
    left = min(node["pos"][0] for node in nodes)
    right = max(node["pos"][0] + node["size"][0] for node in nodes)
    return left, right, min(node["pos"][1] for node in nodes)


def _within(group: dict[str, Any], node: dict[str, Any]) -> bool:
    left, top, width, height = group["bounding"]
    x, y = node["pos"]
    return left <= x <= left + width and top <= y <= top + height


def _number(*parts: str) -> str:
    """Return a UUID that stays the same from one writing to the next."""
    return str(uuid5(NAMESPACE_URL, "/".join(("pdgrad", *parts))))
