"""Write the workflows, in UI and in API format, and the blueprints: python scripts/workflows."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import adversarial
import any_model
import conditional
import contraction
import drawn
import folder
import people
import pgdiff
import photo
import starters
from blueprint import Blueprint, blueprint
from graph import Graph
from layout import TRIES

TARGET = Path(__file__).parents[2] / "workflows"

WORKFLOWS: dict[str, Callable[[], Graph]] = {
    "1 Restore a face": starters.restore_a_face,
    "2 Restore a group photo": starters.restore_a_group_photo,
    "3 Restore with any combination": starters.restore_with_any_combination,
    "Method - PDGrad on a photo": photo.restore_photo,
    "Method - PDGrad with several references": drawn.restore_face_with_references,
    "Method - PDGrad with several people": people.restore_group_of_people,
    "Method - PDGrad through a folder": folder.restore_folder,
    "Method - DifBFSR": contraction.difbfsr,
    "Method - DifBFSR with a reference": contraction.difbfsr_with_reference,
    "Method - IDM": conditional.idm_restore,
    "Method - IDM with a reference": conditional.idm_with_reference,
    "Method - GAN prior": adversarial.gan_prior_restore,
    "Method - PGDiff restoration": pgdiff.pgdiff_restoration,
    "Method - PGDiff with a reference": pgdiff.pgdiff_reference,
    "Method - PGDiff colorization": pgdiff.pgdiff_colorization,
    "Method - PGDiff inpainting": pgdiff.pgdiff_inpainting,
    "Method - PGDiff old photo": pgdiff.pgdiff_old_photo,
    "Method - PGDiff old photo with surgery": pgdiff.pgdiff_old_photo_surgery,
    "Method - PGDiff quality": photo.pgdiff_quality,
    "Mix - Flux inpaints a face": any_model.flux_inpaint_face,
    "Mix - SDXL refines a face": any_model.sdxl_face_with_reference,
    "Mix - a face of Stable Diffusion": photo.sd_face,
    "Mix - any model kept true by a low-pass": any_model.any_model_lowpass,
    "Mix - the prior in KSampler": drawn.prior_in_ksampler,
    "Mix - upscale and compare": drawn.upscale_and_compare,
    "Study - PDGrad against the sum": drawn.pdgrad_against_sum,
    "Study - ablation": drawn.ablation,
    "Study - degradation": drawn.degradation_study,
}
"""The workflows by file name, which the host's browser of templates shows as it is."""

BLUEPRINTS: dict[str, Blueprint] = {
    "Restore a Face (PDGrad)": Blueprint(
        starters.restore_a_face,
        "Restores the face in a photo, guided by another photo of the same person. Only the face "
        "changes: it is found, restored and laid back.",
        tuple(("PDGradRestoreFace", name) for name in ("recipe", "faces", "strength", "seed")),
    ),
    "Restore with Any Combination (PDGrad)": Blueprint(
        starters.restore_with_any_combination,
        "Restores an aligned face by every stage as a node of its own, to be changed and wired "
        "anew inside. As it comes, it runs on the demo models and the drawn examples.",
        tuple(("PDGradDDPMSampler", name) for name in ("steps", "strength", "seed")),
    ),
}
"""Subgraph blueprints by file name, which newer hosts show as a node's name."""


def main(target: Path, tries: int) -> None:
    """Write every workflow twice, and the blueprints.

    Args:
        target: A folder; the API format goes into its subfolder "api", the
            blueprints beside it into "subgraphs", where the host looks for them.
        tries: How long places for the nodes are searched for; see `layout`.
    """
    (target / "api").mkdir(parents=True, exist_ok=True)
    for name, build in WORKFLOWS.items():
        graph = build()
        ui, api = json.dumps(graph.ui(tries), indent=1), json.dumps(graph.api(), indent=1)
        (target / f"{name}.json").write_text(ui + "\n")
        (target / "api" / f"{name}.json").write_text(api + "\n")
    subgraphs = target.parent / "subgraphs"
    subgraphs.mkdir(exist_ok=True)
    for name, one in BLUEPRINTS.items():
        # Read by hosts in whatever encoding the machine has: ASCII is the same in all.
        text = json.dumps(blueprint(name, one), indent=1)
        (subgraphs / f"{name}.json").write_text(text + "\n")
    sys.stdout.write(f"{len(WORKFLOWS)} workflows in {target.name}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path, nargs="?", default=TARGET)
    parser.add_argument("--tries", type=int, default=TRIES, help="0 places nodes at once")
    arguments = parser.parse_args()
    main(arguments.target, arguments.tries)
