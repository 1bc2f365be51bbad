"""A node graph in code, written as ComfyUI's UI format and as its API format.

Sockets, widgets and their order come from recorded schemas, so a workflow that names an input which
does not exist is not written at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from layout import COLUMN_PX, TRIES, Arrangement, Box, Wire
from node import MARGIN_PX, TITLE_PX, WIDGETS, WIDTH_PX, Node, Output, read_schemas, slot_px

LEGIBLE = 0.62
"""The page draws no text below a scale of 0.6."""

SCREEN_PX = (1400, 780)
"""Room for a graph on a laptop's screen."""


@dataclass
class Graph:
    """A workflow under construction.

    Attributes:
        note: Markdown that explains it, shown left of the nodes.
        groups: Nodes framed together, by title.
        needs: What has to be there before it can run; ends the note.
        placed: Whether nodes were told where to stand.
        app: Inputs that a host with an App mode shows there, by node and id; its outputs are those
            of the nodes that save.
    """

    note: str
    schemas: dict[str, Any] = field(default_factory=read_schemas)
    nodes: list[Node] = field(default_factory=list["Node"])
    groups: dict[str, list[Node]] = field(default_factory=dict[str, "list[Node]"])
    needs: str = "nothing to download: it runs on the embedded demo models."
    placed: bool = False
    app: tuple[tuple[Node, str], ...] = ()

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
            "extra": {"ds": self._view()} | self._app_view(),
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
            Wire(value.node - 1, target.id - 1, slot_px(value.slot), target.arrival_px(name))
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

    def _app_view(self) -> dict[str, Any]:
        """Return what App mode shows of the graph; hosts without it leave it alone."""
        if not self.app:
            return {}
        saving = [node.id for node in self.nodes if node.kind == "SaveImage"]
        inputs = [[node.id, name] for node, name in self.app]
        return {"linearData": {"inputs": inputs, "outputs": saving}}

    def _view(self) -> dict[str, Any]:
        """Return where the page looks when it opens the graph: all of it, if text can be read."""
        left, top = self._note_at()
        right = max(node.at[0] + WIDTH_PX for node in self.nodes)
        bottom = max(node.at[1] + node.height_px for node in self.nodes)
        fitting = min(SCREEN_PX[0] / (right - left), SCREEN_PX[1] / (bottom - top))
        scale = round(min(1.0, max(LEGIBLE, fitting)), 3)
        edge = 80 / scale
        return {"scale": scale, "offset": [round(edge - left), round(edge - top)]}
