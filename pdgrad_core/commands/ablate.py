"""`pdgrad ablate`: measure the methods against ground truth, and write tables and plots."""

import argparse
from pathlib import Path
from typing import Any

from ..outputs import Output, check_outputs
from .command_parser import CommandParser
from .streams import say

DEFAULT_STUDY = "pdgrad"


def add_parser(subparsers: Any) -> None:
    """Enter `ablate` into the command line."""
    parser: CommandParser = subparsers.add_parser(
        "ablate",
        help="measure the methods and their ablations on faces whose truth is known",
        description="Run a whole study on held-out faces: tune every method, restore, score with "
        "networks that never guided, and write tables with intervals and plots into a folder. "
        "A study that was interrupted continues with --resume.",
    )
    parser.complete_with(_add_options)
    parser.set_defaults(run=run)


def _add_options(parser: argparse.ArgumentParser) -> None:
    from ..evidence.studies import STUDIES

    names = sorted(STUDIES, key=lambda name: name != DEFAULT_STUDY)
    parser.add_argument("--study", choices=names, default=DEFAULT_STUDY, help="which study")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, metavar="DIR", help="folder to write")
    where.add_argument(
        "--faces", type=Path, metavar="DIR",
        help="run nothing; write the faces of the test as folders for pdgrad evaluate",
    )  # fmt: skip
    parser.add_argument("--n", type=int, help="people of the test (default: the study's own)")
    parser.add_argument("--resume", action="store_true", help="continue what --out holds")
    parser.add_argument(
        "--models", type=Path, metavar="DIR",
        help="folder of networks trained by scripts/train.py (default: the embedded ones)",
    )  # fmt: skip
    parser.add_argument(
        "--images", type=Path, metavar="FILE.npz",
        help="labelled faces instead of drawn ones; those of its split 1 are used",
    )  # fmt: skip
    parser.add_argument("--tuning", type=int, help="people for choosing settings, others than --n")
    parser.add_argument("--pairs", type=int, default=1, help="pairs of photos per person, at most")
    parser.add_argument("--steps", type=int, help="steps of the shorter schedule tried")
    parser.add_argument("--methods", nargs="+", default=[], metavar="NAME", help="only these")
    parser.add_argument("--batch", type=int, default=25, help="images at a time")
    parser.add_argument("--device", default="auto", help='"auto", "cpu", "cuda", "mps", ...')
    parser.add_argument("--threads", type=int, help="CPU threads (default: all)")


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    flag, folder = ("--faces", args.faces) if args.faces else ("--out", args.out)
    check_outputs([Output(flag, folder, _is_written)], [args.images])
    import torch

    from ..evidence.conduct import run_study, write_study_faces
    from ..evidence.options import StudyOptions
    from ..evidence.studies import STUDIES

    options = StudyOptions(
        out=folder,
        n=args.n,
        resume=args.resume,
        models=args.models,
        images=args.images,
        batch=args.batch,
        device=args.device,
        tuning=args.tuning,
        pairs=args.pairs,
        steps=args.steps,
        methods=tuple(args.methods),
    )
    if args.threads is not None:
        torch.set_num_threads(max(1, args.threads))
    make = write_study_faces if args.faces else run_study
    for path in make(STUDIES[args.study], options):
        say(str(path))
    return 0


def _is_written(name: str) -> bool:
    """Return whether a study may write a file of this name."""
    return name.endswith((".csv", ".png", ".md", ".json"))
