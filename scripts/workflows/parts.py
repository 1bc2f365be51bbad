"""What the workflows have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graph import Graph, Node, Output


def example(name: str) -> str:
    """Return an example's name in Load Face Photo."""
    return f"example_{name.replace(' ', '_')}.png [temp]"


PHOTO_MODELS = (
    "For photographs choose **ffhq512-prior**, **codeformer**, **arcface-iresnet50** and **vgg16** "
    "in the loaders, replace *Drawn Faces* by *Load Face Photo* and *Align Faces*. *Fetch Weights* "
    "in the sidebar gets what is missing."
)


@dataclass
class Face:
    """The nodes that most workflows begin with."""

    prior: Node
    features: Node
    truth: Node
    reference: Node
    degraded: Node
    coarse: Node


def begin(graph: Graph, person: int = 1, references: int = 1, align: bool = False) -> Face:
    """Add the demo models, a drawn face, its degradation, a reference, and the coarse face."""
    prior = graph.add("PDGradLoadPrior")
    features = graph.add("PDGradLoadFeatures")
    restorer = graph.add("PDGradLoadRestorer")
    truth = graph.add("PDGradDemoFaces", "The face as it was", person=person, view=3)
    reference = graph.add(
        "PDGradDemoFaces", "Reference: same person", person=person, view=20, count=references
    )
    degraded = graph.add("PDGradDegrade", image=truth.out, preset="pdgrad", seed=4)
    if align:
        method = {"method": "already aligned", "size_px": 64}
        degraded = graph.add("PDGradAlignFaces", photo=degraded.out, **method)
    coarse = graph.add("PDGradCoarseRestore", image=degraded.out, restorer=restorer.out)
    return Face(prior, features, truth, reference, degraded, coarse)


@dataclass
class Losses:
    """PDGrad's four losses: low and high level, towards the coarse face (c) and reference (r)."""

    low_c: Output
    low_r: Output
    high_r: Output
    high_c: Output


def four_losses(
    graph: Graph, features: Output, coarse: Output, reference: Output, **low: Any
) -> Losses:
    """Add the four losses; `low` goes to those of the low level."""

    def loss(image: Output, level: str, name: str) -> Output:
        options = low if level == "low" else {}
        kind = "PDGradLossBuilder"
        return graph.add(
            kind, name, features=features, image=image, level=level, name=name, **options
        ).out

    return Losses(
        loss(coarse, "low", "low_c"),
        loss(reference, "low", "low_r"),
        loss(reference, "high", "high_r"),
        loss(coarse, "high", "high_c"),
    )


def operated(graph: Graph, losses: Losses, method: str = "pdgrad") -> Node:
    """Add the surgery of each level, and their sum."""
    low, high = (
        graph.add(
            "PDGradGradientSurgery",
            f"Surgery: {name} level",
            pivot=pivot,
            other=other,
            method=method,
            name=name,
        )
        for name, pivot, other in (
            ("low", losses.low_c, losses.low_r),
            ("high", losses.high_r, losses.high_c),
        )
    )
    return graph.add("PDGradAddGuidance", first=low.out, second=high.out)


def surgery(
    graph: Graph, features: Output, coarse: Output, reference: Output, method: str = "pdgrad",
    **low: Any,
) -> Node:  # fmt: skip
    """Add PDGrad's whole guidance: four losses, two surgeries and their sum."""
    return operated(graph, four_losses(graph, features, coarse, reference, **low), method)


def sampled(graph: Graph, face: Face, guidance: Output, title: str = "", **options: Any) -> Node:
    """Add the sampler, from the coarse face."""
    return graph.add(
        "PDGradDDPMSampler",
        title,
        prior=face.prior.out,
        image=face.coarse.out,
        guidance=guidance,
        **{"seed": 1, "steps": 50, **options},
    )


def side_by_side(graph: Graph, title: str, *images: Output) -> Node:
    """Add a picture of several images in a row, enlarged for looking at."""
    row = images[0]
    for image in images[1:]:
        row = graph.add("ImageStitch", image1=row, image2=image, spacing_width=2).out
    large = graph.add("ImageScaleBy", image=row, upscale_method="bicubic", scale_by=3.0)
    return graph.add("PreviewImage", title, images=large.out)


def scored(graph: Graph, result: Output, truth: Output, scorer: Output, title: str = "") -> Node:
    """Add a comparison with the truth by networks that did not guide."""
    return graph.add("PDGradCompare", title, result=result, truth=truth, features=scorer)


def scorer(graph: Graph) -> Output:
    """Add the embedded scorers."""
    options = {"identity": "demo scorer", "perceptual": "demo scorer"}
    return graph.add("PDGradLoadFeatures", "Scorers (never guide)", **options).out
