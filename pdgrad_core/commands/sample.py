"""`pdgrad sample`: the prior alone, from noise or from a noised photo."""

import argparse
import time
from pathlib import Path
from typing import Any

from .model_options import add_model_options, add_schedule_options, step_progress, write_json


def add_parser(subparsers: Any) -> None:
    """Enter `sample` into the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "sample",
        help="sample the diffusion prior, from noise or from a noised photo",
        description="Sample the diffusion prior without any guidance: from pure noise, or from a "
        "photo to which the noise of step tau was added.",
    )
    parser.add_argument("--start", type=Path, metavar="PHOTO", help="start from this photo")
    parser.add_argument("--out", type=Path, required=True, metavar="PATH", help="picture to write")
    add_schedule_options(parser)
    add_model_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    from ..devices import environment, parse_device, parse_dtype, peak_memory_bytes
    from ..diffusion.noise import PerImageNoise, per_image_generators
    from ..diffusion.sampler import Sampler
    from ..errors import InvalidInputError
    from ..images import check_image_name, load_image, resize, save_image
    from ..models.sets import load_model_set
    from ..pipeline import Settings, make_stepper

    check_image_name(args.out)
    if args.start is None and args.tau is not None:
        raise InvalidInputError("--tau says where a photo starts; give --start PHOTO with it.")
    device, dtype = parse_device(args.device), parse_dtype(args.dtype)
    settings = Settings(stepper=args.stepper, eta=args.eta)
    stepper = make_stepper(settings)
    photo = load_image(args.start) if args.start else None
    models = load_model_set(args.models, restorer="none", features=(), device=device, dtype=dtype)
    prior = models.prior
    schedule = prior.schedule.plan(args.tau, args.steps, args.respacing)
    size = prior.image_size
    noise = PerImageNoise(per_image_generators([args.seed]), (3, size, size), device)
    sampler = Sampler(prior, schedule, stepper=stepper)
    start = (
        noise()
        if photo is None
        else sampler.start_from(resize(photo, size, size).to(device), noise)
    )
    began = time.perf_counter()
    with step_progress("sample") as show:
        result = sampler.run(start, noise, on_step=show)
    seconds = time.perf_counter() - began
    save_image(result.image, args.out)
    memory = peak_memory_bytes(device)
    if args.json:
        figures = {"steps": len(schedule), "seconds": seconds, "peak_memory_bytes": memory}
        figures |= {"seconds_per_step": seconds / len(schedule), "size_px": size}
        write_json({"out": str(args.out), **figures, "dtype": args.dtype, **environment(device)})
    else:
        print(
            f"{args.out}: {len(schedule)} steps at {size}x{size} in {seconds:.1f} s "
            f"({seconds / len(schedule):.2f} s a step), peak memory {memory / 1e9:.2f} GB"
        )
    return 0
