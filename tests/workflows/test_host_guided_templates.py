"""The workflows that guide SDXL and Flux, as they come, on tiny models in the places of theirs."""

import json
from pathlib import Path

import numpy as np
import pytest
from host_models import defaults, node

pytestmark = [pytest.mark.host, pytest.mark.timeout(900)]

API = Path(__file__).parents[2] / "workflows" / "api"
MODEL, VAE, PHOTO, MASK = "100", "101", "102", "103"


def rewired(prompt, places):
    """Take nodes out, and let what was wired to their outputs be wired to others."""
    gone = {number for number, _ in places}

    def other(value):
        return places.get(tuple(value), value) if isinstance(value, list) else value

    return {
        number: node(
            one["class_type"], **{name: other(value) for name, value in one["inputs"].items()}
        )
        for number, one in prompt.items()
        if number not in gone
    }


def template(host, name, kind, vae):
    """Return a workflow on tiny models and a drawn photo; its checkpoint and texts are gone."""
    prompt = json.loads((API / f"{name}.json").read_text())

    def of(class_type):
        return [number for number, one in prompt.items() if one["class_type"] == class_type]

    (checkpoint,), (good, bad) = of("CheckpointLoaderSimple"), of("CLIPTextEncode")
    places = {(checkpoint, 0): [MODEL, 0], (checkpoint, 2): [VAE, 0]}
    places |= {(good, 0): [MODEL, 1], (bad, 0): [MODEL, 2]}
    for number in (*of("PDGradLoadPhoto"), *of("LoadImage")):
        places |= {(number, 0): [PHOTO, 0], (number, 1): [MASK, 0]}
    (features,) = of("PDGradLoadFeatures")
    prompt[features] = node("PDGradLoadFeatures", **defaults(host, "PDGradLoadFeatures"))
    for number in of("PDGradAlignFaces"):
        wanted = prompt[number]["inputs"]
        by_hand = {"method": "landmarks", "landmarks": [PHOTO, 1]}
        # A detector of photographs need not find drawn faces; sizes are an eighth.
        prompt[number]["inputs"] = {**wanted, **by_hand, "size_px": wanted["size_px"] // 8 or 64}
    for number in of("KSampler"):
        prompt[number]["inputs"]["steps"] = 4
    return rewired(prompt, places) | {
        MODEL: node("TinyModel", kind=kind),
        VAE: node("TinyVAE", kind=vae),
        PHOTO: node(
            "PDGradDemoFaces", scene="group of three", person=2, view=5, count=1, size_px="64"
        ),
        MASK: node("SolidMask", value=1.0, width=230, height=102),
    }


@pytest.mark.parametrize(
    ("name", "kind", "vae"),
    [
        ("Mix - SDXL refines a face", "sdxl", "kl"),
        ("Mix - Flux inpaints a face", "flux", "kl16"),
    ],
)
def test_a_workflow_runs_and_its_guide_guides(tiny_host, name, kind, vae):
    prompt = template(tiny_host, name, kind, vae)
    (saved,) = [number for number, one in prompt.items() if one["class_type"] == "SaveImage"]
    (guide,) = [n for n, one in prompt.items() if one["class_type"] == "PDGradGuideModel"]
    run = tiny_host.run(prompt)
    assert run.status == "success", run.message
    guided = np.asarray(tiny_host.image(run.outputs[saved]["images"][0]), dtype=float)
    prompt[guide]["inputs"]["strength"] = 0.0
    run = tiny_host.run(prompt)
    assert run.status == "success", run.message
    plain = np.asarray(tiny_host.image(run.outputs[saved]["images"][0]), dtype=float)
    assert guided.shape == plain.shape
    assert np.abs(guided - plain).max() > 1
