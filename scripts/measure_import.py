"""Measure what the pack costs at the host's start.

    python scripts/measure_import.py
    python scripts/measure_import.py --before FOLDER

The host's modules (torch, numpy, Pillow and its own) are loaded once; then a fork for each
measurement imports the pack as the host does, up to its list of nodes. Processor time is measured,
so that other programs count little, and the packs take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import json
import os
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOST_MODULES = (
    *("utils.install_util", "execution", "server", "nodes"),
    *("comfy_api.latest", "comfy.sample"),
)
"""In this order: a package of the host's has a module `utils` too, which would hide its own."""


def main() -> None:
    """Read the arguments and print a line per pack."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, help="another checkout of the pack to compare with")
    parser.add_argument("--times", type=int, default=15, help="measurements (default: %(default)s)")
    args = parser.parse_args()
    load_host()
    sys.dont_write_bytecode = False
    packs = [ROOT] if args.before is None else [args.before.resolve(), ROOT]
    for pack in packs:
        measured(pack)  # writes the bytecode, which every later start finds
    found = [[measured(pack) for pack in packs] for _ in range(args.times)]
    for number, pack in enumerate(packs):
        seconds = [one[number]["seconds"] for one in found]
        last = found[-1][number]
        print(
            f"{pack.name}: {last['nodes']} nodes, {last['own']} modules of its own, "
            f"median {statistics.median(seconds):.3f} s, least {min(seconds):.3f} s of processor "
            f"time; others loaded: {', '.join(last['others']) or 'none'}"
        )


def load_host() -> None:
    """Import what the host has imported before it comes to the packs."""
    checkout = Path(os.environ.get("COMFYUI_PATH", "~/comfy/ComfyUI")).expanduser()
    if not (checkout / "main.py").is_file():
        sys.exit(f"There is no ComfyUI at {checkout}; set $COMFYUI_PATH to its checkout.")
    sys.path.insert(0, str(checkout))
    sys.argv = ["main.py", "--cpu"]
    importlib.import_module("comfy.options").enable_args_parsing()
    for name in HOST_MODULES:
        importlib.import_module(name)


def measured(pack: Path) -> dict[str, object]:
    """Return what importing a pack took in a fork of this process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        with os.fdopen(reading) as pipe:
            answer = pipe.read()
        os.waitpid(child, 0)
        if not answer:
            sys.exit(f"{pack} could not be imported.")
        return json.loads(answer)
    with os.fdopen(writing, "w") as pipe:
        json.dump(imported(pack), pipe)
    os._exit(0)


def imported(pack: Path) -> dict[str, object]:
    """Import a pack by its path, as the host does, and return the cost."""
    before = set(sys.modules)
    start = time.process_time()
    name = str(pack)
    spec = importlib.util.spec_from_file_location(
        name, pack / "__init__.py", submodule_search_locations=[name]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)

    async def node_list() -> list[type]:
        extension = await module.comfy_entrypoint()
        return await extension.get_node_list()

    nodes = asyncio.run(node_list())
    seconds = time.process_time() - start
    new = set(sys.modules) - before
    own = {one for one in new if one.startswith(name)}
    others = sorted({one.partition(".")[0] for one in new - own})
    return {"seconds": seconds, "nodes": len(nodes), "own": len(own), "others": others}


if __name__ == "__main__":
    main()
