"""Train one of the small networks: `python scripts/train.py PRESET --images drawn --out DIR`.

`--images` is "drawn", a folder (one subfolder a person gives labels) or a labelled .npz; `render`
draws faces once into such an .npz, which is much faster than drawing them anew for every network.
`spoil` copies such an .npz with a known share of flawed targets. `enhance` applies a trained
restorer to a set's own targets; a network trained on the result begins with `--init`.
A run that was interrupted continues where its last snapshot was, exactly, by the same command.
"""

import argparse
import logging
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import torch

from pdgrad_core.checkpoints import load_checkpoint
from pdgrad_core.commands.stopping import heed_signals, stop_signal
from pdgrad_core.commands.streams import announce, prepare_streams
from pdgrad_core.errors import PDGradError
from pdgrad_core.outputs import Output, check_outputs
from pdgrad_core.restorers import RESTORERS, load_restorer
from pdgrad_core.training.config import PRESETS, preset
from pdgrad_core.training.dataset import open_faces, save_drawn
from pdgrad_core.training.enhance import enhance
from pdgrad_core.training.export import export
from pdgrad_core.training.flaws import FLAWED_SHARE, spoil
from pdgrad_core.training.loop import Trainer, is_run_file, train
from pdgrad_core.training.objectives import OBJECTIVES
from pdgrad_core.training.option_words import read_options
from pdgrad_core.training.precision import choose_device

SET_MAKERS = ("render", "spoil", "enhance")
"""What makes a training set, one file, instead of a run."""

CHANGEABLE = ("total_images", "cooldown_images", "batch_size", "learning_rate", "seed")
"""Fields of a preset that an option of the same name changes."""


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command line's values."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    presets = [*SET_MAKERS, *PRESETS]
    parser.add_argument("preset", choices=presets, metavar="PRESET", help=", ".join(presets))
    parser.add_argument("--images", default="drawn", help="drawn, a folder, or an .npz")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help=f"folder of the run; file of {', '.join(SET_MAKERS)}",
    )
    parser.add_argument("--export", type=Path, help="write the weights to this .safetensors")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ...")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 for all")
    parser.add_argument("--minutes", type=float, help="stop after so long, to be continued")
    parser.add_argument("--init", type=Path, help="begin with the weights of this .safetensors")
    parser.add_argument("--weights", type=Path, help="enhance: the restorer's weights")
    parser.add_argument("--restorer", default="idm", choices=RESTORERS.names(), metavar="NAME",
                        help="enhance: the restorer, idm unless given")  # fmt: skip
    parser.add_argument("--total-images", type=int, help="length of the run")
    parser.add_argument("--cooldown-images", type=int,
                        help="its last part, over which the rate falls to 0")  # fmt: skip
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE",
                        help="an option of the objective; may be repeated")  # fmt: skip
    parser.add_argument("--size", type=int, default=64, help="render, enhance: side in pixels")
    parser.add_argument("--people", type=int, default=6000, help="render: training persons")
    parser.add_argument("--held-out", type=int, default=300, help="render: validation persons")
    parser.add_argument("--first", type=int, help="enhance: only so many training pictures")
    parser.add_argument("--share", type=float, default=FLAWED_SHARE,
                        help="spoil: share of flawed targets, 0 to 1")  # fmt: skip
    parser.add_argument("--views", type=int, default=8, help="render: pictures of a person")
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> None:
    """Draw, or train and export."""
    check_places(args)
    if args.threads:
        torch.set_num_threads(args.threads)
    if args.preset == "render":
        people = {"train": args.people, "validation": args.held_out}
        save_drawn(args.out, args.size, people, args.views)
        return
    if args.preset == "spoil":
        flawed = spoil(Path(args.images), args.out, args.share, args.seed or 0)
        logging.getLogger(__name__).info("%d targets flawed", flawed)
        return
    if args.preset == "enhance":
        run_enhance(args)
        return
    given = {name: getattr(args, name) for name in CHANGEABLE}
    changes = {name: value for name, value in given.items() if value is not None}
    config = preset(args.preset, **changes)
    objective = OBJECTIVES[config.objective]
    options = read_options(args.option, objective.option_defaults)
    config = replace(config, options={**config.options, **options})
    objective.check(config)
    faces, held_out = (
        open_faces(args.images, config.image_size, split, objective.labelled)
        for split in ("train", "validation")
    )
    trainer = Trainer(config, faces, choose_device(args.device))
    if args.init is not None:
        trainer.objective.begin_with(load_checkpoint(args.init))
    train(trainer, held_out, args.out, args.minutes)
    if args.export is not None:
        export(trainer, args.export, {"command": command(args), "commit": commit(),
                                      "data": data_name(args.images)})  # fmt: skip


def run_enhance(args: argparse.Namespace) -> None:
    """Apply a restorer to the targets of a training set."""
    restorer = load_restorer(args.restorer, args.weights, choose_device(args.device))
    key = args.restorer.encode() + (b"" if args.weights is None else args.weights.read_bytes())
    done = enhance(args.images, restorer, key, args.out, args.size, args.minutes, args.first)
    logging.getLogger(__name__).info("%d images enhanced", done)


def check_places(args: argparse.Namespace) -> None:
    """Refuse, before the work, places that cannot be written, and the training pictures' own."""
    rendering = args.preset == "render"
    outputs = [Output("--out", args.out, None if args.preset in SET_MAKERS else is_run_file)]
    if args.export is not None:
        outputs.append(Output("--export", args.export))
    inputs = [] if rendering else [Path(args.images), args.init, args.weights]
    check_outputs(outputs, inputs)


def command(args: argparse.Namespace) -> str:
    """Return the command that repeats this run, without this machine's paths."""
    words = ["python", "scripts/train.py", args.preset, "--images", data_name(args.images)]
    for name in CHANGEABLE:
        if getattr(args, name) is not None:
            words += [f"--{name.replace('_', '-')}", str(getattr(args, name))]
    words += [word for option in args.option for word in ("--option", option)]
    if args.init is not None:
        words += ["--init", args.init.name]
    return shlex.join([*words, "--out", f"runs/{args.preset}"])


def data_name(images: str) -> str:
    """Return the image source without its folder."""
    return Path(images).name


def commit() -> str:
    """Return the checkout's git commit, or "unknown"."""
    here = Path(__file__).parent
    found = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    if argv is None:  # called as a program
        prepare_streams()
        heed_signals()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        run(parse(argv))
    except (PDGradError, OSError) as error:
        announce(f"train: {error}")
        return 1
    except KeyboardInterrupt as error:
        announce("train: stopped; the same command continues from the last snapshot.")
        return 128 + (stop_signal(error) or 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
