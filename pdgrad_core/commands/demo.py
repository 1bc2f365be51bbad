"""`pdgrad demo`: the whole method on a drawn face with the embedded models, in seconds."""

import argparse
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import check_folder
from ..outputs import Output, check_outputs
from .command_parser import CommandParser
from .model_options import step_progress, write_json
from .recipe_options import add_recipe_choice
from .streams import announce, say

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from torch import Tensor

    from ..diffusion.sampler import StepState
    from ..faces.people import Pairs
    from ..models.sets import ModelSet
    from ..pipeline import Restoration
    from ..settings import Settings

    Metrics = dict[str, dict[str, float]]

DEGRADATION = "pdgrad"
"""The preset by which the drawn picture is degraded."""

WRITTEN = (
    *("sheet.png", "x0hat.png", "trace.png", "report.json"),
    *(f"{name}.png" for name in ("degraded", "reference", "coarse", "result", "truth")),
)
"""The files in the demo's folder."""

STRIP = 8
"""So many estimates stand in x0hat.png, where there are so many steps."""


def add_parser(subparsers: Any) -> None:
    """Enter `demo` into the command line."""
    parser: CommandParser = subparsers.add_parser(
        "demo",
        help="restore a drawn face with the small embedded models; nothing to download",
        description="Draw a person that the embedded models never saw, degrade one picture, and "
        "restore it with another as the reference. Writes the labelled sheet, the estimate of the "
        "face through time, the trace plot and a report into a folder. "
        "The embedded models know drawn faces only.",
    )
    parser.add_argument("--identity", type=int, default=0, metavar="N", help="which person, from 0")
    parser.add_argument("--seed", type=int, default=0, help="of the degradation and the sampling")
    parser.add_argument(
        "--out", type=Path, default=Path("pdgrad-demo"), metavar="DIR",
        help="folder to write (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--models", type=Path, metavar="DIR",
        help="folder of networks trained by scripts/train.py instead of the embedded ones",
    )  # fmt: skip
    parser.add_argument(
        "--album", type=Path, metavar="DIR",
        help="draw an album to try `pdgrad album` on, DIR/scans and DIR/people, and nothing else",
    )  # fmt: skip
    parser.add_argument("--device", default="auto", help='"auto", "cpu", "cuda", "mps", ...')
    parser.add_argument("--json", action="store_true", help="write the report to stdout")
    parser.complete_with(add_recipe_choice)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    if args.album is not None:
        return _draw_album(args)
    began = time.perf_counter()
    check_outputs([Output("--out", args.out, WRITTEN.__contains__)], [])
    announce("demo: loading PyTorch and the embedded models")
    from ..degradations import degrade
    from ..devices import parse_device
    from ..faces.people import drawn_pairs
    from ..models.scorers import SCORES, load_with_scorers
    from ..settings import Settings
    from ..trace import trace_to_json

    device = parse_device(args.device)
    settings = Settings(recipe=args.recipe, seed=args.seed)
    settings.resolved()
    models, scorers = load_with_scorers(args.models, device)
    announce("demo: drawing a person, and degrading one of two pictures")
    pairs = drawn_pairs("test", 1, models.prior.image_size, first=args.identity)
    degraded, (drawn,) = degrade(pairs.truth, DEGRADATION, args.seed)
    loaded = time.perf_counter()
    found, estimates = _restore(degraded, pairs, models, settings)
    restored = time.perf_counter()
    announce("demo: scoring, by networks that never guided")
    compared = {"degraded": degraded, "coarse": found.coarse, "result": found.image}
    metrics = {
        name: _first(scorers.score(image.to(device), pairs.truth, SCORES))
        for name, image in compared.items()
    }
    _write_pictures(args.out, compared, pairs, metrics, found, estimates)
    seconds = {"load": loaded - began, **found.seconds}
    seconds["score_and_write"] = time.perf_counter() - restored
    seconds["total"] = time.perf_counter() - began
    report: dict[str, Any] = {
        "command": "demo",
        "identity": args.identity,
        "person_seed": int(pairs.person[0]),
        "degradation": drawn.describe(),
        "metrics": metrics,
        "settings": found.describe(),
        "seconds": seconds,
        **_origin(models, device),
        "trace": trace_to_json(found.trace),
    }
    return _show(report, args.out, args.json)


def _draw_album(args: argparse.Namespace) -> int:
    """Draw an album, and say how to restore it."""
    from ..faces.album import draw_album

    folder: Path = args.album
    check_folder(folder)
    files = draw_album(folder)
    scans, people, out = (
        shlex.quote(str(folder / name)) for name in ("scans", "people", "restored")
    )
    command = f"pdgrad album {scans} --people {people} --out {out} --models demo"
    if args.json:
        write_json({"command": "demo", "files": [str(path) for path in files], "next": command})
    else:
        say("\n".join([*map(str, files), "Now restore it, with --dry-run or without:", command]))
    return 0


def _show(report: dict[str, Any], out: Path, as_json: bool) -> int:
    """Write the report into the folder, and say on stdout what it says."""
    write_json(report, out / "report.json")
    if as_json:
        write_json(report)
    else:
        say(_summary(report, out))
    return 0


def _first(scores: "dict[str, Tensor]") -> dict[str, float]:
    return {name: float(value[0]) for name, value in scores.items()}


def _origin(models: "ModelSet", device: "torch.device") -> dict[str, Any]:
    """Return the weights and the machine that a result came from."""
    from ..devices import environment
    from ..weights.integrity import sha256_of

    files = {
        role: {"file": path.name, "sha256": sha256_of(path)} for role, path in models.paths.items()
    }
    return {"weights": files, **environment(device)}


def _restore(
    degraded: "Tensor", pairs: "Pairs", models: "ModelSet", settings: "Settings"
) -> "tuple[Restoration, list[tuple[int, Tensor]]]":
    """Restore, and keep some x0hat with their timesteps."""
    from ..pipeline import restore_faces

    estimates: list[tuple[int, Tensor]] = []
    with step_progress("demo") as show:

        def on_step(state: "StepState") -> None:
            show(state)
            kept = {1 + round(i * (state.total - 1) / (STRIP - 1)) for i in range(STRIP)}
            if state.done in kept:
                estimates.append((state.context.t, state.x0hat))

        found = restore_faces(degraded, [pairs.reference], models, settings, on_step=on_step)
    return found, estimates


def _write_pictures(
    out: Path,
    compared: "dict[str, Tensor]",
    pairs: "Pairs",
    metrics: "Metrics",
    found: "Restoration",
    estimates: "list[tuple[int, Tensor]]",
) -> None:
    """Write the sheet, the strip, the trace plot and the single pictures."""
    from ..images import save_image
    from ..sheet import Labelled, lay_out
    from ..trace import plot_trace

    images = {**compared, "reference": pairs.reference, "truth": pairs.truth}
    titles = {
        "degraded": "degraded",
        "reference": "reference",
        "coarse": "coarse restoration",
        "result": found.settings.name,
        "truth": "truth",
    }
    for name, image in images.items():
        save_image(image, out / f"{name}.png")
    row = [Labelled(images[name], titles[name], _notes(metrics.get(name))) for name in titles]
    _save(lay_out(row), out / "sheet.png")
    strip = [Labelled(image, f"t = {t}") for t, image in estimates]
    _save(lay_out(strip, side_px=128), out / "x0hat.png")
    _save(plot_trace(found.trace), out / "trace.png")


def _save(picture: "Image", path: Path) -> None:
    from ..files import write_whole

    write_whole(path, lambda temporary: picture.save(temporary, format="PNG"))


def _notes(figures: dict[str, float] | None) -> tuple[str, ...]:
    if figures is None:
        return ()
    return (
        f"PSNR {figures['psnr']:.1f} dB",
        f"LPIPS {figures['lpips']:.3f}",
        f"identity {figures['deg']:.0f}° off",
    )


def _summary(report: dict[str, Any], out: Path) -> str:
    rows = [f"{'':10}{'PSNR dB':>9}{'LPIPS':>9}{'Deg':>7}"]
    rows += [
        f"{name:10}{m['psnr']:9.2f}{m['lpips']:9.3f}{m['deg']:7.1f}"
        for name, m in report["metrics"].items()
    ]
    steps, seconds = len(report["trace"]), report["seconds"]["total"]
    rows += [
        "",
        f"Drawn person {report['identity']}, {report['settings']['recipe']}, {steps} steps, "
        f"{seconds:.1f} s in all. These models only know drawn faces.",
        f"Look at {out / 'sheet.png'}, x0hat.png and trace.png; report.json has the figures.",
    ]
    return "\n".join(rows)
