"""One module per subcommand of `pdgrad`; heavy modules are imported inside `run`."""

from types import ModuleType

from . import (
    ablate,
    album,
    authenticity,
    benchmark,
    degrade,
    demo,
    doctor,
    evaluate,
    methods,
    restore,
    sample,
    weights,
)

COMMANDS: tuple[ModuleType, ...] = (
    *(demo, restore, album, sample, degrade, methods, evaluate, ablate, authenticity),
    *(benchmark, weights, doctor),
)
"""The subcommands, in the order in which `pdgrad --help` lists them."""
