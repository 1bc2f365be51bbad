"""The `pdgrad` command: finds the subcommand, shows errors as one sentence, and never a traceback.

Each subcommand is a module of `commands` with `add_parser(subparsers)` and `run(args) -> int`.
"""

import argparse
import logging
import sys
from collections.abc import Sequence

from . import __version__
from .allocator import keep_freed_memory
from .commands import COMMANDS
from .commands.command_parser import CommandParser
from .commands.full_memory import full_memory
from .commands.stopping import heed_signals, stop_signal
from .commands.streams import announce, prepare_streams, settle_streams
from .errors import PDGradError


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with every subcommand."""
    parser = argparse.ArgumentParser(
        prog="pdgrad",
        description="Restore photos of faces, guided by another photo of the same person.",
        epilog="`pdgrad COMMAND --help` explains a command.",
    )
    parser.add_argument("--version", action="version", version=f"pdgrad {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what is being done")
    subparsers = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=CommandParser
    )
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    0: done; 1: an error, or a part could not be done; 2: wrong usage; 130: Ctrl-C; 143: the system
    asked the program to end.
    """
    if argv is not None:
        return _main(argv)
    # Called as a program, so the process is ours alone.
    prepare_streams()
    heed_signals()
    try:
        return _main(None)
    finally:
        settle_streams()


def _main(argv: Sequence[str] | None) -> int:
    verbose = False
    try:
        args = build_parser().parse_args(argv)
        verbose = bool(args.verbose)
        if argv is None:
            keep_freed_memory()
        logging.basicConfig(
            level=logging.INFO if verbose else logging.WARNING,
            format="%(levelname)s: %(message)s",
            stream=sys.stderr,
        )
        status = args.run(args)
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except PDGradError as error:
        announce(f"pdgrad: {error}")
        return 1
    except BrokenPipeError:
        # Whoever read the output has gone, as in `pdgrad ... | head`.
        settle_streams()
        return 1
    except OSError as error:  # a full disk, a folder that may not be written
        if verbose:
            raise
        announce(f"pdgrad: {error}")
        return 1
    except (Exception, KeyboardInterrupt) as error:
        signal = stop_signal(error)
        if signal is None:
            said = None if verbose else full_memory(error)
            if said is None:
                raise
            announce(f"pdgrad: {said}")
            return 1
        announce("pdgrad: stopped; no file was left half-written.")
        return 128 + signal
