"""Parts and studies with the embedded models and drawn faces: they run anywhere, with no file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graph import Graph, Output
from parts import (
    PHOTO_MODELS,
    Losses,
    begin,
    four_losses,
    operated,
    sampled,
    scored,
    scorer,
    side_by_side,
    surgery,
)


def restore_face_with_references() -> Graph:
    """Return an aligned face restored with three references."""
    graph = Graph(
        "# An aligned face and three references\nThree pictures of the same person are a batch of "
        "three; each loss averages over them (*batch_mode*: references). *Align Faces* takes the "
        "picture as already aligned; set it to *detect* for a photo.\n\nChange the person's number "
        "in the reference node and watch the identity angle (Deg) grow.\n\n" + PHOTO_MODELS
    )
    face = begin(graph, references=3, align=True)
    guidance = surgery(
        graph, face.features.out, face.coarse.out, face.reference.out, batch_mode="references"
    )
    result = sampled(graph, face, guidance.out)
    side_by_side(
        graph, "Degraded, restored, true", face.degraded.out, result.out, face.truth.out
    )  # fmt: skip
    scored(graph, result.out, face.truth.out, scorer(graph), "Restored against the truth")
    return graph


def pdgrad_against_sum() -> Graph:
    """Return the same losses joined by surgery, and simply added."""
    graph = Graph(
        "# Gradient surgery against the plain sum\nThe same losses, seed and steps; only the "
        "method of the two surgeries differs: *pdgrad* and *sum* (ablation A1). The plots show "
        "how the gradients conflict in each."
    )
    face = begin(graph, person=4)
    score = scorer(graph)
    results: list[Output] = []
    for method in ("pdgrad", "sum"):
        guidance = surgery(graph, face.features.out, face.coarse.out, face.reference.out, method)
        result = sampled(graph, face, guidance.out, f"Sampler: {method}")
        plot = graph.add("PDGradTracePlot", trace=result["trace"])
        graph.add("PreviewImage", f"Conflicts: {method}", images=plot.out)
        scored(graph, result.out, face.truth.out, score, f"Score: {method}")
        results.append(result.out)
    side_by_side(graph, "Degraded, pdgrad, sum, true", face.degraded.out, *results, face.truth.out)
    return graph


def ablation() -> Graph:
    """Return the paper's ablations A1 to A6, and the whole method."""
    graph = Graph(
        "# Ablation\nThe paper's six ablations and the whole method, on one face with one seed: "
        "**A1** plain sum, **A2** projection without the length limit, **A3** only d_arc at the "
        "low level, **A4** only d_vgg there, **A5** only the coarse face, **A6** only the "
        "reference.\n\nPictures from left to right: PDGrad, A1 ... A6."
    )
    face = begin(graph, person=7)
    score = scorer(graph)
    images = (face.features.out, face.coarse.out, face.reference.out)
    losses = four_losses(graph, *images)

    def low(**off: float) -> Losses:
        features, coarse, reference = images
        nodes = {
            name: graph.add(
                "PDGradLossBuilder", name, features=features, image=image, name=name, **off
            ).out
            for name, image in (("low_c", coarse), ("low_r", reference))
        }
        return replace(losses, **nodes)

    identity_only, perceptual_only = low(perceptual_weight=0.0), low(identity_weight=0.0)

    def added(first: Output, second: Output) -> Output:
        return graph.add("PDGradAddGuidance", first=first, second=second).out

    rows: dict[str, Callable[[], Output]] = {
        "PDGrad": lambda: operated(graph, losses).out,
        "A1: sum": lambda: operated(graph, losses, "sum").out,
        "A2: projection": lambda: operated(graph, losses, "projection").out,
        "A3: low d_arc only": lambda: operated(graph, identity_only).out,
        "A4: low d_vgg only": lambda: operated(graph, perceptual_only).out,
        "A5: coarse only": lambda: added(losses.low_c, losses.high_c),
        "A6: reference only": lambda: added(losses.low_r, losses.high_r),
    }
    results: list[Output] = []
    for name, build in rows.items():
        result = sampled(graph, face, build(), name, steps=25)
        scored(graph, result.out, face.truth.out, score, name)
        results.append(result.out)
    side_by_side(graph, "PDGrad, A1 ... A6", *results)
    return graph


def degradation_study() -> Graph:
    """Return one face under four degradations, and what the coarse restorer makes of it."""
    graph = Graph(
        "# Degradation study\nOne face under the papers' degradations and under values of your "
        "own; what was drawn is shown as JSON. Change the seed to draw again."
    )
    restorer = graph.add("PDGradLoadRestorer")
    truth = graph.add("PDGradDemoFaces", person=2, view=8)
    rows: list[Output] = []
    for preset in ("pdgrad", "idm", "gan_prior", "own values"):
        degraded = graph.add("PDGradDegrade", preset, image=truth.out, preset=preset, seed=11)
        coarse = graph.add(
            "PDGradCoarseRestore", f"Coarse: {preset}", image=degraded.out, restorer=restorer.out
        )
        graph.add("PreviewAny", f"Drawn: {preset}", source=degraded["values"])
        graph.add("PDGradCompare", f"Degraded: {preset}", result=degraded.out, truth=truth.out)
        graph.add("PDGradCompare", f"Coarse: {preset}", result=coarse.out, truth=truth.out)
        rows.append(
            graph.add("ImageStitch", image1=degraded.out, image2=coarse.out, direction="down").out
        )
    side_by_side(graph, "pdgrad, idm, gan_prior, own: degraded over coarse", *rows)
    return graph


def prior_in_ksampler() -> Graph:
    """Return the prior in the host's own sampler."""
    graph = Graph(
        "# The prior in KSampler\n*Face Prior as MODEL* makes the prior a pixel-space MODEL: any "
        "sampler node takes it. Use the VAE **pixel_space**, cfg 1, and the conditioning for both "
        "positive and negative.\n\nAn Empty Latent Image of 512 px is 64 px here. Below: the same "
        "from a degraded face (image to image, denoise 0.5)."
    )
    prior = graph.add("PDGradLoadPrior")
    model = graph.add("PDGradPriorAsModel", prior=prior.out)
    vae = graph.add("VAELoader", vae_name="pixel_space")
    empty = graph.add("EmptyLatentImage", width=512, height=512, batch_size=4)
    face = graph.add("PDGradDemoFaces", person=3, view=2)
    degraded = graph.add("PDGradDegrade", image=face.out, preset="idm", seed=3)
    encoded = graph.add("VAEEncode", pixels=degraded.out, vae=vae.out)
    for title, latent, denoise in (
        ("Faces that nobody has", empty.out, 1.0),
        ("Image to image", encoded.out, 0.5),
    ):
        sampler = graph.add(
            "KSampler", title, model=model.out, positive=model["conditioning"],
            negative=model["conditioning"], latent_image=latent, seed=5, steps=20, cfg=1.0,
            sampler_name="euler", scheduler="normal", denoise=denoise,
        )  # fmt: skip
        decoded = graph.add("VAEDecode", samples=sampler.out, vae=vae.out)
        graph.add("PreviewImage", title, images=decoded.out)
    return graph


def upscale_and_compare() -> Graph:
    """Return a result fed into the host's own image nodes."""
    graph = Graph(
        "# On to other nodes\nThe restored face is an ordinary IMAGE: here it is enlarged by the "
        "core's *Upscale Image By* and laid beside the degraded one. Any upscale or image-compare "
        "node takes it; *Load Upscale Model* also plugs into *Coarse Restore* directly."
    )
    face = begin(graph, person=5)
    guidance = surgery(graph, face.features.out, face.coarse.out, face.reference.out)
    result = sampled(graph, face, guidance.out, steps=25)
    large = [
        graph.add("ImageScaleBy", image=image, upscale_method="lanczos", scale_by=4.0).out
        for image in (face.degraded.out, result.out)
    ]
    beside = graph.add("ImageStitch", image1=large[0], image2=large[1], spacing_width=4)
    graph.add("SaveImage", "Before and after", images=beside.out, filename_prefix="pdgrad/upscaled")
    return graph
