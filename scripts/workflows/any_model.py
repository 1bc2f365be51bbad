"""Workflows that guide other models than the pack's own: SDXL, Flux, anything in KSampler."""

from __future__ import annotations

from graph import Graph, Node, Output
from parts import example, scored, scorer, side_by_side

NETWORKS = "arcface-iresnet50 and vgg16 (*Fetch Weights* in the sidebar gets them)"


def _checkpoint(graph: Graph, name: str, prompt: str) -> tuple[Node, Output, Output]:
    """Add a checkpoint and what it is told, good and bad."""
    checkpoint = graph.add("CheckpointLoaderSimple", ckpt_name=name)
    told = [
        graph.add("CLIPTextEncode", title, text=text, clip=Output(checkpoint.id, 1)).out
        for title, text in (("Prompt", prompt), ("Negative prompt", "blurry, drawing"))
    ]
    return checkpoint, told[0], told[1]


def _towards_reference(graph: Graph) -> Output:
    """Add the losses that pull towards the person of a reference photo."""
    features = graph.add("PDGradLoadFeatures", identity="arcface-iresnet50", perceptual="vgg16")
    known = graph.add("PDGradLoadPhoto", "Reference: same person", photo=example("same person"))
    reference = graph.add("PDGradAlignFaces", "The reference's face", photo=known.out)
    return graph.add(
        "PDGradIdentityLoss", features=features.out, image=reference.out, name="person"
    ).out


def sdxl_face_with_reference() -> Graph:
    """Return a face detailed by SDXL and pulled towards a person: cut, guided, pasted back."""
    graph = Graph(
        "# SDXL refines a face, and it stays the person\nAs a face detailer does it: *Align Faces* "
        "cuts the face out at 1024 px, KSampler samples it anew (*denoise* 0.45), *Paste Faces "
        "Back* puts it into the photo. *Guide Any Model* pulls each step towards the person of the "
        "reference photo; without it, what comes out is somebody like them.\n\n*strength* 0.1 to "
        "0.2; *every* 2 is nearly as good for half of the cost; a TAESD in *previewer_vae* is "
        "faster still.\n\nSD 1.5 goes the same way with *size_px* 512.",
        needs=f"an SDXL checkpoint of your own in models/checkpoints, {NETWORKS}.",
    )
    checkpoint, good, bad = _checkpoint(
        graph, "sd_xl_base_1.0.safetensors", "close-up photo of a face, natural skin, sharp"
    )
    photo = graph.add("PDGradLoadPhoto", "The photo", photo=example("bad photo"))
    face = graph.add("PDGradAlignFaces", "The face", photo=photo.out, size_px=1024)
    vae = Output(checkpoint.id, 2)
    latent = graph.add("VAEEncode", pixels=face.out, vae=vae)
    guided = graph.add(
        "PDGradGuideModel", model=checkpoint.out, vae=vae, guidance=_towards_reference(graph)
    )
    sampler = graph.add(
        "KSampler", model=guided.out, positive=good, negative=bad, latent_image=latent.out,
        seed=7, steps=30, cfg=5.0, sampler_name="dpmpp_2m", scheduler="karras", denoise=0.45,
    )  # fmt: skip
    drawn = graph.add("VAEDecode", samples=sampler.out, vae=vae)
    pasted = graph.add(
        "PDGradPasteFaces", photo=photo.out, restored=drawn.out, placement=face["placement"]
    )
    graph.add("SaveImage", images=pasted.out, filename_prefix="pdgrad/sdxl_face")
    plot = graph.add("PDGradTracePlot", trace=guided["trace"], after=sampler.out)
    graph.add("PreviewImage", "Step by step", images=plot.out)
    return graph


def flux_inpaint_face() -> Graph:
    """Return a face inpainted by Flux, pulled towards a person where the mask is white."""
    graph = Graph(
        "# Flux inpaints a face, and it becomes the person\nPaint over the face in *Load Image* "
        "(right click, *Open in MaskEditor*). Flux draws what is white anew; *Guide Any Model* "
        "pulls it towards the reference photo. *placement* says where the face is, so that only "
        "the part of the picture around it is decoded at each step.\n\nThe same works with SD3, "
        "Z-Image and other rectified flows of still pictures.",
        needs="a Flux checkpoint with its text encoders and VAE (flux1-dev-fp8.safetensors) in "
        f"models/checkpoints, {NETWORKS}.",
    )
    checkpoint, good, bad = _checkpoint(
        graph, "flux1-dev-fp8.safetensors", "photo of a person looking at the camera"
    )
    vae = Output(checkpoint.id, 2)
    photo = graph.add("LoadImage", "The photo, its face painted over", image="example.png")
    face = graph.add("PDGradAlignFaces", "Where the face is", photo=photo.out)
    latent = graph.add("VAEEncode", pixels=photo.out, vae=vae)
    masked = graph.add("SetLatentNoiseMask", samples=latent.out, mask=Output(photo.id, 1))
    guided = graph.add(
        "PDGradGuideModel",
        model=checkpoint.out,
        vae=vae,
        guidance=_towards_reference(graph),
        placement=face["placement"],
    )
    good = graph.add("FluxGuidance", conditioning=good).out
    sampler = graph.add(
        "KSampler", model=guided.out, positive=good, negative=bad, latent_image=masked.out,
        seed=7, steps=20, cfg=1.0, sampler_name="euler", scheduler="simple", denoise=0.8,
    )  # fmt: skip
    drawn = graph.add("VAEDecode", samples=sampler.out, vae=vae)
    graph.add("SaveImage", images=drawn.out, filename_prefix="pdgrad/flux_face")
    return graph


def any_model_lowpass() -> Graph:
    """Return the demo prior in KSampler: alone, kept true by a low-pass, and guided as well."""
    graph = Graph(
        "# Any model, kept true to a photo\nA model in KSampler, image to image, three times: "
        "alone, with a *Contraction* that keeps the photo's colours and shapes, and with a pull "
        "towards another picture of the person as well.\n\nIt runs on the embedded prior of drawn "
        "faces, whose latents are its pixels. For photographs put *Load Checkpoint* in the place "
        "of the prior, with its own VAE and prompts; a *factor* of 32 to 64 then keeps colours, "
        "16 shapes too."
    )
    prior = graph.add("PDGradLoadPrior")
    model = graph.add("PDGradPriorAsModel", prior=prior.out)
    vae = graph.add("VAELoader", vae_name="pixel_space")
    features = graph.add("PDGradLoadFeatures")
    truth = graph.add("PDGradDemoFaces", "The face as it was", person=3, view=2)
    reference = graph.add("PDGradDemoFaces", "Reference: same person", person=3, view=20)
    degraded = graph.add("PDGradDegrade", image=truth.out, preset="idm", seed=3)
    latent = graph.add("VAEEncode", pixels=degraded.out, vae=vae.out)
    low = graph.add("PDGradContraction", image=degraded.out, factor=8.0)
    person = graph.add(
        "PDGradIdentityLoss", features=features.out, image=reference.out, name="person"
    )
    guide = {"model": model.out, "vae": vae.out, "contraction": low.out}
    true = graph.add("PDGradGuideModel", "Low-pass", **guide)
    pulled = graph.add("PDGradGuideModel", "Low-pass and person", guidance=person.out, **guide)
    score = scorer(graph)
    results: list[Output] = []
    latents: list[Output] = []
    for title, patched in (("Alone", model), ("Low-pass", true), ("Low-pass and person", pulled)):
        sampler = graph.add(
            "KSampler", title, model=patched.out, positive=model["conditioning"],
            negative=model["conditioning"], latent_image=latent.out, seed=5, steps=20, cfg=1.0,
            sampler_name="euler", scheduler="normal", denoise=0.5,
        )  # fmt: skip
        drawn = graph.add("VAEDecode", samples=sampler.out, vae=vae.out)
        scored(graph, drawn.out, truth.out, score, f"Score: {title}")
        results.append(drawn.out)
        latents.append(sampler.out)
    side_by_side(
        graph, "Degraded, alone, low-pass, with person, true", degraded.out, *results, truth.out
    )
    plot = graph.add("PDGradTracePlot", trace=pulled["trace"], after=latents[-1])
    graph.add("PreviewImage", "Step by step", images=plot.out)
    return graph
