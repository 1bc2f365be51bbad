"""`pdgrad evaluate`: restore folders of faces by any recipes, and measure what came out."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..outputs import Output, check_outputs
from .command_parser import CommandParser
from .parameter_options import add_parameter, values_of
from .streams import say

if TYPE_CHECKING:
    from ..evidence.evaluation.evaluate import Evaluation
    from ..evidence.evaluation.model_sets import ModelSets
    from ..parameters import Parameter

SHARED = (
    *("tau", "steps", "strength", "strength_mode", "stepper"),
    *("gradient_steps", "gradient_window"),
)
"""Parameters of every recipe that have an option here; any one may be given after a colon."""


def add_parser(subparsers: Any) -> None:
    """Enter `evaluate` into the command line."""
    parser: CommandParser = subparsers.add_parser(
        "evaluate",
        help="restore folders of faces by any recipes, and measure the results",
        description="Restore folders of aligned faces by any recipes, score the results by "
        "networks that guided nothing, and write tables with intervals, pictures and a plot. "
        "Called again, it goes on where it was interrupted. docs/evaluate.md says how folders are "
        "read.",
    )
    _add_pictures(parser)
    parser.complete_with(_add_method_options)
    parser.set_defaults(run=run)


def _add_pictures(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("pictures: aligned faces, resized to the models' size")
    group.add_argument("--truth", type=Path, metavar="DIR", help="good faces, if there are any")
    group.add_argument("--degraded", type=Path, metavar="DIR", help="bad faces of the same names")
    group.add_argument(
        "--degrade", metavar="PRESET", help="or make them of --truth, as degrade does"
    )
    group.add_argument(
        "--references", type=Path, metavar="DIR",
        help="references: NAME.png or NAME/ of a face, or PERSON/ or PERSON_1.png of its person",
    )  # fmt: skip
    group.add_argument("--most-references", type=int, metavar="N", help="of a face, at most")
    group.add_argument("--limit", type=int, metavar="N", help="only so many faces")
    group.add_argument("--seed", type=int, default=0, help="of degradations, noise, blind sheets")


def _add_method_options(parser: argparse.ArgumentParser) -> None:
    from ..evidence.evaluation.evaluate import SHEETS
    from ..metrics import METRICS
    from ..restorers import RESTORERS

    group = parser.add_argument_group("methods")
    group.add_argument(
        "--recipes", nargs="+", default=["pdgrad"], metavar="RECIPE",
        help='a recipe, or one with numbers of its own: "pdgrad:tau=350,strength=0.1"',
    )  # fmt: skip
    for parameter in _shared_parameters():
        add_parameter(group, parameter)
    group.add_argument(
        "--restorer", metavar="NAME",
        help=f"coarse restorer of all (default: each recipe's own; {', '.join(RESTORERS)})",
    )  # fmt: skip
    group.add_argument(
        "--models", metavar="DIR|NAME",
        help='folder of weight files, of networks trained by scripts/train.py, or "demo"',
    )  # fmt: skip
    group.add_argument("--precision", default="exact", metavar="NAME", help="as restore has it")
    group.add_argument("--device", default="auto", help='"auto", "cpu", "cuda", "mps", ...')
    group.add_argument("--batch", type=int, default=8, metavar="N", help="faces at a time")
    group.add_argument("--threads", type=int, help="CPU threads (default: all)")
    group = parser.add_argument_group("measuring")
    group.add_argument(
        "--metrics", nargs="+", default=[], metavar="NAME",
        help=f"only these (default: all that can be had; {', '.join(METRICS)})",
    )  # fmt: skip
    group.add_argument(
        "--baseline", default="", metavar="NAME", help="what others are compared with"
    )
    group.add_argument(
        "--guides-may-score", action="store_true",
        help="score by networks that guided, where there are no others; such scores flatter",
    )  # fmt: skip
    group = parser.add_argument_group("results")
    group.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    group.add_argument(
        "--sheet", default="plain", metavar="KIND",
        help=f"pictures with names, blind ones with a key, or none ({', '.join(SHEETS)})",
    )  # fmt: skip
    group.add_argument("--sheet-faces", type=int, default=8, metavar="N", help="faces shown")


def _shared_parameters() -> "list[Parameter]":
    from ..recipes import recipe

    return [one for one in recipe("pdgrad").parameters() if one.name in SHARED]


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    from ..evidence.evaluation.model_sets import ModelSets

    for path in evaluation_of(args, ModelSets).run():
        say(str(path))
    return 0


def evaluation_of(args: argparse.Namespace, models: "type[ModelSets]") -> "Evaluation":
    """Return what the options ask for.

    Args:
        args: The command's.
        models: Loads networks; a laboratory has its own.

    Raises:
        PDGradError: An option, or the folder to be written, does not fit.
    """
    check_outputs([Output("--out", args.out, _is_written)], [])
    import torch

    from ..devices import parse_device
    from ..evidence.evaluation.evaluate import Evaluation
    from ..evidence.evaluation.methods import parse_methods
    from ..evidence.evaluation.pictures import Degrading

    methods = parse_methods(args.recipes, values_of(args, _shared_parameters()))
    features = dict.fromkeys(
        name for one in methods if one.recipe is not None for name in one.recipe.all_networks
    )
    device = parse_device(args.device)
    if args.threads is not None:
        torch.set_num_threads(max(1, args.threads))
    return Evaluation(
        methods=methods,
        models=models(args.models, args.restorer, tuple(features), device, args.precision),
        out=args.out,
        truth=args.truth,
        degraded=args.degraded,
        references=args.references,
        degrading=Degrading(args.degrade or "", args.seed),
        most_references=args.most_references,
        metrics=tuple(args.metrics),
        baseline=args.baseline,
        batch=args.batch,
        limit=args.limit,
        guides_may_score=args.guides_may_score,
        sheet=args.sheet,
        sheet_faces=args.sheet_faces,
    )


def _is_written(name: str) -> bool:
    """Return whether an evaluation may write a file of this name."""
    return name in ("scores.csv", "differences.csv", "scores.png", "sheet.png", "evaluation.md")
