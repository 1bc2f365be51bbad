"""Workflows of IDM: a degraded face restored in ten steps, alone and guided by a reference."""

from __future__ import annotations

from graph import Graph, Output
from parts import scored, scorer, side_by_side


def idm_restore() -> Graph:
    """Return IDM as a restorer beside the demo's own, and whether each spoils a good face."""
    graph = Graph(
        "# IDM: ten steps, no reference\n*Coarse Restore* with **demo idm** samples a diffusion "
        "model that looks at the degraded face in each of its ten steps. Beside it: the demo's "
        "own restorer, in one step.\n\n*Test Restorer on Good Faces* asks of each whether it would "
        "spoil a photo that is good already: it is applied to the undegraded face, again and "
        "again.\n\nFor photographs no weights of IDM are published: train **idm-512** "
        "(docs/training.md)."
    )
    truth = graph.add("PDGradDemoFaces", "The face as it was", person=2, view=3)
    degraded = graph.add("PDGradDegrade", image=truth.out, preset="pdgrad", seed=4)
    score = scorer(graph)
    restorers = {
        weights: graph.add("PDGradLoadRestorer", weights=weights).out
        for weights in ("demo idm", "demo")
    }
    restored: list[Output] = []
    for weights, restorer in restorers.items():
        face = graph.add(
            "PDGradCoarseRestore", f"Restored: {weights}", image=degraded.out, restorer=restorer
        )
        restored.append(face.out)
        scored(graph, face.out, truth.out, score, f"Score: {weights}")
    side_by_side(graph, "Degraded, idm, demo, true", degraded.out, *restored, truth.out)
    for weights, restorer in restorers.items():
        test = graph.add(
            "PDGradAuthenticity", f"Spoils good faces? {weights}", restorer=restorer,
            images=truth.out,
        )  # fmt: skip
        graph.add("PreviewImage", f"Again and again: {weights}", images=test["picture"])
    return graph


def idm_with_reference() -> Graph:
    """Return IDM's ten steps under PDGrad's guidance."""
    graph = Graph(
        "# IDM and a photo of the same person\nRecipe **idm+pdgrad**: IDM's ten steps, guided by "
        "PDGrad's gradients towards another picture of the same person. It is ten steps instead of "
        "a hundred, and in no paper.\n\nLeft: without the reference (recipe **idm**). The plot "
        "shows how the gradients conflict at each step.\n\nSet *restorer* to **demo** to take "
        "the quick coarse face as the one that guidance holds on to."
    )
    truth = graph.add("PDGradDemoFaces", "The face as it was", person=2, view=3)
    reference = graph.add("PDGradDemoFaces", "Reference: same person", person=2, view=20)
    degraded = graph.add("PDGradDegrade", image=truth.out, preset="pdgrad", seed=4)
    face = {"photo": degraded.out, "models": "demo", "photo_is": "aligned face", "seed": 1}
    alone = graph.add("PDGradRestoreFace", "IDM alone", recipe="idm", **face)
    guided = graph.add(
        "PDGradRestoreFace", "IDM and the reference", recipe="idm+pdgrad",
        references=reference.out, **face,
    )  # fmt: skip
    pictures = (degraded.out, alone.out, guided.out, truth.out, reference.out)
    side_by_side(graph, "Degraded, idm, idm+pdgrad, true, reference", *pictures)
    plot = graph.add("PDGradTracePlot", trace=guided["trace"])
    graph.add("PreviewImage", "Conflicts at each step", images=plot.out)
    score = scorer(graph)
    for title, result in (("idm", alone), ("idm+pdgrad", guided)):
        scored(graph, result.out, truth.out, score, f"Score: {title}")
    return graph
