"""One module per subcommand of `pdgrad`; heavy modules are imported inside `run`."""

from types import ModuleType

COMMANDS: tuple[ModuleType, ...] = ()
"""The subcommands, in the order in which `pdgrad --help` lists them."""
