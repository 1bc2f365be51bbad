"""Graphs in which a tiny model of the host's is guided, and what comes out of them."""

import json

import numpy as np

KINDS = {"sd": ("kl", 4), "sdxl": ("kl", 4), "flow": ("taesd16", 16), "flux": ("kl16", 16)}
SIDE = 64

GUIDE = {
    "strength": 0.3,
    "start_percent": 0.0,
    "end_percent": 1.0,
    "every": 1,
    "repeats": 1,
    "jitter_px": 0.0,
    "decode": "window",
}
SAMPLE = {
    "seed": 3,
    "steps": 4,
    "cfg": 1.5,
    "sampler_name": "euler",
    "scheduler": "normal",
    "denoise": 1.0,
}


def node(class_type, /, **inputs):
    return {"class_type": class_type, "inputs": inputs}


def graph(kind="sd", guide=None, guidance="10", **changed):
    """A model sampled by KSampler, guided by a pixel loss towards a drawn face."""
    vae, channels = KINDS[kind]
    empty = "EmptySD3LatentImage" if channels == 16 else "EmptyLatentImage"
    prompt = {
        "1": node("TinyModel", kind=kind),
        "2": node("TinyVAE", kind=vae),
        "3": node(empty, width=SIDE, height=SIDE, batch_size=1),
        "4": node(
            "PDGradDemoFaces", scene="portrait", person=1, view=3, count=1, size_px=str(SIDE)
        ),
        "10": node("PDGradPixelLoss", image=["4", 0], weight=1.0, name="goal"),
        "20": node("PDGradGuideModel", model=["1", 0], vae=["2", 0], **GUIDE),
        "30": node("KSampler", positive=["1", 1], negative=["1", 2], **SAMPLE),
        "40": node("ShowLatent", samples=["30", 0]),
    }
    if guidance:
        prompt["20"]["inputs"]["guidance"] = [guidance, 0]
    prompt["20"]["inputs"].update(guide or {})
    prompt["30"]["inputs"].update({"model": ["20", 0], "latent_image": ["3", 0], **changed})
    return prompt


def unguided(prompt):
    """The same without the guide."""
    kept = {number: one for number, one in prompt.items() if number != "20"}
    sampler = {**prompt["30"], "inputs": {**prompt["30"]["inputs"], "model": ["1", 0]}}
    return {**kept, "30": sampler}


def latent(host, prompt, shown="40"):
    run = host.run(prompt)
    assert run.status == "success", run.message
    found = run.outputs[shown]
    values = np.array(found["values"]).reshape(found["shape"])
    assert np.isfinite(values).all()
    return values


def refused(host, prompt):
    run = host.run(prompt)
    assert run.status in ("error", "refused"), run.status
    return run.message


def rows_of(host, prompt, sampler="30"):
    """Queue a graph with a plot of the guide's trace; return its rows."""
    plotted = {
        **prompt,
        "50": node("PDGradTracePlot", trace=["20", 1], face=0, after=[sampler, 0]),
        "51": node("PreviewAny", source=["50", 1]),
    }
    run = host.run(plotted)
    assert run.status == "success", run.message
    return json.loads(run.outputs["51"]["text"][0])


def encoded(prompt, **changed):
    prompt = {**prompt, "7": node("VAEEncode", pixels=["4", 0], vae=["2", 0])}
    prompt["30"] = node(
        "KSampler", **{**prompt["30"]["inputs"], "latent_image": ["7", 0], **changed}
    )
    return prompt


def defaults(host, class_type, *wired):
    """Return what a node's required inputs begin with, but for those that are wired."""
    given = host.get(f"/object_info/{class_type}")[class_type]["input"]["required"]
    return {
        name: options.get("default", kind[0] if isinstance(kind, list) else None)
        for name, (kind, options) in given.items()
        if name not in wired
    }


def align(host):
    found = defaults(host, "PDGradAlignFaces", "photo")
    return {**found, "method": "already aligned", "size_px": 64}


def contraction(host, **changed):
    return {**defaults(host, "PDGradContraction", "image"), "kernel": "box", **changed}


def surgery(host):
    return defaults(host, "PDGradGradientSurgery", "pivot", "other")
