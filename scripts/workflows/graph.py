"""A node graph in code, written as ComfyUI's UI format and as its API format.

Sockets, widgets and their order come from recorded schemas, so a workflow that names an input which
does not exist is not written at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
WIDTH_PX, GAP_PX, ROW_PX = 300, 60, 26

# Nodes that show something below their widgets, and the room it takes in pixels.
SHOWN_PX = {
    "PreviewImage": 260,
    "SaveImage": 260,
    "LoadImage": 260,
    "MaskPreview": 260,
    "PDGradDDPMSampler": 200,
    "PDGradRestoreFace": 200,
    "PDGradCompare": 90,
    "PDGradAlignFaces": 60,
    "CLIPTextEncode": 60,
}


def read_schemas() -> dict[str, Any]:
    """Return the recorded schemas of our nodes and of the host's that the workflows use."""
    ours = json.loads((ROOT / "tests" / "nodes" / "schemas.json").read_text())
    core = json.loads((ROOT / "tests" / "workflows" / "host_nodes.json").read_text())
    return {**core, **ours}


@dataclass(frozen=True)
class Output:
    """One output of a node, to be given to another node's input."""

    node: int
    slot: int


@dataclass
class Node:
    """A node of the graph.

    Attributes:
        id: Its number.
        kind: The node's public id.
        title: What it is called in this graph, empty for its own name.
        values: Inputs by id: an `Output`, or the widget's value.
        schema: Its recorded interface.
    """

    id: int
    kind: str
    title: str
    values: dict[str, Any]
    schema: dict[str, Any]
    at: tuple[int, int] = (0, 0)

    def __getitem__(self, output: str) -> Output:
        ids = [one["id"] for one in self.schema["outputs"]]
        return Output(self.id, ids.index(output))

    @property
    def out(self) -> Output:
        """The first output."""
        return Output(self.id, 0)

    @property
    def widgets(self) -> list[dict[str, Any]]:
        """The inputs that have a widget."""
        return [one for one in self.schema["inputs"] if one["type"] in WIDGETS]

    @property
    def sockets(self) -> list[dict[str, Any]]:
        """The inputs that can only be connected."""
        return [one for one in self.schema["inputs"] if one["type"] not in WIDGETS]

    @property
    def height_px(self) -> int:
        """About how tall it is drawn."""
        rows = max(len(self.sockets), len(self.schema["outputs"])) + len(self.widgets)
        rows += sum(3 for one in self.widgets if one.get("multiline"))
        rows += sum(1 for one in self.widgets if one.get("control_after_generate"))
        return 40 + ROW_PX * rows + SHOWN_PX.get(self.kind, 0)

    def value_of(self, widget: Mapping[str, Any]) -> Any:
        """Return a widget's value: as given, else its default, else its first choice."""
        given = self.values.get(widget["id"])
        if given is not None and not isinstance(given, Output):
            return given
        options = widget.get("options") or [""]
        return widget.get("default", options[0] if widget["type"] == "COMBO" else "")


@dataclass
class Graph:
    """A workflow under construction.

    Attributes:
        note: Markdown that explains it, shown left of the nodes.
    """

    note: str
    schemas: dict[str, Any] = field(default_factory=read_schemas)
    nodes: list[Node] = field(default_factory=list["Node"])

    def add(self, kind: str, title: str = "", **values: Any) -> Node:
        """Add a node; inputs are given by their ids, as outputs of other nodes or as values.

        Raises:
            KeyError: There is no such node or input.
        """
        schema = self.schemas[kind]
        unknown = set(values) - {one["id"] for one in schema["inputs"]}
        if unknown:
            raise KeyError(f"{kind} has no input {', '.join(sorted(unknown))}")
        node = Node(len(self.nodes) + 1, kind, title, values, schema)
        self.nodes.append(node)
        return node

    def api(self) -> dict[str, Any]:
        """Return the graph in API format."""
        prompt: dict[str, Any] = {}
        for node in self.nodes:
            inputs = {one["id"]: node.value_of(one) for one in node.widgets}
            for name, value in node.values.items():
                linked = isinstance(value, Output)
                inputs[name] = [str(value.node), value.slot] if linked else value
            title = node.title or node.schema["display_name"]
            prompt[str(node.id)] = {
                "class_type": node.kind,
                "inputs": inputs,
                "_meta": {"title": title},
            }
        return prompt

    def ui(self) -> dict[str, Any]:
        """Return the graph in UI format."""
        self._place()
        links = [
            (target, name, value)
            for target in self.nodes
            for name, value in target.values.items()
            if isinstance(value, Output)
        ]
        numbers = {(target.id, name): i + 1 for i, (target, name, _) in enumerate(links)}
        nodes = [self._ui_node(node, numbers) for node in self.nodes]
        return {
            "last_node_id": len(self.nodes) + 1,
            "last_link_id": len(links),
            "nodes": [*nodes, self._ui_note()],
            "links": [self._ui_link(i + 1, *link) for i, link in enumerate(links)],
            "groups": [],
            "config": {},
            "extra": {},
            "version": 0.4,
        }

    def _ui_node(self, node: Node, numbers: Mapping[tuple[int, str], int]) -> dict[str, Any]:
        inputs = [
            {"name": one["id"], "type": one["type"], "link": numbers.get((node.id, one["id"]))}
            | ({"widget": {"name": one["id"]}} if one["type"] in WIDGETS else {})
            for one in [*node.sockets, *node.widgets]
        ]
        outputs = [
            {
                "name": one["id"],
                "type": one["type"],
                "links": [
                    numbers[(target.id, name)]
                    for target in self.nodes
                    for name, value in target.values.items()
                    if value == Output(node.id, slot)
                ],
            }
            for slot, one in enumerate(node.schema["outputs"])
        ]
        values: list[Any] = []
        for one in node.widgets:
            values.append(node.value_of(one))
            if one.get("control_after_generate"):
                values.append("fixed")
            if one.get("image_upload"):
                values.append("image")
        found: dict[str, Any] = {
            "id": node.id,
            "type": node.kind,
            "pos": list(node.at),
            "size": [WIDTH_PX, node.height_px],
            "flags": {},
            "order": node.id - 1,
            "mode": 0,
            "inputs": inputs,
            "outputs": outputs,
            "properties": {"Node name for S&R": node.kind},
            "widgets_values": values,
        }
        return found | ({"title": node.title} if node.title else {})

    def _ui_link(self, number: int, target: Node, name: str, value: Output) -> list[Any]:
        source = self.nodes[value.node - 1]
        ids = [one["id"] for one in [*target.sockets, *target.widgets]]
        kind = source.schema["outputs"][value.slot]["type"]
        return [number, source.id, value.slot, target.id, ids.index(name), kind]

    def _ui_note(self) -> dict[str, Any]:
        lines = sum(1 + len(line) // 44 for line in self.note.splitlines())
        return {
            "id": len(self.nodes) + 1,
            "type": "MarkdownNote",
            "pos": [-WIDTH_PX - GAP_PX - 60, 0],
            "size": [WIDTH_PX + 60, 60 + 22 * lines],
            "flags": {},
            "order": len(self.nodes),
            "mode": 0,
            "inputs": [],
            "outputs": [],
            "title": "What this does",
            "properties": {},
            "widgets_values": [self.note],
            "color": "#432",
            "bgcolor": "#653",
        }

    def _place(self) -> None:
        """Put every node one column right of the last one that it depends on."""
        column: dict[int, int] = {}
        floor: dict[int, int] = {}
        for node in self.nodes:
            sources = [v.node for v in node.values.values() if isinstance(v, Output)]
            column[node.id] = max((column[source] + 1 for source in sources), default=0)
            here = column[node.id]
            node.at = (here * (WIDTH_PX + GAP_PX), floor.get(here, 0))
            floor[here] = node.at[1] + node.height_px + GAP_PX
