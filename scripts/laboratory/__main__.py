"""The laboratory of photos: networks that packages carry, and the study on them.

    python scripts/laboratory prepare --packages DIR --trained DIR --photos FILE --networks DIR
    python scripts/laboratory faces --photos FILE --out DIR
    python scripts/laboratory evaluate --models DIR --truth DIR ...     as `pdgrad evaluate`
    python scripts/laboratory photos --faces DIR --models DIR --out DIR --tables docs/evidence
    python scripts/laboratory matching --photos FILE --networks DIR --tables docs/evidence

Networks, photos and pictures made of them are for measuring and stay outside the project.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from laboratory_models import LaboratoryModels, prepare
from matching import RECOGNISERS, measure, recognizer_of
from people import Archive, training_faces, write_people
from photo_study import CONTROLS, ORDINARY, PARTS, STEPS, Photos

from pdgrad_core.commands.command_parser import CommandParser
from pdgrad_core.commands.evaluate import add_parser, evaluation_of
from pdgrad_core.commands.streams import say
from pdgrad_core.errors import PDGradError
from pdgrad_core.evidence.report.tables import write_csv

MEAN_OF = 600
"""Training people whose mean embedding is the guide's origin."""

PACKAGES = ("face-api", "human-models", "stlpips", "face-recognition-models")


def main() -> int:
    """Read the arguments and run what they ask for."""
    parser = CommandParser(prog="laboratory", description=str(__doc__).splitlines()[0])
    commands = parser.add_subparsers(required=True, parser_class=CommandParser)
    _add_prepare(commands)
    _add_faces(commands)
    _add_photos(commands)
    _add_matching(commands)
    add_parser(commands)
    args = parser.parse_args()
    try:
        return args.run(args) if hasattr(args, "plain") else _evaluate(args)
    except PDGradError as error:
        print(error, file=sys.stderr)
        return 2


def _add_prepare(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]
    parser = commands.add_parser("prepare", help="write the networks' folder")
    parser.add_argument(
        "--packages", type=Path, required=True,
        help=f"folder with the unpacked {', '.join(PACKAGES)}",
    )  # fmt: skip
    parser.add_argument("--trained", type=Path, required=True, help="prior and coarse restorer")
    parser.add_argument("--photos", type=Path, required=True, help="the archive")
    parser.add_argument("--networks", type=Path, required=True, help="folder to write")
    parser.set_defaults(run=_prepare, plain=True)


def _prepare(args: argparse.Namespace) -> int:
    unpacked = {name: args.packages / name for name in PACKAGES}
    prepare(args.networks, unpacked, args.trained, training_faces(Archive(args.photos), MEAN_OF))
    say(str(args.networks))
    return 0


def _add_faces(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]
    parser = commands.add_parser("faces", help="write folders of tuning and test people")
    parser.add_argument("--photos", type=Path, required=True, help="the archive")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--per-person", type=int, default=1, help="faces of each, at most")
    parser.set_defaults(run=_faces, plain=True)


def _faces(args: argparse.Namespace) -> int:
    for name in ("tuning", "test"):
        count = write_people(
            Archive(args.photos), args.out / name, name == "tuning", args.per_person
        )
        say(f"{args.out / name}: {count} faces")
    return 0


def _add_photos(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]
    parser = commands.add_parser("photos", help="make the study's tables")
    parser.add_argument("--faces", type=Path, required=True, help="test people, from faces")
    parser.add_argument("--models", type=Path, required=True, help="networks, from prepare")
    parser.add_argument("--out", type=Path, required=True, help="folder of everything made")
    parser.add_argument("--tables", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=ORDINARY, metavar="PART")
    parser.add_argument("--limit", type=int, help="faces of each part, at most")
    parser.add_argument("--controls", type=int, help=f"faces of {' and '.join(CONTROLS)}, at most")
    parser.add_argument("--batch", type=int, default=8, help="faces at a time")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of every method, {STEPS}")
    parser.set_defaults(run=_photos, plain=True)


def _photos(args: argparse.Namespace) -> int:
    study = Photos(
        faces=args.faces,
        models=args.models,
        out=args.out,
        tables=args.tables,
        limit=args.limit,
        controls=args.controls,
        batch=args.batch,
        steps=args.steps,
    )
    for part in args.parts:
        study.run(part)
    return 0


def _add_matching(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]
    parser = commands.add_parser("matching", help="who is who on collages of photos")
    parser.add_argument("--photos", type=Path, required=True, help="the archive")
    parser.add_argument("--networks", type=Path, required=True, help="networks, from prepare")
    parser.add_argument("--tables", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--recognisers", nargs="+", choices=RECOGNISERS, default=["dlib"])
    parser.add_argument("--rounds", type=int, default=2, help="collages of everybody")
    parser.add_argument("--people", type=int, default=400, help="compared for the error rates")
    parser.set_defaults(run=_matching, plain=True)


def _matching(args: argparse.Namespace) -> int:
    archive = Archive(args.photos)
    others = training_faces(archive, MEAN_OF)
    tables: dict[str, list[dict[str, Any]]] = {"matching_lfw": [], "matching_lfw_thresholds": []}
    for name in args.recognisers:
        recognizer = recognizer_of(name, args.networks, others)
        found = measure(archive, args.networks, recognizer, args.rounds, args.people)
        for rows, more in zip(tables.values(), found, strict=True):
            rows += [{"network": name, **row} for row in more]
    for name, rows in tables.items():
        write_csv(rows, args.tables / f"{name}.csv")
        say(str(args.tables / f"{name}.csv"))
    return 0


def _evaluate(args: argparse.Namespace) -> int:
    for path in evaluation_of(args, LaboratoryModels).run():
        say(str(path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
