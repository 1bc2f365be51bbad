"""Workflows for photographs, with the published models."""

from __future__ import annotations

from graph import Graph, Node, Output
from parts import Face, example, sampled, surgery

PHOTOS = {
    "prior": {"weights": "ffhq512-prior"},
    "features": {"identity": "arcface-iresnet50", "perceptual": "vgg16"},
    "restorer": {"weights": "codeformer"},
}


def _photo_models(graph: Graph) -> tuple[Node, Node, Node]:
    return (
        graph.add("PDGradLoadPrior", **PHOTOS["prior"]),
        graph.add("PDGradLoadFeatures", **PHOTOS["features"]),
        graph.add("PDGradLoadRestorer", **PHOTOS["restorer"]),
    )


PHOTO_NEEDS = (
    "ffhq512-prior, codeformer, arcface-iresnet50 and vgg16, 1.9 GB: *Fetch Weights* in the "
    "sidebar lists and gets them; a file that is missing is also named when you press Run."
)


def restore_photo() -> Graph:
    """Return a photograph restored with a reference photo, by the published models."""
    graph = Graph(
        "# A photograph and a reference\nPick the damaged photo and a good one of the same person "
        "in the two *Load Face Photo* nodes and press **Run**. The largest face is found, restored "
        "at 512 px and pasted back.",
        needs=PHOTO_NEEDS,
    )
    prior, features, restorer = _photo_models(graph)
    photo = graph.add("PDGradLoadPhoto", "The photo to restore", photo=example("bad group photo"))
    known = graph.add(
        "PDGradLoadPhoto", "Reference: same person", photo=example("left person of the group")
    )
    faces = graph.add("PDGradAlignFaces", "The face", photo=photo.out)
    reference = graph.add("PDGradAlignFaces", "The reference's face", photo=known.out)
    coarse = graph.add("PDGradCoarseRestore", image=faces.out, restorer=restorer.out)
    face = Face(prior, features, photo, reference, faces, coarse)
    guidance = surgery(graph, features.out, coarse.out, reference.out)
    result = sampled(graph, face, guidance.out, steps=100)
    pasted = graph.add(
        "PDGradPasteFaces", photo=photo.out, restored=result.out, placement=faces["placement"]
    )
    graph.add("SaveImage", "Restored", images=pasted.out, filename_prefix="pdgrad/restored")
    return graph


def pgdiff_quality() -> Graph:
    """Return PGDiff's quality guidance, which needs a discriminator."""
    graph = Graph(
        "# PGDiff: quality\nThree properties, added: smooth semantics (towards the restorer's "
        "answer, made anew at each step), VGG16's features of a sharper restoration, and what a "
        "GAN's discriminator takes for a photograph. It has no demo models.\n\n"
        "1000 steps are the official number; a constant strength stays the same with fewer.",
        needs="ffhq512-prior, pgdiff-rrdb, codeformer, vgg16 and gpen-discriminator: *Fetch "
        "Weights* in the sidebar gets them; one that is missing is also named when you press Run.",
    )
    prior, features, restorer = _photo_models(graph)
    rrdb = graph.add("PDGradLoadRestorer", "PGDiff's restorer", weights="pgdiff-rrdb")
    judge = graph.add("PDGradLoadDiscriminator")
    photo = graph.add("PDGradLoadPhoto", "The photo to restore", photo=example("bad group photo"))
    faces = graph.add("PDGradAlignFaces", "The face", photo=photo.out)
    coarse = graph.add("PDGradCoarseRestore", image=faces.out, restorer=restorer.out)
    losses = (
        graph.add("PDGradPixelLoss", image=faces.out, restorer=rrdb.out, name="smooth"),
        graph.add("PDGradPerceptualLoss", features=features.out, image=coarse.out),
        graph.add("PDGradAdversarialLoss", discriminator=judge.out),
    )
    both = graph.add("PDGradAddGuidance", first=losses[0].out, second=losses[1].out)
    guidance = graph.add("PDGradAddGuidance", first=both.out, second=losses[2].out)
    result = graph.add(
        "PDGradDDPMSampler", prior=prior.out, image=faces.out, guidance=guidance.out, seed=1,
        start="noise", steps=1000, strength_mode="constant", strength=0.1,
    )  # fmt: skip
    pasted = graph.add(
        "PDGradPasteFaces", photo=photo.out, restored=result.out, placement=faces["placement"]
    )
    graph.add("SaveImage", "Restored", images=pasted.out, filename_prefix="pdgrad/quality")
    return graph


def sd_face() -> Graph:
    """Return a face made by Stable Diffusion, pulled towards a person."""
    graph = Graph(
        "# A face from Stable Diffusion, with somebody's identity\nAn SD checkpoint draws a "
        "portrait; its face is aligned and sampled anew towards the person of the reference photo. "
        "Lower *tau* to keep more of the picture.",
        needs=PHOTO_NEEDS + " Also an SD 1.5 or SDXL checkpoint of your own in models/checkpoints.",
    )
    prior, features, restorer = _photo_models(graph)
    checkpoint = graph.add("CheckpointLoaderSimple", ckpt_name="sd_checkpoint.safetensors")
    known = graph.add("PDGradLoadPhoto", "Reference photo", photo=example("same person"))
    prompts = [
        graph.add("CLIPTextEncode", title, text=text, clip=Output(checkpoint.id, 1))
        for title, text in (
            ("Prompt", "portrait photo of a person, soft light"),
            ("Negative prompt", "drawing, blurry"),
        )
    ]
    latent = graph.add("EmptyLatentImage", width=512, height=512)
    sampler = graph.add(
        "KSampler", "Stable Diffusion", model=checkpoint.out, positive=prompts[0].out,
        negative=prompts[1].out, latent_image=latent.out, seed=7, sampler_name="euler",
        scheduler="normal",
    )  # fmt: skip
    drawn = graph.add("VAEDecode", samples=sampler.out, vae=Output(checkpoint.id, 2))
    faces = graph.add("PDGradAlignFaces", photo=drawn.out)
    reference = graph.add("PDGradAlignFaces", "The reference's face", photo=known.out)
    coarse = graph.add("PDGradCoarseRestore", image=faces.out, restorer=restorer.out)
    face = Face(prior, features, drawn, reference, faces, coarse)
    guidance = surgery(graph, features.out, coarse.out, reference.out)
    result = sampled(graph, face, guidance.out, steps=100, tau=500)
    pasted = graph.add(
        "PDGradPasteFaces", photo=drawn.out, restored=result.out, placement=faces["placement"]
    )
    graph.add("SaveImage", images=pasted.out, filename_prefix="pdgrad/sd_face")
    return graph
