"""Fetch weight files where this pack lies in ComfyUI and `pdgrad` is not installed.

    python custom_nodes/pdgrad/fetch_weights.py NAME...    what `pdgrad weights fetch NAME...` does
    python custom_nodes/pdgrad/fetch_weights.py            what a restoration lacks: `pdgrad doctor`

Run it with ComfyUI's own Python. Files go into ComfyUI's models folder, or where --models says.
"""

import importlib
import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path

PACK = "pdgrad_pack"


def main() -> int:
    """Hand the arguments to the pack's own command line."""
    folder = Path(__file__).absolute().parent
    # The pack is loaded by its path, as ComfyUI does, so that nothing has to be installed and no
    # other package can be taken for it.
    spec = ModuleSpec(PACK, None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    sys.modules[PACK] = module_from_spec(spec)
    cli = importlib.import_module(f"{PACK}.pdgrad_core.cli")
    arguments = sys.argv[1:]
    asks = arguments[:1] in ([], ["-h"], ["--help"])
    return cli.main(["doctor", *arguments] if asks else ["weights", "fetch", *arguments])


if __name__ == "__main__":
    if sys.argv[1:2] in (["-h"], ["--help"]):
        sys.stdout.write(__doc__ or "")
        sys.exit(0)
    sys.exit(main())
