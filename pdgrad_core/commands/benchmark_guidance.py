"""`pdgrad benchmark guidance` and `step`: our way against the straightforward one."""

import argparse
import os
from typing import Any

from .model_options import write_json


def add_parser(subparsers: Any) -> None:
    """Enter `benchmark guidance` and `benchmark step` into the command line."""
    texts = {
        "guidance": "PDGrad's guidance: one shared forward and a stacked adjoint, against four "
        "losses with a forward, a backward and recomputed targets each",
        "step": "a whole guided step, U-Net included, against the straightforward one",
    }
    for name, text in texts.items():
        parser: argparse.ArgumentParser = subparsers.add_parser(
            name, help=text.split(":")[0].split(",")[0], description=f"Time {text}, in turns."
        )
        parser.add_argument("--models", metavar="DIR", help="folder of weights (or test weights)")
        parser.add_argument("--size", type=int, default=512, help="side of the face in pixels")
        parser.add_argument("--precision", default="auto", help="auto, exact, balanced or fast")
        parser.add_argument("--repeats", type=int, default=3, help="timed turns")
        parser.add_argument("--threads", type=int, help="CPU threads (default: all)")
        parser.add_argument("--device", default="auto", help='"auto", "cpu", "cuda", ...')
        parser.add_argument("--json", action="store_true", help="write the figures as JSON")
        parser.set_defaults(run=run, kind=name)


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    import torch

    from ..benchmarks.guidance import GuidanceBenchmark
    from ..devices import environment, parse_device, peak_memory_bytes
    from ..diffusion.prior import load_prior
    from ..errors import InvalidInputError
    from ..features.arcface import load_arcface
    from ..features.vgg import load_perceptual
    from ..precision import precision_preset
    from ..weights.folders import find, search_folders

    if args.repeats < 1 or args.size < 64 or args.size % 64:
        raise InvalidInputError(
            f"--repeats must be 1 or more and --size a multiple of 64, not {args.repeats} "
            f"and {args.size}."
        )
    device = parse_device(args.device)
    preset = precision_preset(args.precision, device)
    if args.threads is not None:
        torch.set_num_threads(max(1, args.threads))
    folders = search_folders(args.models)
    arcface = load_arcface(find("arcface-iresnet50", folders), device)
    vgg = load_perceptual(find("vgg16", folders), device=device)
    benchmark = GuidanceBenchmark(arcface, vgg, args.size, preset, device)
    if args.kind == "step":
        prior = load_prior(find("ffhq512-prior", folders), device)
        found = benchmark.run_step(prior, preset, args.repeats)
    else:
        found = benchmark.run(args.repeats)
    found |= {"precision": args.precision, "size_px": args.size, "repeats": args.repeats}
    found |= {"peak_memory_bytes": peak_memory_bytes(device), "load": os.getloadavg()[0]}
    if args.json:
        write_json({**found, **environment(device)})
    else:
        print(
            f"{args.kind} at {args.size} px: straightforward {found['straightforward_seconds']:.2f}"
            f" s, ours {found['seconds']:.2f} s, ratio {found['ratio']:.2f}, worst gradient "
            f"cosine {found['gradient_cosine']:.7f}"
        )
    return 0
