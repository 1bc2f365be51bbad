"""`pdgrad methods`: what there is to choose from, family by family, plugins included."""

import argparse
from typing import Any

from .command_parser import CommandParser
from .model_options import write_json


def add_parser(subparsers: Any) -> None:
    """Enter `methods` into the command line."""
    parser: CommandParser = subparsers.add_parser(
        "methods",
        help="list recipes, losses, surgeries, restorers, ... and where they come from",
        description="List the members of every family, one line each. A family's folder, here or "
        "in a plugin, has the family's name.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("families", nargs="*", metavar="FAMILY", help="only these")
    parser.add_argument("--json", action="store_true", help="write the list as JSON")
    parser.complete_with(_name_members)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    from ..families import FAMILIES, describe, family
    from ..registry import unknown_name

    for name in args.families:
        if name not in FAMILIES:
            raise unknown_name("family", name, list(FAMILIES))
    chosen = args.families or list(FAMILIES)
    found = {
        name: {key: describe(member) for key, member in family(name).members.items()}
        for name in chosen
    }
    if args.json:
        write_json(found)
        return 0
    for name, members in found.items():
        print(f"{name}:")
        for key, text in members.items():
            print(f"    {key:24} {text}")
    return 0


def _name_members(parser: argparse.ArgumentParser) -> None:
    from ..families import FAMILIES, family

    parser.epilog = "\n".join(f"{name}: {', '.join(family(name))}" for name in FAMILIES)
