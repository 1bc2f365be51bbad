"""Write the example workflows, in UI and in API format: python scripts/workflows."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import contraction
import drawn
import pgdiff
import photo
from graph import Graph

TARGET = Path(__file__).parents[2] / "workflows"

WORKFLOWS: dict[str, Callable[[], Graph]] = {
    build.__name__: build
    for build in (
        drawn.restore_a_face,
        drawn.quick_start,
        photo.restore_photo,
        drawn.restore_face_with_references,
        drawn.restore_group_photo,
        drawn.pdgrad_against_sum,
        drawn.ablation,
        drawn.degradation_study,
        drawn.prior_in_ksampler,
        drawn.upscale_and_compare,
        contraction.difbfsr,
        contraction.difbfsr_with_reference,
        pgdiff.pgdiff_restoration,
        pgdiff.pgdiff_reference,
        pgdiff.pgdiff_colorization,
        pgdiff.pgdiff_inpainting,
        pgdiff.pgdiff_old_photo,
        pgdiff.pgdiff_old_photo_surgery,
        photo.pgdiff_quality,
        photo.sd_face,
    )
}
"""The workflows by file name."""


def main(target: Path) -> None:
    """Write every workflow twice.

    Args:
        target: A folder; the API format goes into its subfolder "api".
    """
    (target / "api").mkdir(parents=True, exist_ok=True)
    for name, build in WORKFLOWS.items():
        graph = build()
        ui, api = json.dumps(graph.ui(), indent=1), json.dumps(graph.api(), indent=1)
        (target / f"{name}.json").write_text(ui + "\n")
        (target / "api" / f"{name}.json").write_text(api + "\n")
    sys.stdout.write(f"{len(WORKFLOWS)} workflows in {target.name}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
