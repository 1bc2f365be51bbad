"""A small latent model of drawn faces: trained in minutes, guided, measured.

    python scripts/latent_model scenes --out runs/scenes.npz
    python scripts/latent_model train autoencoder --scenes runs/scenes.npz --out runs/latent
    python scripts/latent_model train previewer --scenes runs/scenes.npz --out runs/latent
    python scripts/latent_model train flow --scenes runs/scenes.npz --out runs/latent
    python scripts/latent_model measure --models runs/latent --out runs/any_model_latent.csv

Its weights are for measuring and stay outside the project.
"""

import argparse
import logging
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from autoencoders import parts_of
from measure import measure
from objectives import Latents, load_autoencoder
from scenes import SIDE_PX, save_scenes

from pdgrad_core.commands.command_parser import CommandParser
from pdgrad_core.commands.stopping import heed_signals
from pdgrad_core.errors import PDGradError
from pdgrad_core.evidence.report.tables import write_csv
from pdgrad_core.outputs import Output, check_outputs
from pdgrad_core.training.config import preset
from pdgrad_core.training.dataset import open_faces
from pdgrad_core.training.export import export
from pdgrad_core.training.loop import Trainer, train

NETWORKS = ("autoencoder", "previewer", "flow")


def main() -> int:
    """Read the arguments and run what they ask for."""
    heed_signals()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    parser = CommandParser(prog="latent_model", description=str(__doc__).splitlines()[0])
    commands = parser.add_subparsers(required=True, parser_class=CommandParser)
    _add_scenes(commands)
    _add_train(commands)
    _add_measure(commands)
    args = parser.parse_args()
    try:
        args.run(args)
    except (PDGradError, OSError) as error:
        print(f"latent_model: {error}", file=sys.stderr)
        return 2
    return 0


def _add_scenes(commands: Any) -> None:
    parser = commands.add_parser("scenes", help="draw the training pictures")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.npz")
    parser.add_argument("--people", type=int, default=2500)
    parser.add_argument("--held-out", type=int, default=100)
    parser.add_argument("--views", type=int, default=4)
    parser.set_defaults(run=_scenes)


def _scenes(args: argparse.Namespace) -> None:
    check_outputs([Output("--out", args.out)], [])
    save_scenes(args.out, {"train": args.people, "validation": args.held_out}, args.views)


def _add_train(commands: Any) -> None:
    parser = commands.add_parser("train", help="train one network, or go on")
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--scenes", type=Path, required=True, metavar="FILE.npz")
    parser.add_argument("--out", type=Path, required=True, help="folder of all three networks")
    parser.add_argument("--total-images", type=int)
    parser.add_argument("--minutes", type=float, help="stop after so long, to be continued")
    parser.set_defaults(run=_train)


def _train(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    given = {"total_images": args.total_images} if args.total_images else {}
    config = preset(args.network, **given)
    faces, held_out = (
        open_faces(str(args.scenes), SIDE_PX, split) for split in ("train", "validation")
    )
    if args.network != "autoencoder":
        path = args.out / "autoencoder.safetensors"
        config = replace(config, options={"autoencoder": path})
        faces, held_out = (encoded(one, path) for one in (faces, held_out))
    trainer = Trainer(config, faces)
    train(trainer, held_out, args.out / args.network, args.minutes)
    words = ["python", "scripts/latent_model", "train", args.network, *_words(given)]
    export(
        trainer,
        args.out / f"{args.network}.safetensors",
        {"command": shlex.join(words), "data": args.scenes.name},
    )


def _words(given: dict[str, Any]) -> list[str]:
    return [word for name, value in given.items() for word in (f"--{name}", str(value))]


def encoded(faces: Any, path: Path) -> Latents:
    """Return all pictures' latents, those of the mirrored ones too."""
    autoencoder = load_autoencoder(path)

    def encode(pixels: torch.Tensor) -> torch.Tensor:
        images = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
        both = torch.cat([images, images.flip(-1)])
        return autoencoder.encode(both).half()

    return Latents(parts_of(faces.images, encode))


def _add_measure(commands: Any) -> None:
    parser = commands.add_parser("measure", help="guide it in several ways and write the table")
    parser.add_argument("--models", type=Path, required=True, help="folder of the networks")
    parser.add_argument("--people", type=int, default=16, help="one face each")
    parser.add_argument("--split", default="test", choices=("tuning", "test"))
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.csv")
    parser.add_argument("--picture", type=Path, metavar="FILE.png", help="the first people")
    parser.set_defaults(run=_measure)


def _measure(args: argparse.Namespace) -> None:
    check_outputs([Output("--out", args.out)], [])
    write_csv(measure(args.models, args.split, args.people, args.picture), args.out)


if __name__ == "__main__":
    sys.exit(main())
