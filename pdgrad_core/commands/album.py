"""`pdgrad album`: a whole folder of photos, every face restored by its own person's photos."""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .album_executor import add_executor_options, check_executor, executor_of
from .command_parser import CommandParser
from .face_search import add_detection_option
from .model_options import (
    add_model_options,
    add_precision_options,
    step_progress,
    write_json,
)
from .paste_options import add_paste_options, paste_settings_of
from .recipe_options import add_recipe_options, settings_of
from .streams import announce, say

if TYPE_CHECKING:
    from ..albums import AlbumChoices, AlbumResult
    from ..albums.progress import Progress
    from ..settings import Settings


def add_parser(subparsers: Any) -> None:
    """Enter `album` into the command line."""
    parser: CommandParser = subparsers.add_parser(
        "album",
        help="restore a whole folder of photos, every face by its own person's photos",
        description="Restore every face of a folder of photos, each guided by photos of the person "
        "whom it shows. Interrupted at any moment, it continues; called again, it does what is new "
        "or changed. docs/albums.md explains it.",
    )
    parser.add_argument("scans", type=Path, metavar="PHOTOS", help="folder, looked through whole")
    parser.add_argument(
        "--people", type=Path, metavar="DIR",
        help="a folder per person with good photos of that person alone (DIR/anna/1.jpg), or one "
        "picture named for them (DIR/bert.png)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--dry-run", action="store_true",
        help="only look: write who is who (people.txt, to correct, and people-1.png)",
    )  # fmt: skip
    _add_face_options(parser)
    add_executor_options(parser)
    add_model_options(parser)
    add_precision_options(parser)
    parser.complete_with(_add_method_options)
    parser.set_defaults(run=run)


def _add_face_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("faces")
    group.add_argument(
        "--unknown", default="restore", metavar="WHAT",
        help="faces of nobody known: restore them without a reference, or leave them alone "
        "(restore, leave; default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--false-accept", type=float, default=0.05, metavar="P",
        help="chance that a stranger is taken for somebody known (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--boxes", type=Path, metavar="FILE",
        help='faces that are missed, a line each: "PHOTO: X Y WIDTH HEIGHT" or "PHOTO: x,y x,y x,y '
        'x,y x,y" (eyes, nose, mouth corners)',
    )  # fmt: skip
    group.add_argument(
        "--smallest-face", type=int, default=24, metavar="PX",
        help="leave faces alone whose box is smaller (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--no-tiles", action="store_true",
        help="do not look at the parts of large photos, for small faces",
    )  # fmt: skip
    group.add_argument(
        "--no-turns", action="store_true",
        help="do not look for faces of photos that lie on their sides",
    )  # fmt: skip
    add_detection_option(group)
    group.add_argument(
        "--faces-at-once", type=int, metavar="N",
        help="faces restored together (default: as many as the device's memory takes)",
    )  # fmt: skip


def _add_method_options(parser: argparse.ArgumentParser) -> None:
    add_recipe_options(parser)
    add_paste_options(parser)
    group = parser.add_argument_group("networks")
    group.add_argument("--restorer", metavar="NAME", help="coarse restorer")
    group.add_argument("--fidelity", type=float, metavar="W", help="CodeFormer's w, 0..1")
    group.add_argument("--prior", metavar="NAME", help="kind of the diffusion prior")


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status: 1 where a photo failed."""
    from ..albums import AlbumJob
    from ..albums.scans import check_folders, photos_of
    from ..files import check_folder
    from ..recipes import check_needs

    settings, choices = settings_of(args), _choices(args)
    row = settings.resolved()
    pasting = paste_settings_of(args, row)
    # All that can be refused is, before networks are loaded.
    check_executor(args, row)
    check_needs(row, references=1, mask=False, style=False)
    check_folders(args.scans, args.people, args.out)
    photos_of(args.scans)
    check_folder(args.out)
    if args.people is not None:
        from ..albums.people_folder import person_files

        person_files(args.people)
    with step_progress("faces") as show, executor_of(args, settings, choices, pasting, show) as own:
        job = AlbumJob(
            scans=args.scans,
            out=args.out,
            people=args.people,
            models=None,
            settings=settings,
            choices=choices,
            pasting=pasting,
            boxes=args.boxes,
            tell=partial(_tell, args),
            executor=own,
        )
        album = job.open()
        try:
            found = album.run(args.dry_run)
        finally:
            album.work.close()
    return _finish(args, found, settings)


def _choices(args: argparse.Namespace) -> "AlbumChoices":
    from ..albums import AlbumChoices

    return AlbumChoices(
        unknown=args.unknown,
        false_accept=args.false_accept,
        smallest_px=args.smallest_face,
        threshold=args.detection_threshold,
        tiles=not args.no_tiles,
        turns=not args.no_turns,
    )


def _tell(args: argparse.Namespace, progress: "Progress") -> None:
    if progress.record.state == "failed":
        announce(f"pdgrad: {progress.record.path}: {progress.record.error}")
    elif not args.json:
        say(str(progress))


def _finish(args: argparse.Namespace, found: "AlbumResult", settings: "Settings") -> int:
    if args.json:
        write_json(_report(found, settings))
    else:
        for path in found.files:
            say(str(path))
        done = sum(record.state == "done" for record in found.records)
        if args.dry_run:
            say(f"{found.to_do} of {len(found.records)} photos would be restored.")
        else:
            say(f"{done} of {len(found.records)} photos are done, {found.restored} of them now.")
    if found.failed:
        names = ", ".join(record.path for record in found.failed[:10])
        more = "" if len(found.failed) <= 10 else f" and {len(found.failed) - 10} more"
        photos = "photo" if len(found.failed) == 1 else "photos"
        announce(f"pdgrad: {len(found.failed)} {photos} failed: {names}{more}.")
    return 1 if found.failed else 0


def _report(found: "AlbumResult", settings: "Settings") -> dict[str, Any]:
    row = settings.resolved()
    return {
        "recipe": row.name,
        "settings": row.values(),
        "seed": settings.seed,
        "restored": found.restored,
        "kept": found.kept,
        "to_do": found.to_do,
        "files": [str(path) for path in found.files],
        "photos": [
            {
                "photo": record.path,
                "state": record.state,
                "seconds": record.seconds,
                "error": record.error,
                "faces": record.look,
            }
            for record in found.records
        ],
    }
