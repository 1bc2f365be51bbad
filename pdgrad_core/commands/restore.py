"""`pdgrad restore`: the main job, from photos to restored photos."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .batch import Batch
from .command_parser import CommandParser
from .face_search import FaceSearch, add_detection_option, check_face_options
from .hints import add_hint_options, check_masks, load_color_style
from .model_options import (
    add_model_options,
    add_precision_options,
    check_everything_is_here,
)
from .paste_options import add_paste_options, paste_settings_of
from .recipe_options import add_recipe_options, settings_of
from .restore_frames import Frames, add_frame_options, check_frame_options
from .restore_outputs import RestoreOutputs
from .restore_report import write_report
from .restore_work import RestoreWork, open_photo

if TYPE_CHECKING:
    from ..recipes import Recipe


def add_parser(subparsers: Any) -> None:
    """Enter `restore` into the command line."""
    parser: CommandParser = subparsers.add_parser(
        "restore",
        help="restore the face in a photo, guided by another photo of the same person",
        description="Restore the face in each photo, guided by one or more reference photos of "
        "the same person.",
    )
    parser.add_argument("photos", type=Path, nargs="+", metavar="PHOTO", help="photo to restore")
    parser.add_argument(
        "--reference", type=Path, action="append", default=[], metavar="REF",
        help="a good photo of the same person; repeat for more",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, required=True, metavar="PATH",
        help="picture to write, or a folder; a folder where there are several photos",
    )  # fmt: skip
    _add_face_options(parser)
    add_frame_options(parser)
    add_hint_options(parser)
    add_model_options(parser)
    add_precision_options(parser)
    output = parser.add_argument_group("reports")
    output.add_argument(
        "--save-stages", type=Path, metavar="DIR",
        help="also write the aligned faces, coarse images, x0hat through time and the trace plot",
    )  # fmt: skip
    output.add_argument("--report", type=Path, metavar="FILE", help="write a JSON report here")
    parser.complete_with(_add_method_options)
    parser.set_defaults(run=run)


def _add_method_options(parser: argparse.ArgumentParser) -> None:
    from ..diffusion.priors import PRIORS
    from ..restorers import RESTORERS

    add_recipe_options(parser)
    add_paste_options(parser)
    group = parser.add_argument_group("networks")
    group.add_argument(
        "--restorer", metavar="NAME",
        help=f"coarse restorer, codeformer by default ({', '.join(RESTORERS)})",
    )  # fmt: skip
    group.add_argument("--fidelity", type=float, metavar="W", help="CodeFormer's w, 0..1")
    group.add_argument(
        "--prior", metavar="NAME",
        help=f"kind of the diffusion prior ({', '.join(PRIORS)}), the recipe's own by default",
    )  # fmt: skip
    parser.set_defaults(recipe=None)  # see `_default_recipe`


def _add_face_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("faces")
    group.add_argument(
        "--face", default="largest", metavar="WHICH",
        help="largest, all, left-to-right, or numbers from the left starting at 0",
    )  # fmt: skip
    group.add_argument("--aligned", action="store_true", help="all photos are aligned crops")
    group.add_argument(
        "--landmarks", action="append", metavar="TEXT",
        help='"x,y x,y x,y x,y x,y" of the face (eyes, nose, mouth corners), a line per face; once '
        "per PHOTO; for --frames once, with an empty line or 'frame 0:' between the frames",
    )  # fmt: skip
    group.add_argument(
        "--reference-landmarks", action="append", metavar="TEXT", help="the same, once per REF"
    )
    add_detection_option(group)


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    from ..devices import parse_device, parse_dtype
    from ..images import load_image
    from ..models.sets import DEMO, load_model_set
    from ..photos import FaceFinder
    from ..weights.folders import search_folders

    device = parse_device(args.device)
    dtype = None if args.dtype is None else parse_dtype(args.dtype)
    args.recipe = args.recipe or _default_recipe(args)
    settings = settings_of(args)
    row = settings.resolved()
    _check(args, row)
    paste_settings_of(args, row)  # refuses wrong numbers before any work
    outputs = RestoreOutputs.of(args)
    batch = Batch(args.photos, "photos were restored")
    if not args.frames:
        batch.any_usable(lambda number: open_photo(args, number))
    reference_photos = [load_image(path) for path in args.reference]
    style = load_color_style(args.color_style)
    if args.models != DEMO:
        check_everything_is_here(args, row)
    models = load_model_set(
        args.models,
        restorer=args.restorer or row.restorer_with(args.models == DEMO),
        prior=args.prior or row.prior_kind,
        fidelity=args.fidelity,
        features=row.all_networks,
        device=device,
        dtype=dtype,
        precision=args.precision,
        compiled=args.compile,
        replayed=args.replay,
    )
    row.sampler(models.prior)  # refuses wrong numbers before any work
    outputs.check_against(list(models.paths.values()))
    folders = search_folders(None if args.models == DEMO else args.models)
    finder = FaceFinder(
        models.prior.image_size, args.aligned, args.face, folders=folders, device=device,
        threshold=args.detection_threshold,
    )  # fmt: skip
    search = FaceSearch.of(args, finder)
    references = search.references(args.reference, reference_photos, args.reference_landmarks)
    work = RestoreWork(args, outputs, models, settings, search, references, style)
    reports = Frames(work).restore() if args.frames else batch.each(work.restore)
    write_report(args, reports, batch.report(), models, device)
    return batch.finish()


def _default_recipe(args: argparse.Namespace) -> str:
    """Return what is done where nobody chose: the default recipe, which takes a reference.

    A restorer that is asked for without a reference is wanted for its own face: the recipe of its
    name where it samples, and so is a whole method, else what it makes in one go.
    """
    from ..recipes import DEFAULT_RECIPE, RECIPES
    from ..restorers import RESTORERS

    named = args.restorer
    if args.reference or named not in RESTORERS or named == "none":
        return DEFAULT_RECIPE
    if RESTORERS[named].samples:
        return named if named in RECIPES else DEFAULT_RECIPE
    return "coarse"


def _check(args: argparse.Namespace, row: "Recipe") -> None:
    """Refuse what cannot work before anything is loaded."""
    from ..recipes import check_needs

    given = {"mask": bool(args.mask), "style": args.color_style is not None}
    check_needs(row, references=len(args.reference), **given)
    check_frame_options(args)
    check_face_options(args)
    if not args.frames:
        check_masks(args.mask, args.photos)
