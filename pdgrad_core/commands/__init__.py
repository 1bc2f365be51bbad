"""One module per subcommand of `pdgrad`; heavy modules are imported inside `run`."""

from types import ModuleType

from . import ablate, benchmark, degrade, demo, methods, restore, sample, weights

COMMANDS: tuple[ModuleType, ...] = (
    *(demo, restore, sample, degrade, methods, ablate, benchmark, weights),
)
"""The subcommands, in the order in which `pdgrad --help` lists them."""
