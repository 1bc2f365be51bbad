"""What `pdgrad restore` reports: times, settings, weights and the machine."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .model_options import write_json

if TYPE_CHECKING:
    import torch

    from ..models.sets import ModelSet
    from ..pipeline import Restoration


def memory_of(device: "torch.device", faces: int) -> dict[str, int]:
    """Return what a photo's steps took at most, of a GPU since `begin_peak`.

    Args:
        device: Where they ran.
        faces: How many were restored together.
    """
    from ..devices import peak_memory_bytes

    peak = peak_memory_bytes(device)
    return {"faces_at_once": faces, "peak_bytes": peak, "peak_bytes_per_face": peak // faces}


def photo_report(
    path: Path, out: Path, faces: int, found: "Restoration", memory: dict[str, int]
) -> dict[str, Any]:
    """Return what is reported of one photo."""
    from ..trace import trace_to_json

    return {
        "photo": str(path),
        "out": str(out),
        "faces": faces,
        "settings": found.describe(),
        "seconds": found.seconds,
        "seconds_per_step": found.seconds["sampling"] / max(len(found.trace), 1),
        "memory": memory,
        "trace": trace_to_json(found.trace),
        "fit_losses": found.fit_losses,
        "notes": list(found.notes),
    }


def timing(seconds: dict[str, float], steps: int) -> str:
    """Return the times of one photo as a line."""
    whole = f"{sum(seconds.values()):.1f} s in all"
    if not steps:
        return whole
    return f"{steps} steps, {seconds['sampling'] / steps:.2f} s a step, {whole}"


def write_report(
    args: argparse.Namespace,
    photos: list[dict[str, Any]],
    failed: list[dict[str, str]],
    models: "ModelSet",
    device: "torch.device",
) -> None:
    """Write the report of all photos where it was asked for: to a file, to stdout, or both."""
    from ..devices import dtype_name, environment, peak_memory_bytes

    if not args.json and args.report is None:
        return
    from ..weights.integrity import sha256_of

    # Of a GPU each photo's peak was counted anew.
    peaks = [photo["memory"]["peak_bytes"] for photo in photos if "memory" in photo]
    report = {
        "command": "restore",
        "references": [str(path) for path in args.reference],
        "photos": photos,
        "failed": failed,
        "weights": {
            role: {"file": path.name, "sha256": sha256_of(path)}
            for role, path in models.paths.items()
        },
        "notes": list(models.notes),
        "precision": models.precision,
        "dtype": dtype_name(models.prior.dtype),
        "compiled": models.compiled,
        "replayed": models.replayed,
        "peak_memory_bytes": max([*peaks, peak_memory_bytes(device)]),
        **environment(device),
    }
    if args.report is not None:
        write_json(report, args.report)
    if args.json:
        write_json(report)
