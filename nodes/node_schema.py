"""A node's schema with what newer hosts can show: other names to find it by, folded inputs."""

from __future__ import annotations

import inspect
from typing import Any

from comfy_api.latest import io

from .finding import OFTEN_CHANGED, SEARCH_ALIASES


def node_schema(**fields: Any) -> io.Schema:
    """Return an `io.Schema`, with aliases and advanced inputs where the host knows of them.

    The host of version 0.3.64 knows neither: it shows every input, and finds nodes by their names.

    Args:
        **fields: What `io.Schema` takes.
    """
    node_id = fields["node_id"]
    if "search_aliases" in inspect.signature(io.Schema).parameters and node_id in SEARCH_ALIASES:
        fields["search_aliases"] = list(SEARCH_ALIASES[node_id])
    often = OFTEN_CHANGED.get(node_id)
    if often is not None:
        for one in fields["inputs"]:
            # Wires are never folded away; an older host's inputs have no such attribute.
            if one.id not in often and hasattr(one, "advanced") and _has_widget(one):
                one.advanced = True
    return io.Schema(**fields)


def _has_widget(one: Any) -> bool:
    held = getattr(one, "options", None)
    found = held if isinstance(held, dict) else vars(one)  # the stand-in keeps them in a dict
    return found.get("default") is not None
