"""Workflows of PGDiff: each task wired from its properties, and surgery between two of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graph import Graph, Node, Output
from parts import scored, scorer, side_by_side

Box = tuple[int, int, int, int]
"""x, y, width and height in pixels."""

SIZE_PX = 64

HOLES: Sequence[Box] = ((14, 24, 20, 20), (38, 44, 14, 14))
SCRATCHES: Sequence[Box] = ((20, 0, 2, 64), (0, 47, 64, 1), (50, 0, 14, 14))
AROUND_PX = 2
"""The mask reaches this far beyond a scratch: what a restorer smears there is not known either."""

FADED = {
    "preset": "own values",
    "sigma_px": 0.6,
    "sigma_across_px": 0.6,
    "kernel_px": 5,
    "scale": 2.0,
    "noise_delta": 8.0,
    "jpeg_quality": 80,
    "seed": 3,
}
"""An old print of 64 px: a little blurred, grainy."""

PHOTOS = (
    "**For photographs** choose **ffhq512-prior** in *Load Face Prior*, take *Load Image* and "
    "*Align Faces* (512 px) instead of the drawn face"
)
DYNAMIC = (
    "The official strength is {official} at 1000 steps. A dynamic strength is a fraction of each "
    "step, so with fewer steps it grows by the root of 1000 / steps ({scaled} at 100); what stands "
    "here suits the small demo prior."
)
CONSTANT = (
    "The official strength is 0.1, with any number of steps. The loss is a sum over pixels, and a "
    "face of 64 px has 64 times fewer than one of 512: hence the larger number here."
)
MASKS = (
    "For a mask paint over the photo in *Load Image* (right click, *Open in MaskEditor*) and take "
    "its MASK output; paint it wider than the damage. It must be of the faces' size, black and "
    "white."
)

PULL = {"strength_mode": "constant", "strength": 1.0}
HALF = {"strength_mode": "constant", "strength": 0.5}
COLORS = {"strength_scope": "channel", "strength": 0.1}
OLD = {"strength_scope": "channel", "strength": 0.05}
EXPERIMENT = {"strength_scope": "channel", "strength": 0.02}


def pgdiff_restoration() -> Graph:
    """Return restoration towards a smooth face."""
    graph = Graph(
        "# PGDiff: restoration\nOne property guides: *smooth semantics*. The restorer's answer is "
        "too smooth to be a photo, but right in what it shows; the *Pixel Loss* pulls every step "
        f"towards it and the prior adds the detail.\n\n{CONSTANT}\n\n{PHOTOS}, and **pgdiff-rrdb** "
        "in *Load Restorer*: connected to the loss, it answers anew at each step. strength 0.1."
    )
    face = _degraded(graph, person=1)
    loss = _smooth(graph, face)
    result = _sampled(graph, "Towards the smooth face", face["photo"], loss, **PULL)
    pictures = (face["photo"], face["coarse"], result.out, face["truth"])
    side_by_side(graph, "Degraded, smooth, restored, true", *pictures)
    scored(graph, result.out, face["truth"], scorer(graph), "Restored against the truth")
    return graph


def pgdiff_reference() -> Graph:
    """Return restoration with a reference's identity, and the same without."""
    graph = Graph(
        "# PGDiff: a reference's identity\nTwo properties, added: smooth semantics, and the "
        "distance of ArcFace's embeddings to another picture of the same person. Below the same "
        "without the reference: compare the identity angles (Deg).\n\n*form* squared is the "
        "official code's other variant, with weight 25. Put a **Gradient Surgery** in place of "
        "*Add Guidance* to mix PDGrad in."
        f"\n\n{CONSTANT}\n\n{PHOTOS}, **pgdiff-rrdb** in *Load Restorer* and **arcface-iresnet50** "
        "in *Load Feature Networks*; strength 0.1, weight 10000 (cosine)."
    )
    face = _degraded(graph, person=7)
    reference = graph.add("PDGradDemoFaces", "Reference: same person", person=7, view=20)
    features = graph.add("PDGradLoadFeatures")
    smooth = _smooth(graph, face)
    identity = graph.add(
        "PDGradIdentityLoss", features=features.out, image=reference.out, form="cosine",
        weight=640.0,
    )  # fmt: skip
    both = graph.add("PDGradAddGuidance", first=smooth, second=identity.out)
    result = _sampled(graph, "With the reference", face["photo"], both.out, **HALF)
    alone = _sampled(graph, "Without", face["photo"], smooth, **HALF)
    pictures = (face["photo"], alone.out, result.out, face["truth"], reference.out)
    side_by_side(graph, "Degraded, without, with the reference, true, reference", *pictures)
    score = scorer(graph)
    scored(graph, alone.out, face["truth"], score, "Without the reference")
    scored(graph, result.out, face["truth"], score, "With the reference")
    return graph


def pgdiff_colorization() -> Graph:
    """Return a grey picture coloured twice: portraits' colours, and a chosen picture's."""
    graph = Graph(
        "# PGDiff: colorization\nThe *Lightness Loss* keeps what the grey photo shows, the *Colour "
        "Statistics Loss* asks for the mean and spread of a portrait's colours; where they go "
        "the prior decides. Below: the colours of a picture of your choice (*style*).\n\n"
        f"{DYNAMIC.format(official=0.01, scaled=0.03)} Stronger makes the colours glow.\n\n{PHOTOS}"
        " and *Convert Image to Mask* away: the loss makes its photo grey by itself."
    )
    truth = graph.add("PDGradDemoFaces", "The face in colour", person=3, view=2)
    grey = _grey(graph, truth.out)
    style = graph.add("PDGradDemoFaces", "Colour style: any picture", person=12, view=4)
    light = graph.add("PDGradLightnessLoss", image=grey)
    results: list[Output] = []
    for title, more in (("Portraits' colours", {}), ("Chosen colours", {"style": style.out})):
        color = graph.add("PDGradColorStatisticsLoss", title, **more)
        both = graph.add("PDGradAddGuidance", first=light.out, second=color.out)
        results.append(_sampled(graph, title, grey, both.out, **COLORS).out)
    pictures = (grey, *results, truth.out, style.out)
    side_by_side(graph, "Grey, portraits' colours, chosen colours, true, chosen", *pictures)
    return graph


def pgdiff_inpainting() -> Graph:
    """Return a face whose holes the prior fills."""
    graph = Graph(
        "# PGDiff: inpainting\nWhite in the mask is missing: the *Pixel Loss* compares the known "
        "pixels only, and the prior invents the rest to fit. The loss never looks into the hole. "
        "The last node keeps the known pixels as they were; change the seed for another "
        "invention.\n\n"
        f"{DYNAMIC.format(official=0.01, scaled=0.03)}\n\n{PHOTOS}. {MASKS}"
    )
    truth = graph.add("PDGradDemoFaces", "The face as it was", person=4, view=3)
    mask = _boxes(graph, HOLES)
    photo = _painted(graph, "With holes", truth.out, mask)
    loss = graph.add("PDGradPixelLoss", image=photo, mask=mask, name="known")
    result = _sampled(graph, "Invents the holes", photo, loss.out, strength=0.1)
    kept = graph.add(
        "ImageCompositeMasked", "Known pixels as they were", destination=photo, source=result.out,
        mask=mask,
    )  # fmt: skip
    graph.add("MaskPreview", "What is missing", mask=mask)
    side_by_side(graph, "Damaged, sampled, kept, true", photo, result.out, kept.out, truth.out)
    return graph


def pgdiff_old_photo() -> Graph:
    """Return an old photo: blurred, grey and scratched."""
    graph = Graph(
        "# PGDiff: an old photo\nThree tasks in one guidance: the lightness of the restorer's "
        "answer on the known pixels (restoration), colour statistics (colorization), and *Mask "
        "Guidance*, which leaves the scratches to the prior (inpainting).\n\n"
        f"{DYNAMIC.format(official=0.002, scaled=0.006)} More restores more of the photo; for that "
        "the colour's official weight, 0.5, is made smaller here.\n\n"
        f"{PHOTOS} and **pgdiff-rrdb** in *Load Restorer*. {MASKS} "
        "Without scratches take *Mask Guidance* and the mask wires away."
    )
    photo, light, color, mask, truth = _old_photo(graph, color_weight=0.05)
    both = graph.add("PDGradAddGuidance", first=light, second=color)
    masked = graph.add("PDGradMaskGuidance", guidance=both.out, mask=mask)
    result = _sampled(graph, "An old photo", photo, masked.out, **OLD)
    graph.add("MaskPreview", "Scratches, and a little around them", mask=mask)
    side_by_side(graph, "Old photo, restored, true", photo, result.out, truth)
    return graph


def pgdiff_old_photo_surgery() -> Graph:
    """Return an old photo with PDGrad's surgery between its two properties."""
    graph = Graph(
        "# PDGrad between an old photo's properties\nAn experiment: PGDiff adds its properties, "
        "PDGrad settles conflicts. Lightness is the pivot, because it knows the photo; colour "
        "gives way where it would undo it. The plots show how often the two disagree: on drawn "
        "faces in most steps. The surgery works inside *Mask Guidance*: what happens in the "
        "scratches does not count.\n\nSwap *pivot* and *other* and the colours win. Below: the "
        "plain sum.\n\n"
        f"{PHOTOS} and **pgdiff-rrdb** in *Load Restorer*. {MASKS}"
    )
    photo, light, color, mask, truth = _old_photo(graph, color_weight=0.5)
    results: list[Output] = []
    for method in ("pdgrad", "sum"):
        wired = graph.add(
            "PDGradGradientSurgery", f"Surgery: {method}", pivot=light, other=color, method=method,
            name="properties",
        )  # fmt: skip
        masked = graph.add("PDGradMaskGuidance", guidance=wired.out, mask=mask)
        result = _sampled(graph, f"Sampler: {method}", photo, masked.out, **EXPERIMENT)
        plot = graph.add("PDGradTracePlot", trace=result["trace"])
        graph.add("PreviewImage", f"Conflicts: {method}", images=plot.out)
        results.append(result.out)
    side_by_side(graph, "Old photo, pdgrad, sum, true", photo, *results, truth)
    return graph


def _degraded(graph: Graph, person: int) -> dict[str, Any]:
    """Add a drawn face, degraded, and the restorer with its answer."""
    truth = graph.add("PDGradDemoFaces", "The face as it was", person=person, view=3)
    photo = graph.add("PDGradDegrade", image=truth.out, preset="pdgrad", seed=4)
    restorer = graph.add("PDGradLoadRestorer")
    coarse = graph.add("PDGradCoarseRestore", image=photo.out, restorer=restorer.out)
    return {
        "truth": truth.out,
        "photo": photo.out,
        "restorer": restorer.out,
        "coarse": coarse.out,
    }


def _smooth(graph: Graph, face: dict[str, Any]) -> Output:
    """Add the loss of smooth semantics; the restorer makes its target."""
    return graph.add(
        "PDGradPixelLoss", "Smooth semantics", image=face["photo"], restorer=face["restorer"],
        name="smooth",
    ).out  # fmt: skip


def _sampled(graph: Graph, title: str, photo: Output, guidance: Output, **options: Any) -> Node:
    """Add the sampler as PGDiff runs it, from noise alone; the photo gives the size."""
    priors = [node for node in graph.nodes if node.kind == "PDGradLoadPrior"]
    prior = priors[0] if priors else graph.add("PDGradLoadPrior")
    return graph.add(
        "PDGradDDPMSampler", title, prior=prior.out, image=photo, guidance=guidance, start="noise",
        **{"seed": 1, "steps": 100, **options},
    )  # fmt: skip


def _grey(graph: Graph, image: Output) -> Output:
    """Add nodes that take the colours away; the green channel is near the eye's grey."""
    channel = graph.add("ImageToMask", image=image, channel="green")
    return graph.add("MaskToImage", "Grey", mask=channel.out).out


def _boxes(graph: Graph, boxes: Sequence[Box]) -> Output:
    """Add nodes that draw a mask of boxes."""
    mask = graph.add("SolidMask", "Nothing", value=0.0, width=SIZE_PX, height=SIZE_PX).out
    for x, y, width, height in boxes:
        box = graph.add("SolidMask", "A box", value=1.0, width=width, height=height)
        mask = graph.add(
            "MaskComposite", destination=mask, source=box.out, x=x, y=y, operation="add"
        ).out
    return mask


def _painted(graph: Graph, title: str, image: Output, mask: Output) -> Output:
    """Add nodes that paint an image white where a mask is."""
    white = graph.add("EmptyImage", "White", width=SIZE_PX, height=SIZE_PX, color=0xFFFFFF)
    return graph.add(
        "ImageCompositeMasked", title, destination=image, source=white.out, mask=mask
    ).out


def _old_photo(graph: Graph, color_weight: float) -> tuple[Output, Output, Output, Output, Output]:
    """Add an old photo; return it, its two losses, the mask to use, and the truth."""
    truth = graph.add("PDGradDemoFaces", "The face as it was", person=10, view=3)
    faded = graph.add("PDGradDegrade", "Faded", image=truth.out, **FADED)
    grey = _grey(graph, faded.out)
    scratches = _boxes(graph, SCRATCHES)
    photo = _painted(graph, "Scratched", grey, scratches)
    mask = graph.add("GrowMask", "A little wider", mask=scratches, expand=AROUND_PX).out
    restorer = graph.add("PDGradLoadRestorer")
    light = graph.add("PDGradLightnessLoss", image=photo, mask=mask, restorer=restorer.out)
    color = graph.add("PDGradColorStatisticsLoss", weight=color_weight)
    return photo, light.out, color.out, mask, truth.out
