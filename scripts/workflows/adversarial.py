"""Workflow of the GAN prior: one pass through a codec and StyleGAN2, alone and under PDGrad."""

from __future__ import annotations

from graph import Graph
from parts import scored, scorer, side_by_side


def gan_prior_restore() -> Graph:
    """Return the GAN prior as a restorer beside the demo's own, then as PDGrad's coarse face."""
    graph = Graph(
        "# GAN prior: one pass, no reference\n*Coarse Restore* with **demo gan-prior**: a codec "
        "tells a StyleGAN2, trained on faces, which face to make.\n\nA face made so is sharp, and "
        "may be somebody else's. *Restore Face* takes it as the coarse face and lets a photo of "
        "the same person guide it (recipe **pdgrad**, restorer **gan-prior**).\n\nFor photographs "
        "**gpen-512** has published weights; of **gan-prior-512** there are none: train it "
        "(docs/training.md)."
    )
    truth = graph.add("PDGradDemoFaces", "The face as it was", person=2, view=3)
    reference = graph.add("PDGradDemoFaces", "Reference: same person", person=2, view=20)
    degraded = graph.add("PDGradDegrade", image=truth.out, preset="pdgrad", seed=4)
    score = scorer(graph)
    results = {}
    for weights in ("demo gan-prior", "demo"):
        restorer = graph.add("PDGradLoadRestorer", weights=weights)
        results[weights] = graph.add(
            "PDGradCoarseRestore", f"Restored: {weights}", image=degraded.out, restorer=restorer.out
        )
    results["with a reference"] = graph.add(
        "PDGradRestoreFace", "From the GAN prior, with a reference", recipe="pdgrad",
        restorer="gan-prior", references=reference.out, photo=degraded.out, models="demo",
        photo_is="aligned face", seed=1,
    )  # fmt: skip
    faces = [result.out for result in results.values()]
    side_by_side(
        graph, "Degraded, gan-prior, demo, with a reference, true", degraded.out, *faces, truth.out
    )
    for title, result in results.items():
        scored(graph, result.out, truth.out, score, f"Score: {title}")
    return graph
