"""`pdgrad restore`: the main job, from photos to restored photos."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .command_parser import CommandParser
from .hints import add_hint_options, load_color_style, load_masks
from .model_options import add_model_options, add_precision_options, step_progress
from .paste_options import add_paste_options, paste_settings_of
from .recipe_options import add_recipe_options, settings_of
from .restore_report import photo_report, timing, write_report

if TYPE_CHECKING:
    import torch

    from ..models.sets import ModelSet
    from ..photos import FaceFinder
    from ..recipes import Hints, Recipe
    from ..settings import Settings
    from .stages import StageWriter


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
        help="picture to write; a folder where there are several photos",
    )  # fmt: skip
    _add_face_options(parser)
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
        "--prior", metavar="NAME", help=f"kind of the diffusion prior ({', '.join(PRIORS)})"
    )


def _add_face_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("faces")
    group.add_argument(
        "--face", default="largest", metavar="WHICH",
        help="largest, all, left-to-right, or numbers from the left starting at 0",
    )  # fmt: skip
    group.add_argument("--aligned", action="store_true", help="all photos are aligned crops")
    group.add_argument(
        "--landmarks", action="append", metavar="TEXT",
        help='"x,y x,y x,y x,y x,y" of the face (eyes, nose, mouth corners); once per PHOTO',
    )  # fmt: skip
    group.add_argument(
        "--reference-landmarks", action="append", metavar="TEXT", help="the same, once per REF"
    )


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    from ..devices import parse_device, parse_dtype
    from ..images import load_image
    from ..models.sets import DEMO, load_model_set
    from ..photos import FaceFinder
    from ..recipes import Hints
    from ..weights.folders import search_folders

    device = parse_device(args.device)
    dtype = None if args.dtype is None else parse_dtype(args.dtype)
    settings = settings_of(args)
    row = settings.resolved()
    _check(args, row)
    paste_settings_of(args, row)  # refuses wrong numbers before any work
    photos = [load_image(path) for path in args.photos]
    reference_photos = [load_image(path) for path in args.reference]
    masks, style = load_masks(args.mask, photos), load_color_style(args.color_style)
    models = load_model_set(
        args.models,
        restorer=args.restorer or row.restorer_with(args.models == DEMO),
        prior=args.prior,
        fidelity=args.fidelity,
        features=row.all_networks,
        device=device,
        dtype=dtype,
        precision=args.precision,
        compiled=args.compile,
    )
    row.sampler(models.prior)  # refuses wrong numbers before any work
    folders = search_folders(None if args.models == DEMO else args.models)
    finder = FaceFinder(
        models.prior.image_size, args.aligned, args.face, folders=folders, device=device
    )
    references = _cut_references(args, finder, reference_photos)
    reports: list[dict[str, Any]] = []
    for number, photo in enumerate(photos):
        hints = Hints(masks[number], style)
        reports.append(
            _restore_one(args, number, photo, references, models, settings, finder, hints)
        )
    write_report(args, reports, models, device)
    return 0


def _check(args: argparse.Namespace, row: "Recipe") -> None:
    """Refuse what cannot work before anything is loaded."""
    from ..errors import InvalidInputError
    from ..images import check_image_name
    from ..recipes import check_needs

    given = {"mask": bool(args.mask), "style": args.color_style is not None}
    check_needs(row, references=len(args.reference), **given)
    for option, texts, paths in (
        ("--landmarks", args.landmarks, args.photos),
        ("--reference-landmarks", args.reference_landmarks, args.reference),
    ):
        if texts is not None and len(texts) != len(paths):
            raise InvalidInputError(
                f"{option} is given {len(texts)} times for {len(paths)} photos; "
                "give it once for each."
            )
    if len(args.photos) == 1:
        check_image_name(args.out)
        return
    if args.out.suffix:
        raise InvalidInputError(
            f"For {len(args.photos)} photos --out must be a folder, not {args.out}."
        )
    stems = [path.stem for path in args.photos]
    if len(set(stems)) < len(stems):
        raise InvalidInputError("Two photos have the same name; their results would collide.")


def _cut_references(
    args: argparse.Namespace, finder: "FaceFinder", photos: "list[torch.Tensor]"
) -> "list[torch.Tensor]":
    largest = replace(finder, which="largest")
    texts: list[str | None] = args.reference_landmarks or [None] * len(photos)
    return [largest(photo, text)[0].crop for photo, text in zip(photos, texts, strict=True)]


def _restore_one(
    args: argparse.Namespace,
    number: int,
    photo: "torch.Tensor",
    references: "list[torch.Tensor]",
    models: "ModelSet",
    settings: "Settings",
    finder: "FaceFinder",
    hints: "Hints",
) -> dict[str, Any]:
    """Restore the chosen faces of one photo, write the results, and return its report."""
    import torch

    from ..images import save_image
    from ..photos import cut_masks, put_back
    from ..pipeline import restore_faces

    path: Path = args.photos[number]
    out = args.out if len(args.photos) == 1 else args.out / f"{path.stem}.png"
    faces = finder(photo, args.landmarks[number] if args.landmarks else None)
    crops = torch.cat([face.crop for face in faces])
    if hints.mask is not None:
        hints = replace(hints, mask=cut_masks(hints.mask, faces))
    stages = _open_stages(args, path, crops, references)
    with step_progress(path.name) as show:

        def on_step(state: Any) -> None:
            show(state)
            if stages:
                stages.on_step(state)

        found = restore_faces(crops, references, models, settings, hints=hints, on_step=on_step)
    pasting = paste_settings_of(args, settings.resolved())
    results = found.image.cpu()
    save_image(put_back(photo, faces, results, finder.folders, finder.device, pasting), out)
    if stages:
        stages.images("coarse", found.coarse)
        stages.images("result", found.image)
        stages.trace(found.trace, len(faces))
    if not args.json:
        print(f"{out}: {len(faces)} face(s), {timing(found.seconds, len(found.trace))}")
    return photo_report(path, out, len(faces), found)


def _open_stages(
    args: argparse.Namespace,
    path: Path,
    crops: "torch.Tensor",
    references: "list[torch.Tensor]",
) -> "StageWriter | None":
    """Return the writer of a photo's stages, its inputs written, if stages are to be saved."""
    from .stages import StageWriter

    if not args.save_stages:
        return None
    folder = args.save_stages if len(args.photos) == 1 else args.save_stages / path.stem
    stages = StageWriter(folder)
    stages.images("aligned", crops)
    for index, reference in enumerate(references):
        stages.images(f"reference{index}", reference)
    return stages
