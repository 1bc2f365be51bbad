"""`pdgrad benchmark latent`: what guiding a latent model adds to a step."""

import argparse
from typing import Any

from .model_options import write_json


def add_parser(subparsers: Any) -> None:
    """Enter `benchmark latent` into the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "latent",
        help="what a guided step of a latent model adds: decodes and their adjoints",
        description="Time the gradient through a decoder of Stable Diffusion's size with random "
        "weights: of the whole picture, of a face's window, in tiles, and by a small decoder; and "
        "beside it a plain step's U-Net and a plain decode.",
    )
    parser.add_argument(
        "--size", type=int, default=512, metavar="PX", help="picture (default: %(default)s)"
    )
    parser.add_argument(
        "--face", type=int, default=192, metavar="PX",
        help="side of the face in it, whose window is decoded (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--width", type=int, default=128,
        help="channels of the decoder's finest level (default: %(default)s, Stable Diffusion's)",
    )  # fmt: skip
    parser.add_argument(
        "--ways",
        metavar="WAY,...",
        help="some of step, decode, whole, recomputed, tiles, window, small",
    )
    parser.add_argument("--turns", type=int, default=3, help="timed steps (default: %(default)s)")
    parser.add_argument("--device", default="auto", help='"auto", "cpu", "cuda", ...')
    parser.add_argument("--dtype", default="float32", help="of the decoder (default: %(default)s)")
    parser.add_argument("--threads", type=int, help="CPU threads (default: all)")
    parser.add_argument("--json", action="store_true", help="write the figures as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    from ..benchmarks.latent import WAYS, LatentJob, benchmark_latent

    job = LatentJob(args.size, args.face, args.width, args.device, args.dtype, args.threads)
    ways = WAYS if args.ways is None else [one.strip() for one in args.ways.split(",")]
    found = benchmark_latent(job, args.turns, ways)
    if args.json:
        write_json(found)
        return 0
    print(f"{found['size_px']} px, a face of {found['face_px']} px, {found['dtype']}")
    print(f"{'':12}{'s':>9}{'processor s':>13}{'GB':>7}{'10^12 operations':>18}")
    for way, row in found["ways"].items():
        print(
            f"{way:12}{row['seconds']:9.2f}{row['processor_seconds']:13.2f}"
            f"{row['peak_memory_bytes'] / 1e9:7.2f}{row['operations'] / 1e12:18.3f}"
        )
    if found["window_cosine"] is None:
        return 0
    print(
        f"the window has {found['window_px']} px; its gradient's cosine with the whole's there is "
        f"{found['window_cosine']:.3f} (random weights)"
    )
    return 0
