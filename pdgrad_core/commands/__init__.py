"""One module per subcommand of `pdgrad`; heavy modules are imported inside `run`."""

from types import ModuleType

from . import weights

COMMANDS: tuple[ModuleType, ...] = (weights,)
"""The subcommands, in the order in which `pdgrad --help` lists them."""
