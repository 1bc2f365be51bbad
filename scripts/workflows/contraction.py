"""Workflows of DifBFSR: a small face enlarged without training, alone and with a reference."""

from __future__ import annotations

from graph import Graph, Node, Output
from parts import scored, scorer, side_by_side, surgery

SMALL = {
    "preset": "own values",
    "kernel": "none",
    "scale": 4.0,
    "noise_delta": 8.0,
    "jpeg_quality": 90,
    "resize_back": False,
    "resize_mode": "bicubic",
    "antialias": True,
    "seed": 3,
}
"""A face of 64 px becomes one of 16 px, a little noisy."""


def difbfsr() -> Graph:
    """Return DifBFSR: no restorer, no reference, nothing but the prior and the small face."""
    graph = Graph(
        "# DifBFSR: a small face, nothing else\nA face of 16 px is enlarged by two small networks "
        "that are fitted to it alone while you wait, then the prior draws what is missing. At each "
        "step the *contraction* puts back what the small face knows: its low frequencies.\n\n"
        "*until* lets the filter rest in the last steps, so that the prior removes the noise of "
        "the small face: 200 for a noisy one, 50 for a clean one, 0 is the paper's equation. "
        "Below: the same from the bicubic enlargement, with the plain *Contraction* node.\n\nFor "
        "photographs choose **ffhq512-prior** and give a face of 128 px."
    )
    prior, truth, small = _small_face(graph)
    fitted = graph.add("PDGradSelfSupervisedSR", image=small, seed=1)
    result = _sampled(graph, "DifBFSR", prior, fitted.out, fitted["contraction"])
    bicubic = graph.add("ImageScaleBy", image=small, upscale_method="bicubic", scale_by=4.0)
    plain = graph.add("PDGradContraction", image=bicubic.out, until=150)
    other = _sampled(graph, "Towards the bicubic image", prior, bicubic.out, plain.out)
    pictures = (bicubic.out, fitted.out, other.out, result.out, truth)
    side_by_side(graph, "Bicubic, fitted, both sampled, true", *pictures)
    scored(graph, result.out, truth, scorer(graph), "DifBFSR against the truth")
    graph.add("PreviewAny", "The fit's losses", source=fitted["losses"])
    return graph


def difbfsr_with_reference() -> Graph:
    """Return the contraction together with PDGrad's guidance towards a reference."""
    graph = Graph(
        "# A small face and a photo of the same person\nThe contraction keeps the low frequencies "
        "of the small face, PDGrad's guidance pulls identity and texture towards another picture "
        "of the same person: the gradients are taken at the contracted face, so the two do not "
        "work against each other.\n\nTake the wire off the sampler's *contraction* or *guidance* "
        "to see what each one does."
    )
    prior, truth, small = _small_face(graph)
    reference = graph.add("PDGradDemoFaces", "Reference: same person", person=5, view=9)
    features = graph.add("PDGradLoadFeatures")
    restorer = graph.add("PDGradLoadRestorer")
    fitted = graph.add("PDGradSelfSupervisedSR", image=small, seed=1)
    coarse = graph.add("PDGradCoarseRestore", image=fitted.out, restorer=restorer.out)
    guidance = surgery(graph, features.out, coarse.out, reference.out)
    result = _sampled(
        graph, "Both", prior, coarse.out, fitted["contraction"], guidance=guidance.out
    )
    pictures = (fitted.out, coarse.out, result.out, truth, reference.out)
    side_by_side(graph, "Fitted, coarse, restored, true, reference", *pictures)
    scored(graph, result.out, truth, scorer(graph), "Restored against the truth")
    return graph


def _small_face(graph: Graph) -> tuple[Output, Output, Output]:
    """Add the prior, a drawn face, and the face made small."""
    prior = graph.add("PDGradLoadPrior")
    truth = graph.add("PDGradDemoFaces", "The face as it was", person=5, view=1)
    small = graph.add("PDGradDegrade", "Four times smaller", image=truth.out, **SMALL)
    return prior.out, truth.out, small.out


def _sampled(
    graph: Graph, title: str, prior: Output, start: Output, contraction: Output, **more: Output
) -> Node:
    return graph.add(
        "PDGradDDPMSampler", title, prior=prior, image=start, contraction=contraction,
        seed=1, steps=50, tau=500, **more,
    )  # fmt: skip
