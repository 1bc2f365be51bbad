r"""Write `pdgrad authenticity`'s table for several restorers, and for PDGrad with its reference.

    python scripts/measure_authenticity.py --out idm_authenticity.csv \
        none demo idm=runs/idm.safetensors pdgrad

The same drawn test people for all, under PDGrad's degradations; scorers that never guided.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from pdgrad_core.degradations import degrade
from pdgrad_core.diffusion.noise import NoiseSource
from pdgrad_core.diffusion.sampler import Watch
from pdgrad_core.embedded import demo_weights
from pdgrad_core.errors import PDGradError
from pdgrad_core.evidence.authenticity import authenticity, plain_scores
from pdgrad_core.evidence.authenticity_report import sheet_rows
from pdgrad_core.evidence.report.tables import write_csv
from pdgrad_core.faces.people import drawn_pairs
from pdgrad_core.images import save_image
from pdgrad_core.models.scorers import load_scorers
from pdgrad_core.models.sets import DEMO, ModelSet, load_model_set
from pdgrad_core.outputs import Output, check_outputs
from pdgrad_core.pipeline import restore_faces
from pdgrad_core.restorers import Restorer, load_restorer
from pdgrad_core.settings import Settings
from pdgrad_core.training.sheet import tile

PDGRAD: Mapping[str, Any] = {"tau": 350, "strength": 0.2, "steps": 40}
"""What the study of PDGrad chose on drawn faces."""


class Guided(Restorer):
    """PDGrad as a restorer of faces whose references are known, in the order of the faces."""

    name: ClassVar[str] = "pdgrad"
    needs_weights: ClassVar[bool] = False
    samples: ClassVar[bool] = True

    def __init__(self, models: ModelSet, references: Tensor) -> None:
        self.models, self.references, self.calls = models, references, 0

    def _sample(self, degraded: Tensor, noise: NoiseSource, watch: Watch, /) -> Tensor:  # noqa: ARG002
        settings = Settings("pdgrad", seed=self.calls * len(degraded), **PDGRAD)
        self.calls += 1
        return restore_faces(degraded, [self.references], self.models, settings).image


def main() -> None:
    """Read the arguments and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("restorers", nargs="+", metavar="NAME[=FILE]")
    parser.add_argument("--count", type=int, default=24, help="people")
    parser.add_argument("--times", type=int, default=5, help="applications")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.csv")
    parser.add_argument("--sheets", type=Path, metavar="DIR", help="write each one's faces here")
    args = parser.parse_args()
    try:
        check_outputs([Output("--out", args.out)], [])
        write_csv(measure(args), args.out)
    except (PDGradError, OSError) as error:
        sys.exit(f"measure_authenticity: {error}")


def measure(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Return a row per restorer and comparison."""
    pairs = drawn_pairs("test", args.count, 64)
    degraded, _ = degrade(pairs.truth, "pdgrad", list(range(args.count)))
    scorers = load_scorers()
    scores = plain_scores() | {name: scorers.metric(name) for name in ("lpips", "deg")}
    rows: list[dict[str, Any]] = []
    for word in args.restorers:
        name, _, path = word.partition("=")
        restorer = opened(name, path, pairs.reference)
        # All faces at once, so that PDGrad's references stay with theirs.
        found = authenticity(
            restorer, pairs.truth, degraded, times=args.times, scores=scores, batch=args.count
        )
        for row in found.rows:
            figures = {key: round(value, 4) for key, value in row.scores.items()}
            what = {"start": row.start, "times": row.times, "against": row.against}
            rows.append({"restorer": Path(path).stem if path else name, "n": args.count,
                         **what, **figures})  # fmt: skip
            print(rows[-1])
        if args.sheets:
            save_image(tile(sheet_rows(found, 8)), args.sheets / f"{rows[-1]['restorer']}.png")
    return rows


def opened(name: str, path: str, references: Tensor) -> Restorer:
    """Return a restorer by name; "pdgrad" is the recipe on the demo models."""
    if name == Guided.name:
        return Guided(load_model_set(DEMO), references)
    if name == DEMO and not path:
        path = str(demo_weights("restorer"))
    return load_restorer(name, Path(path) if path else None)


if __name__ == "__main__":
    main()
