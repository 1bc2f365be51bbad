r"""Measure what IDM's extrinsic iteration makes of a training set whose flaws are known.

    python scripts/measure_cleaning.py --clean drawn64.npz --flawed flawed64.npz \
        --enhanced enhanced64.npz --out idm_cleaning.csv

Each target, before and after, is compared with the clean face it was made from; by kind of flaw,
with 95% bootstrap intervals by person. `scripts/train.py` render, spoil and enhance make the sets.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pdgrad_core.errors import InvalidInputError, PDGradError
from pdgrad_core.evidence.report.tables import write_csv
from pdgrad_core.evidence.statistics import interval
from pdgrad_core.images import from_uint8
from pdgrad_core.models.scorers import load_scorers
from pdgrad_core.outputs import Output, check_outputs
from pdgrad_core.training.dataset import read_arrays
from pdgrad_core.training.flaws import FLAWS

METRICS = ("psnr", "lpips", "deg")
BATCH = 64
ROUNDING_DB = 58.9
"""Of an error evenly spread over one step of 8 bits, 20 log10(255 sqrt(12)): none is infinite."""


def main() -> None:
    """Read the arguments and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("clean", "flawed", "enhanced"):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="FILE.npz")
    parser.add_argument("--count", type=int, default=400, help="pictures of each kind")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.csv")
    args = parser.parse_args()
    try:
        check_outputs([Output("--out", args.out)], [args.clean, args.flawed, args.enhanced])
        write_csv(measure(args.clean, args.flawed, args.enhanced, args.count), args.out)
    except (PDGradError, OSError) as error:
        sys.exit(f"measure_cleaning: {error}")


def measure(clean: Path, flawed: Path, enhanced: Path, count: int) -> list[dict[str, Any]]:
    """Return a row per kind of flaw and per set."""
    truth, before, after = read_arrays(clean), read_arrays(flawed), read_arrays(enhanced)
    train = int((after["split"] == 0).sum())
    if not np.array_equal(after["originals"][:train], before["images"][:train]):
        raise InvalidInputError(f"{enhanced} was not made from {flawed}.")
    rows: list[dict[str, Any]] = []
    for kind, name in enumerate(("none", *FLAWS)):
        chosen = np.flatnonzero(before["flaw"][:train] == kind)[:count]
        pictures = {"before": before["images"], "after": after["images"]}
        for label, images in pictures.items():
            scores = compared(images[chosen], truth["images"][chosen])
            people = truth["label"][chosen].tolist()
            row: dict[str, Any] = {"flaw": name, "targets": label, "n": len(chosen)}
            for metric, values in scores.items():
                found = interval(values.tolist(), people)
                row |= {
                    metric: round(found.mean, 5),
                    f"{metric}_low": round(found.low, 5),
                    f"{metric}_high": round(found.high, 5),
                }
            rows.append(row)
            print(row)
    return rows


def compared(images: Any, truth: Any) -> dict[str, Tensor]:
    """Return each metric of 8-bit pictures; equal ones have the PSNR of a rounding, 58.9 dB."""
    scorers = load_scorers()
    parts = [
        scorers.score(mine, true, METRICS)
        for mine, true in zip(_parts(images), _parts(truth), strict=True)
    ]
    scores = {name: torch.cat([part[name] for part in parts]) for name in METRICS}
    scores["psnr"] = scores["psnr"].clamp(max=ROUNDING_DB)
    return scores


def _parts(pixels: Any) -> list[Tensor]:
    rows = torch.from_numpy(pixels).split(BATCH)
    return [from_uint8(part) for part in rows]


if __name__ == "__main__":
    main()
