"""Where the nodes of a graph stand: compact columns, and no wire behind a node.

A node stands right of everything that it depends on. The rest is searched for, by small changes of
columns, order and gaps: few wires behind nodes first, then short wires and a small graph.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

COLUMN_PX, GAP_PX, LANE_PX = 380, 50, 40
TRIES = 3000

# Weights of the Bezier curve's four points along a wire.
_T = np.linspace(0, 1, 26)[1:-1]
_WEIGHTS = np.stack([(1 - _T) ** 3, 3 * _T * (1 - _T) ** 2, 3 * _T**2 * (1 - _T), _T**3])


@dataclass(frozen=True)
class Box:
    """A node to be placed.

    Attributes:
        width: Pixels.
        height: Pixels, with its title.
    """

    width: int
    height: int


@dataclass(frozen=True)
class Wire:
    """A link: nodes by index, and where it leaves and arrives, in pixels below their tops."""

    source: int
    target: int
    leaves: int
    arrives: int


@dataclass(frozen=True)
class Layout:
    """Columns from left to right; each lists its nodes from the top with the gap above each."""

    columns: tuple[tuple[tuple[int, int], ...], ...]

    def places(self, boxes: Sequence[Box]) -> list[tuple[int, int]]:
        """Return each node's upper left corner."""
        found = [(0, 0)] * len(boxes)
        for index, column in enumerate(self.columns):
            y = 0
            for node, gap in column:
                y += gap
                found[node] = (index * COLUMN_PX, y)
                y += boxes[node].height
        return found


@dataclass
class Arrangement:
    """The search for one graph's layout.

    Attributes:
        boxes: The nodes.
        wires: The links.
        tries: How many changes are tried.
    """

    boxes: Sequence[Box]
    wires: Sequence[Wire]
    tries: int = TRIES
    chance: random.Random = field(default_factory=lambda: random.Random(0))

    def found(self) -> list[tuple[int, int]]:
        """Return each node's upper left corner."""
        best = now = self._first()
        lowest = cost = self._cost(now)
        for attempt in range(self.tries):
            other = self._changed(now)
            if other is None:
                continue
            price = self._cost(other)
            warmth = 400 * (1 - attempt / self.tries) ** 2
            if price < cost or self.chance.random() < math.exp((cost - price) / (warmth + 1e-9)):
                now, cost = other, price
            if cost < lowest:
                best, lowest = now, cost
        return best.places(self.boxes)

    def _first(self) -> Layout:
        """Return the layout in which every node stands as far left as it can."""
        column = [0] * len(self.boxes)
        for node in range(len(self.boxes)):
            before = [column[wire.source] + 1 for wire in self.wires if wire.target == node]
            column[node] = max(before, default=0)
        columns = [
            tuple((node, GAP_PX if i else 0) for i, node in enumerate(members))
            for index in range(max(column) + 1)
            if (members := [node for node in range(len(column)) if column[node] == index])
        ]
        return Layout(tuple(columns))

    def _changed(self, layout: Layout) -> Layout | None:
        """Return the layout with one random change, or None where it would not be valid."""
        columns = [list(column) for column in layout.columns]
        here = self.chance.randrange(len(columns))
        place = self.chance.randrange(len(columns[here]))
        node, gap = columns[here][place]
        kind = self.chance.random()
        if kind < 0.4:
            wider = gap + self.chance.choice((-4, -1, 1, 4)) * LANE_PX
            least = GAP_PX if place else 0
            if wider < least:
                return None
            columns[here][place] = (node, wider)
        elif kind < 0.75:
            other = self.chance.randrange(len(columns[here]))
            columns[here].insert(other, columns[here].pop(place))
        else:
            there = here + self.chance.choice((-1, 1))
            if not 0 <= there < len(columns):
                return None
            del columns[here][place]
            columns[there].insert(self.chance.randint(0, len(columns[there])), (node, GAP_PX))
        kept = [
            tuple(
                (one, max(space, GAP_PX) if i else space) for i, (one, space) in enumerate(column)
            )
            for column in columns
            if column
        ]
        changed = replace(layout, columns=tuple(kept))
        return changed if self._is_valid(changed) else None

    def _is_valid(self, layout: Layout) -> bool:
        at = {node: i for i, column in enumerate(layout.columns) for node, _ in column}
        return all(at[wire.source] < at[wire.target] for wire in self.wires)

    def _cost(self, layout: Layout) -> float:
        places = layout.places(self.boxes)
        height = max(y + box.height for (_, y), box in zip(places, self.boxes, strict=True))
        lengths, hidden = measured(self.boxes, self.wires, places)
        size = 3.0 * height + 1.5 * COLUMN_PX * len(layout.columns)
        return size + 0.3 * lengths + 4000 * hidden


def measured(
    boxes: Sequence[Box], wires: Sequence[Wire], places: Sequence[tuple[int, int]]
) -> tuple[float, int]:
    """Return the wires' length, and how often one passes behind a node that it does not join.

    Wires are taken as the page draws them: Bezier curves that leave to the right and arrive from
    the left.
    """
    if not wires:
        return 0.0, 0
    corners = np.asarray(places, float)
    sizes = np.array([(box.width, box.height) for box in boxes], float)
    joined = np.array([(wire.source, wire.target) for wire in wires])
    start = corners[joined[:, 0]] + [(boxes[wire.source].width, wire.leaves) for wire in wires]
    end = corners[joined[:, 1]] + [(0, wire.arrives) for wire in wires]
    apart = np.linalg.norm(end - start, axis=1)
    reach = np.stack([apart / 4, np.zeros_like(apart)], 1)
    knots = np.stack([start, start + reach, end - reach, end])  # (4, wires, 2)
    points = np.einsum("kt,kwc->wtc", _WEIGHTS, knots)[:, :, None]  # (wires, points, 1, 2)
    inside = ((points > corners) & (points < corners + sizes)).all(-1).any(1)  # (wires, nodes)
    rows = np.arange(len(wires))
    inside[rows, joined[:, 0]] = inside[rows, joined[:, 1]] = False
    return float(apart.sum()), int(inside.sum())
