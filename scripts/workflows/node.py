"""One node of a workflow: its recorded interface, its values, and how large it is drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
WIDTH_PX, ROW_PX, SLOT_PX, TITLE_PX, MARGIN_PX = 300, 26, 20, 30, 20

# Nodes that show something below their widgets, and the room it takes in pixels.
SHOWN_PX = {
    "PDGradAuthenticity": 490,
    "PreviewImage": 260,
    "SaveImage": 260,
    "LoadImage": 260,
    "PDGradLoadPhoto": 240,
    "MaskPreview": 260,
    "PDGradDDPMSampler": 200,
    "PDGradGuideModel": 200,
    "PDGradRestoreFace": 440,
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
            return slot_px(ids.index(name))
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


def slot_px(slot: int) -> int:
    """Return how far below its top a node has a socket, its title counted in."""
    return TITLE_PX + round((slot + 0.7) * SLOT_PX)
