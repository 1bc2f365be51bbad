"""One module per subcommand of `pdgrad`; heavy modules are imported inside `run`."""

from types import ModuleType

from . import degrade, restore, sample, weights

COMMANDS: tuple[ModuleType, ...] = (restore, sample, degrade, weights)
"""The subcommands, in the order in which `pdgrad --help` lists them."""
