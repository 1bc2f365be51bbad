"""`pdgrad restore`: the main job, from photos to restored photos."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .hints import add_hint_options, load_color_style, load_masks, parse_weights
from .model_options import (
    add_model_options,
    add_precision_options,
    add_schedule_options,
    step_progress,
)
from .restore_report import photo_report, timing, write_report

if TYPE_CHECKING:
    import torch

    from ..models.sets import ModelSet
    from ..photos import FaceFinder
    from ..pipeline import Settings
    from ..recipe_base import Hints, Recipe
    from .stages import StageWriter


def add_parser(subparsers: Any) -> None:
    """Enter `restore` into the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
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
    _add_method_options(parser)
    _add_face_options(parser)
    add_hint_options(parser)
    add_schedule_options(parser)
    add_model_options(parser)
    add_precision_options(parser)
    output = parser.add_argument_group("reports")
    output.add_argument(
        "--save-stages", type=Path, metavar="DIR",
        help="also write the aligned faces, coarse images, x0hat through time and the trace plot",
    )  # fmt: skip
    output.add_argument("--report", type=Path, metavar="FILE", help="write a JSON report here")
    parser.set_defaults(run=run)


def _add_method_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("method")
    group.add_argument(
        "--recipe",
        default="pdgrad",
        help="pdgrad, a1..a6, none, pgdiff-..., difbfsr or difbfsr+pdgrad",
    )
    group.add_argument("--strength", type=float, metavar="S", help="how strongly guidance pulls")
    group.add_argument("--strength-mode", metavar="MODE", help="constant or dynamic")
    group.add_argument("--combiner", metavar="NAME", help="a gradient-surgery method")
    group.add_argument(
        "--references", default="mean", metavar="HOW",
        help="several references: mean of their losses, or the nearest in identity",
    )  # fmt: skip
    group.add_argument("--restorer", metavar="NAME", help="coarse restorer, codeformer by default")
    group.add_argument("--fidelity", type=float, metavar="W", help="CodeFormer's w, 0..1")


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
    from ..pipeline import plan_sampler
    from ..recipe_base import Hints, check_hints
    from ..weights.folders import search_folders

    device = parse_device(args.device)
    dtype = None if args.dtype is None else parse_dtype(args.dtype)
    settings, row = _settings(args).resolved()
    _check(args, needs_reference=row.needs_reference)
    photos = [load_image(path) for path in args.photos]
    reference_photos = [load_image(path) for path in args.reference]
    masks, style = load_masks(args.mask, photos), load_color_style(args.color_style)
    check_hints(row, Hints(masks[0], style))
    models = load_model_set(
        args.models,
        restorer=args.restorer or _restorer_of(row, args.models),
        fidelity=args.fidelity,
        features=_networks(args, row),
        device=device,
        dtype=dtype,
        precision=args.precision,
        compiled=args.compile,
    )
    plan_sampler(settings, models.prior)
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


def _settings(args: argparse.Namespace) -> "Settings":
    from ..pipeline import Settings

    names = (
        *("recipe", "tau", "steps", "respacing", "strength", "strength_mode", "combiner"),
        *("references", "stepper", "eta", "scale", "fit", "seed"),
    )
    given = {name: getattr(args, name) for name in names}
    return Settings(**given, weights=parse_weights(args.weight))


def _restorer_of(row: "Recipe", models: str | None) -> str | None:
    """Return the recipe's restorer; a set of models that has its own keeps it."""
    from ..models.sets import DEMO

    return None if models == DEMO and row.restorer != "none" else row.restorer


def _networks(args: argparse.Namespace, row: "Recipe") -> tuple[str, ...]:
    """Return the feature networks to load; choosing the nearest reference takes ArcFace."""
    more = ("arcface",) if args.references == "nearest" else ()
    return tuple(dict.fromkeys((*row.networks, *more)))


def _check(args: argparse.Namespace, needs_reference: bool) -> None:
    """Refuse what cannot work before anything is loaded."""
    from ..errors import InvalidInputError
    from ..images import check_image_name

    if needs_reference and not args.reference:
        other = "pgdiff-restoration" if args.recipe.startswith("pgdiff") else "a5"
        raise InvalidInputError(
            f"The recipe {args.recipe!r} is guided by a photo of the same person; give it with "
            f"--reference, or use --recipe {other}, which needs none."
        )
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
    save_image(put_back(photo, faces, found.image.cpu(), finder.folders, finder.device), out)
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
