"""One module per subcommand of `pdgrad`; heavy modules are imported inside `run`."""

from types import ModuleType

from . import ablate, degrade, restore, sample, weights

COMMANDS: tuple[ModuleType, ...] = (restore, sample, degrade, ablate, weights)
"""The subcommands, in the order in which `pdgrad --help` lists them."""
