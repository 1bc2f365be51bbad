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

from layout import COLUMN_PX, TRIES, Arrangement, Box, Wire

ROOT = Path(__file__).parents[2]

WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
WIDTH_PX, ROW_PX, SLOT_PX, TITLE_PX, MARGIN_PX = 300, 26, 20, 30, 20

LEGIBLE = 0.62
"""The page draws no text below a scale of 0.6."""

SCREEN_PX = (1400, 780)
"""Room for a graph on a laptop's screen."""

# Nodes that show something below their widgets, and the room it takes in pixels.
SHOWN_PX = {
    "PreviewImage": 260,
    "SaveImage": 260,
    "LoadImage": 260,
    "PDGradLoadPhoto": 240,
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

    def arrival_px(self, name: str) -> int:
        """Return how far below its top an input has its socket, its title counted in."""
        ids = [one["id"] for one in self.sockets]
        if name in ids:
            return _slot_px(ids.index(name))
        rows = max(len(ids), len(self.schema["outputs"]))
        place = [one["id"] for one in self.widgets].index(name)
        return TITLE_PX + SLOT_PX * rows + round((place + 0.5) * ROW_PX)

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
        groups: Nodes framed together, by title.
        needs: What has to be there before it can run; ends the note.
        placed: Whether nodes were told where to stand.
    """

    note: str
    schemas: dict[str, Any] = field(default_factory=read_schemas)
    nodes: list[Node] = field(default_factory=list["Node"])
    groups: dict[str, list[Node]] = field(default_factory=dict[str, "list[Node]"])
    needs: str = "nothing to download: it runs on the embedded demo models."
    placed: bool = False

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

    def ui(self, tries: int = TRIES) -> dict[str, Any]:
        """Return the graph in UI format.

        Args:
            tries: How long places are searched for; see `layout`.
        """
        self._place(tries)
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
            "groups": self._ui_groups(),
            "config": {},
            "extra": {"ds": self._view()},
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

    def _note_at(self) -> tuple[int, int]:
        return -WIDTH_PX - 120, TITLE_PX if not self.groups else -MARGIN_PX

    def _ui_note(self) -> dict[str, Any]:
        note = f"{self.note}\n\n**Needs** {self.needs}"
        lines = sum(1 + len(line) // 44 for line in note.splitlines())
        return {
            "id": len(self.nodes) + 1,
            "type": "MarkdownNote",
            "pos": list(self._note_at()),
            "size": [WIDTH_PX + 60, 60 + 22 * lines],
            "flags": {},
            "order": len(self.nodes),
            "mode": 0,
            "inputs": [],
            "outputs": [],
            "title": "What this does",
            "properties": {},
            "widgets_values": [note],
            "color": "#432",
            "bgcolor": "#653",
        }

    def stand(self, node: Node, column: int, y: int) -> None:
        """Say where a node stands: in a column, its title's top y pixels down.

        Where nothing is said of any node, places are searched for.
        """
        node.at = (column * COLUMN_PX, y + TITLE_PX)
        self.placed = True

    def _place(self, tries: int) -> None:
        """Give every node its place, where none was said."""
        if self.placed:
            return
        boxes = [Box(WIDTH_PX, node.height_px + TITLE_PX) for node in self.nodes]
        wires = [
            Wire(value.node - 1, target.id - 1, _slot_px(value.slot), target.arrival_px(name))
            for target in self.nodes
            for name, value in target.values.items()
            if isinstance(value, Output)
        ]
        places = Arrangement(boxes, wires, tries=tries).found()
        for node, (x, y) in zip(self.nodes, places, strict=True):
            node.at = (x, y + TITLE_PX)

    def _ui_groups(self) -> list[dict[str, Any]]:
        """Return a frame round each group's nodes."""
        frames: list[dict[str, Any]] = []
        for number, (title, members) in enumerate(self.groups.items()):
            left = min(node.at[0] for node in members) - MARGIN_PX
            top = min(node.at[1] for node in members) - TITLE_PX - 2 * MARGIN_PX - 20
            right = max(node.at[0] for node in members) + WIDTH_PX + MARGIN_PX
            bottom = max(node.at[1] + node.height_px for node in members) + MARGIN_PX
            frames.append(
                {
                    "id": number + 1,
                    "title": title,
                    "bounding": [left, top, right - left, bottom - top],
                    "color": "#3f5159",
                    "font_size": 24,
                    "flags": {},
                }
            )
        return frames

    def _view(self) -> dict[str, Any]:
        """Return where the page looks when it opens the graph: all of it, if text can be read."""
        left, top = self._note_at()
        right = max(node.at[0] + WIDTH_PX for node in self.nodes)
        bottom = max(node.at[1] + node.height_px for node in self.nodes)
        fitting = min(SCREEN_PX[0] / (right - left), SCREEN_PX[1] / (bottom - top))
        scale = round(min(1.0, max(LEGIBLE, fitting)), 3)
        edge = 80 / scale
        return {"scale": scale, "offset": [round(edge - left), round(edge - top)]}


def _slot_px(slot: int) -> int:
    """Return how far below its top a node has a socket, its title counted in."""
    return TITLE_PX + round((slot + 0.7) * SLOT_PX)
