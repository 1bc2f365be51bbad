"""`pdgrad sample`: the prior alone, from noise or from a noised photo."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..outputs import Output, check_outputs
from .command_parser import CommandParser
from .model_options import add_model_options, step_progress, write_json
from .parameter_options import add_parameter, values_of
from .result_paths import picture_path
from .streams import say

if TYPE_CHECKING:
    from ..diffusion.schedule import Schedule
    from ..parameters import Parameter
    from ..runs import Process

PARAMETERS = ("tau", "steps", "respacing", "stepper", "eta")
"""What of a reverse process matters where nothing guides it."""


def add_parser(subparsers: Any) -> None:
    """Enter `sample` into the command line."""
    parser: CommandParser = subparsers.add_parser(
        "sample",
        help="sample the diffusion prior, from noise or from a noised photo",
        description="Sample the diffusion prior without any guidance: from pure noise, or from a "
        "photo to which the noise of step tau was added.",
    )
    parser.add_argument("--start", type=Path, metavar="PHOTO", help="start from this photo")
    parser.add_argument("--out", type=Path, required=True, metavar="PATH", help="picture to write")
    add_model_options(parser)
    parser.complete_with(_add_process_options)
    parser.set_defaults(run=run)


def _add_process_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("sampling")
    for parameter in _parameters():
        add_parameter(group, parameter)
    group.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same result")


def _parameters() -> "list[Parameter]":
    from ..parameters import parameters_of
    from ..runs import Process

    return [one for one in parameters_of(Process) if one.name in PARAMETERS]


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    from ..devices import environment, parse_device, parse_dtype, peak_memory_bytes
    from ..diffusion.noise import PerImageNoise, per_image_generators
    from ..errors import InvalidInputError
    from ..images import load_image, resize, save_image
    from ..models.sets import load_model_set
    from ..runs import make_stepper, prepare_run

    out = picture_path(args.out, args.start.stem if args.start else "sample")
    check_outputs([Output("--out", out)], [args.start])
    if args.start is None and args.tau is not None:
        raise InvalidInputError("--tau says where a photo starts; give --start PHOTO with it.")
    device, dtype = parse_device(args.device), parse_dtype(args.dtype)
    given = {k: v for k, v in values_of(args, _parameters()).items() if v is not None}
    make_stepper(given.get("stepper", "ddpm"), given.get("eta", 0.0))
    photo = load_image(args.start) if args.start else None
    models = load_model_set(args.models, restorer="none", features=(), device=device, dtype=dtype)
    prior = models.prior
    prior.check_told()
    process = _process(given, prior.schedule)
    size = prior.image_size
    noise = PerImageNoise(per_image_generators([args.seed]), (3, size, size), device)
    start = None if photo is None else resize(photo, size, size).to(device)
    sampling = prepare_run(process, prior, noise, start)
    steps = len(sampling.sampler.schedule)
    began = time.perf_counter()
    with step_progress("sample") as show:
        result = sampling(show)
    seconds = time.perf_counter() - began
    save_image(result.image, out)
    memory = peak_memory_bytes(device)
    if args.json:
        figures = {"steps": steps, "seconds": seconds, "peak_memory_bytes": memory}
        figures |= {"seconds_per_step": seconds / steps, "size_px": size}
        write_json({"out": str(out), **figures, "dtype": args.dtype, **environment(device)})
    else:
        say(
            f"{out}: {steps} steps at {size}x{size} in {seconds:.1f} s "
            f"({seconds / steps:.2f} s a step), peak memory {memory / 1e9:.2f} GB"
        )
    return 0


def _process(given: dict[str, Any], schedule: "Schedule") -> "Process":
    """Return the numbers chosen; from the noisiest step, and all steps, where nothing is said."""
    from ..runs import Process

    tau = given.get("tau", schedule.num_train_timesteps)
    if "steps" in given and given.get("respacing"):
        schedule.plan(tau, given["steps"], given["respacing"])  # refuses two that disagree
    return Process(**{"tau": tau, "steps": tau, **given})
