"""Write the help pages of nodes from their schemas: python scripts/help_pages.py [NODE_ID ...].

A page says what the node's schema says: description, inputs, outputs, and its picture where there
is one. What stands between the picture and the inputs was written by hand, and stays.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
HELP = ROOT / "js" / "docs"
sys.path.insert(0, str(ROOT / "tests" / "support"))

from host_double import Pack  # noqa: E402


def main(names: list[str]) -> None:
    """Write the named nodes' pages, or all of them."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        pack = Pack(Path(folder), patch)
        for name, node in pack.nodes.items():
            if not names or name in names:
                path = HELP / f"{name}.md"
                path.write_text(page(node.define_schema(), kept(path)), encoding="utf-8")


def kept(path: Path) -> str:
    """Return what was written by hand above a page's tables."""
    if not path.is_file():
        return ""
    above = path.read_text(encoding="utf-8").split("\n## Inputs\n")[0]
    paragraphs = above.strip().split("\n\n")[2:]
    return "\n\n".join(one for one in paragraphs if not one.startswith("![")).strip()


def page(schema: Any, more: str = "") -> str:
    """Return a node's help page.

    Args:
        schema: The node's.
        more: What was written by hand, above the tables.
    """
    title = schema.display_name
    parts = [f"# {title}", schema.description]
    if (HELP / f"{schema.node_id}.jpg").is_file():
        parts.append(f"![{title} in a workflow]({schema.node_id}.jpg)")
    # Three columns are what the page's help panel shows at its 300 pixels.
    inputs = ["| input | default | what it is |", "|---|---|---|"]
    inputs += [f"| {_code(one.id)} | {_default(one)} | {_told(one)} |" for one in schema.inputs]
    outputs = ["| output | type | what it is |", "|---|---|---|"]
    outputs += [
        f"| {one.display_name} | {_wire(one)} | {_breakable(one.tooltip)} |"
        for one in schema.outputs
    ]
    parts += [more] if more else []
    parts += ["## Inputs", "\n".join(inputs), "## Outputs", "\n".join(outputs)]
    return "\n\n".join(parts) + "\n"


def _default(one: Any) -> str:
    """Return an input's default value; of a wire, whether it may be left out."""
    value = one.options.get("default")
    if value is None:
        return "optional" if one.optional else "needed"
    if isinstance(value, bool):
        return "on" if value else "off"
    return "empty" if value == "" else _code(str(value))


def _told(one: Any) -> str:
    """Return what an input is, a wire's type before it."""
    wire = one.options.get("default") is None
    return f"{_wire(one)}. {_breakable(one.tooltip)}" if wire else _breakable(one.tooltip)


def _wire(one: Any) -> str:
    return _breakable(one.kind.replace(",", " or "))


def _code(text: str) -> str:
    return f"<code>{_breakable(text)}</code>"


def _breakable(text: str) -> str:
    """Let long names break after an underscore, as the narrow panel needs it."""
    return re.sub(r"(?<=[A-Za-z0-9]_)(?=[A-Za-z0-9])", "<wbr>", text)


if __name__ == "__main__":
    main(sys.argv[1:])
