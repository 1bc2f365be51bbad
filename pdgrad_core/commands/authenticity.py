"""`pdgrad authenticity`: will this restorer spoil a face that is already good?"""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..outputs import Output, check_outputs
from .command_parser import CommandParser
from .model_options import step_progress, write_json
from .streams import say

if TYPE_CHECKING:
    import torch

    from ..evidence.authenticity import Row, Score
    from ..restorers import Restorer


def add_parser(subparsers: Any) -> None:
    """Enter `authenticity` into the command line."""
    parser: CommandParser = subparsers.add_parser(
        "authenticity",
        help="test whether a restorer leaves good faces alone",
        description="Apply a restorer to clean faces and to degraded ones, several times, and "
        "print how far the results are from the truth and from each other (IDM, eq. 2 and 3). "
        "`psnr` in dB; `detail`: energy of fine detail over the truth's, 1 is as much.",
    )
    parser.add_argument("--restorer", default="demo", metavar="NAME",
                        help="which restorer (default: %(default)s)")  # fmt: skip
    parser.add_argument("--weights", type=Path, metavar="FILE", help="its weight file")
    parser.add_argument("--models", metavar="DIR|NAME",
                        help='folder of weight files to search first, or "demo" for the embedded '
                        "models")  # fmt: skip
    parser.add_argument("--images", default="drawn", metavar="SET",
                        help='"drawn", a folder of aligned faces, or an .npz of them')  # fmt: skip
    parser.add_argument("--size", type=int, default=64, metavar="PX", help="side of the faces")
    parser.add_argument("--count", type=int, default=32, metavar="N", help="how many faces")
    parser.add_argument("--times", type=int, default=5, metavar="N", help="applications")
    parser.add_argument("--preset", default="pdgrad", metavar="NAME", help="degradation")
    parser.add_argument("--seed", type=int, default=0, help="of the degradations")
    parser.add_argument("--device", default="auto", help='"auto", "cpu", "cuda", "mps", ...')
    parser.add_argument("--sheet", type=Path, metavar="PATH", help="write the faces as a picture")
    parser.add_argument("--json", action="store_true", help="write the figures as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    from ..degradations import degrade
    from ..devices import parse_device
    from ..diffusion.sampler import Watch
    from ..errors import InvalidInputError
    from ..evidence.authenticity import authenticity
    from ..evidence.authenticity_report import answer, sheet_rows, table
    from ..images import save_image
    from ..training.dataset import open_faces
    from ..training.sheet import tile

    outputs = [] if args.sheet is None else [Output("--sheet", args.sheet)]
    check_outputs(outputs, [Path(args.images), args.weights])
    if args.count < 1:
        raise InvalidInputError(f"--count must be 1 or more, not {args.count}.")
    device = parse_device(args.device)
    restorer = _restorer(args, device)
    clean = open_faces(args.images, args.size, "validation").first(args.count).images.to(device)
    seeds = range(args.seed, args.seed + len(clean))
    degraded, _ = degrade(clean, args.preset, list(seeds))
    scores = _scores(args, device)
    with step_progress("authenticity") as show:
        watch = Watch(show)
        found = authenticity(
            restorer, clean, degraded, times=args.times, scores=scores, watch=watch
        )
    if args.sheet is not None:
        save_image(tile(sheet_rows(found)), args.sheet)
    if args.json:
        figures = [_figures(row) for row in found.rows]
        write_json(
            {
                "restorer": args.restorer,
                "faces": len(clean),
                "answer": answer(found),
                "rows": figures,
            }
        )
    else:
        say(table(found.rows))
        say(answer(found))
    return 0


def _figures(row: "Row") -> dict[str, Any]:
    """Return a row for JSON, which has no infinity: the PSNR of equal pictures is null."""
    scores = {name: value if math.isfinite(value) else None for name, value in row.scores.items()}
    return {"start": row.start, "times": row.times, "against": row.against, **scores}


def _restorer(args: argparse.Namespace, device: "torch.device") -> "Restorer":
    from ..models.sets import DEMO, demo_paths
    from ..restorers import RESTORERS, load_restorer
    from ..weights.catalogue import weight_file
    from ..weights.folders import fetch_folder, locate, search_folders
    from ..weights.instructions import missing_files

    member, path = RESTORERS[args.restorer], args.weights
    if path is None and DEMO in (args.restorer, args.models):
        path = demo_paths(args.restorer, ()).get("restorer")
    elif path is None and member.weights:
        folders = search_folders(args.models, ())
        file = weight_file(member.weights)
        path = locate(file, folders)
        if path is None:
            raise missing_files([file], folders, lambda one: fetch_folder(args.models, one))
    return load_restorer(args.restorer, path, device)


def _scores(args: argparse.Namespace, device: "torch.device") -> "dict[str, Score]":
    """Return what is measured: of drawn faces also LPIPS and Deg, whose networks are embedded."""
    from ..embedded import SIZE_PX
    from ..evidence.authenticity import plain_scores
    from ..models.scorers import load_scorers
    from ..training.dataset import DRAWN

    scores = plain_scores()
    if args.images == DRAWN and args.size == SIZE_PX:
        apart = load_scorers(device)
        scores |= {name: apart.metric(name) for name in ("lpips", "deg")}
    return scores
