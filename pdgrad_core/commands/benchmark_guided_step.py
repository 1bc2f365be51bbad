"""`pdgrad benchmark guidance` and `pdgrad benchmark step`: ours against the straightforward way."""

import argparse
from pathlib import Path
from typing import Any

from .model_options import write_json

TRIALS = ("norms", "split", "pooling")
"""As `benchmarks.trials` names them, which the parser does not wait for."""


def add_guidance(subparsers: Any) -> None:
    """Enter `benchmark guidance` into the command line."""
    _add_parser(
        subparsers,
        "guidance",
        "PDGrad's four gradients and their surgery, ours against the straightforward way",
        whole_step=False,
    )


def add_step(subparsers: Any) -> None:
    """Enter `benchmark step` into the command line."""
    _add_parser(
        subparsers,
        "step",
        "a whole guided step, the prior included, ours against the straightforward way",
        whole_step=True,
    )


def _add_parser(subparsers: Any, name: str, text: str, *, whole_step: bool) -> None:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=text,
        description=f"Time {text}: each of the four losses with its own forward and backward pass "
        "by autograd, its target's features computed anew, in float32. Each side runs in a process "
        "of its own, a step at a time in turns, both with TF32 off; CUDA's steps are timed by its "
        "events.",
    )
    parser.add_argument(
        "--models", type=Path, metavar="DIR", help="folder of weights (default: random ones)"
    )
    parser.add_argument(
        "--size", type=int, default=512, metavar="PX",
        help="side of the image (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--batch", type=int, default=1, help="faces at once (default: %(default)s)")
    parser.add_argument(
        "--repeats", type=int, default=5, help="timed steps of each side (default: %(default)s)"
    )
    parser.add_argument(
        "--precision", default="auto", help="ours: exact, balanced, fast or auto (default: auto)"
    )
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--compile", action="store_true", help="compile ours; replay it with CUDA")
    ways.add_argument("--replay", action="store_true", help="replay ours as CUDA graphs only")
    parser.add_argument(
        "--try", nargs="+", default=[], choices=TRIALS, dest="tried",
        help="ours with what is off because no GPU has measured it: norms (the prior's group norms "
        "as Triton kernels), split (balanced's float32 forward in split TF32), pooling (its "
        "adjoint in one kernel for all gradients)",
    )  # fmt: skip
    parser.add_argument("--device", default="auto", help='"auto", "cpu", "cuda", ...')
    parser.add_argument("--threads", type=int, help="CPU threads of each side (default: all)")
    parser.add_argument(
        "--allocator", choices=("kept", "system"), default="kept",
        help="freed memory is kept, as this command line does, or given back, as a host does",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="write the figures as JSON")
    parser.set_defaults(run=run, whole_step=whole_step)


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    from ..benchmarks.guided_step import Job, benchmark_guided_step

    job = Job(
        whole_step=args.whole_step,
        models=args.models,
        size_px=args.size,
        batch=args.batch,
        precision=args.precision,
        compiled=args.compile,
        replayed=args.replay,
        tried=tuple(args.tried),
        device=args.device,
        threads=args.threads,
        keep_freed_memory=args.allocator == "kept",
    )
    found = benchmark_guided_step(job, args.repeats)
    if args.json:
        write_json(found)
        return 0
    print(f"{'':18}{'seconds':>9}{'processor s':>13}{'peak GB':>9}")
    for side in ("straightforward", "ours"):
        row = found[side]
        print(
            f"{side:18}{row['seconds']:9.3f}{row['cpu_seconds']:13.3f}"
            f"{row['peak_memory_bytes'] / 1e9:9.2f}"
        )
    for side in ("straightforward", "ours"):
        _print_kernels(side, found[side])
    print(f"{'ratio':18}{found['ratio']:9.2f}{found['cpu_ratio']:13.2f}")
    if found["tried"]:
        print(f"ours tries: {', '.join(found['tried'])} (off otherwise)")
    print(f"gradient cosine {found['gradient_cosine']:.8f} (precision {found['precision']})")
    print(f"TF32 off on both sides{_besides(found)}; timed by {found['timer']}")
    print(f"{found['cpu'] or found['device_name']}, {found['threads']} threads, ", end="")
    print(f"torch {found['versions']['torch']}, load {found['load_average_before']}")
    return 0


def _besides(found: dict[str, Any]) -> str:
    return " but for operands split in two" if found["tf32"]["ours"] else ""


def _print_kernels(side: str, row: dict[str, Any]) -> None:
    """Say what a GPU did for a step, where one was watched."""
    for note in row["notes"]:
        print(f"{side}: {note}")
    kernels = row.get("kernels")
    if kernels is None:
        return
    if "error" in kernels:
        print(f"{side}: kernels were not counted ({kernels['error']})")
        return
    idle = 100 * row["idle_share"]
    print(f"{side}: {kernels['kernels']} kernels, and none in {idle:.0f}% of the time")
