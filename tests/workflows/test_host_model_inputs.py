"""What Guide Any Model is given: masks, decoders, windows, a low-pass; and what it refuses."""

import numpy as np
import pytest
from host_models import (
    SIDE,
    align,
    contraction,
    encoded,
    graph,
    latent,
    node,
    refused,
    unguided,
)

pytestmark = [pytest.mark.host, pytest.mark.timeout(900)]


def test_a_mask_of_the_guide_restricts_it(tiny_host):
    prompt = graph("sd", {"mask": ["19", 0]})
    prompt["8"] = node("SolidMask", value=1.0, width=SIDE // 2, height=SIDE)
    prompt["18"] = node("SolidMask", value=0.0, width=SIDE, height=SIDE)
    prompt["19"] = node(
        "MaskComposite", destination=["18", 0], source=["8", 0], x=0, y=0, operation="add"
    )
    prompt["30"]["inputs"]["steps"] = 1  # with more, the model carries it over
    moved = np.abs(latent(tiny_host, prompt) - latent(tiny_host, unguided(prompt)))
    assert moved[..., :4].mean() > 0.01
    assert moved[..., 4:].max() < 1e-5


def test_decoders_and_windows(tiny_host):
    """A small decoder, tiles, 16 bits, and a face's window instead of the whole picture."""
    prompt = graph("sd", steps=2)
    plain = latent(tiny_host, unguided(prompt))
    prompt["22"] = node("TinyVAE", kind="taesd4")
    prompt["23"] = node("TinyVAE", kind="half")
    prompt["24"] = node("PDGradAlignFaces", **align(tiny_host), photo=["4", 0])
    found = {}
    for name, changed in {
        "whole": {"decode": "whole"},
        "tiles": {"decode": "tiles"},
        "small": {"previewer_vae": ["22", 0]},
        "half": {"vae": ["23", 0]},
        "window": {"placement": ["24", 1]},
    }.items():
        whole = {**prompt, "20": node("PDGradGuideModel", **{**prompt["20"]["inputs"], **changed})}
        found[name] = latent(tiny_host, whole) - plain
        assert np.abs(found[name]).mean() > 0.01, name
    np.testing.assert_array_equal(found["whole"], found["tiles"])  # one tile of 8 x 8 cells
    cosine = (found["whole"] * found["half"]).sum() / np.sqrt(
        (found["whole"] ** 2).sum() * (found["half"] ** 2).sum()
    )
    assert cosine > 0.9


def test_a_low_pass_needs_no_guidance(tiny_host):
    prompt = encoded(graph("sd", {"contraction": ["25", 0]}, guidance=None), steps=6)
    prompt["25"] = node("PDGradContraction", image=["4", 0], **contraction(tiny_host, factor=32.0))
    prompt["42"] = node("ShowLatent", samples=["7", 0])
    run = tiny_host.run(prompt)
    assert run.status == "success", run.message
    found, photo = (
        np.array(run.outputs[n]["values"]).reshape(run.outputs[n]["shape"]) for n in ("40", "42")
    )
    plain = latent(tiny_host, unguided(prompt))
    # Box means of 4 x 4 cells, 32 x 32 pixels.
    low = [x.reshape(1, 4, 2, 4, 2, 4).mean((3, 5)) for x in (found, plain, photo)]
    assert np.abs(low[0] - low[2]).mean() < 0.2 * np.abs(low[1] - low[2]).mean()


@pytest.mark.parametrize(
    ("inputs", "nodes", "said"),
    [
        ({"vae": ["60", 0]}, {"60": node("TinyVAE", kind="taesd16")}, "latents of 16 channels"),
        ({"vae": ["60", 0]}, {"60": node("TinyVAE", kind="video")}, "decodes video"),
        ({"previewer_vae": ["60", 0]}, {"60": node("TinyVAE", kind="taesd16")}, "previewer_vae"),
        ({"guidance": None}, {}, "Nothing is to be done"),
        ({"start_percent": 0.5, "end_percent": 0.5}, {}, "must be smaller"),
        ({"decode": "magic"}, {}, "decode cannot be"),
        ({"strength": -1.0}, {}, "strength must be from 0 to 10"),
        (
            {"mask": ["60", 0]},
            {"60": node("SolidMask", value=0.0, width=8, height=8)},
            "black everywhere",
        ),
    ],
)
def test_what_cannot_be_guided_is_said_in_one_sentence(tiny_host, inputs, nodes, said):
    prompt = {**graph("sd"), **nodes}
    for name, value in inputs.items():
        if value is None:
            del prompt["20"]["inputs"][name]
        else:
            prompt["20"]["inputs"][name] = value
    assert said in refused(tiny_host, prompt)


def test_a_placement_of_another_picture_is_said_at_the_first_step(tiny_host):
    prompt = graph("sd", {"placement": ["24", 1]})
    prompt["9"] = node(
        "PDGradDemoFaces", scene="portrait", person=1, view=3, count=1, size_px="128"
    )
    prompt["24"] = node("PDGradAlignFaces", **align(tiny_host), photo=["9", 0])
    message = refused(tiny_host, prompt)
    assert "photo of 128x128 pixels" in message
    assert "64x64" in message


def test_a_plot_before_its_run_says_what_to_connect(tiny_host):
    prompt = graph("sd", {"strength": 0.31})
    prompt["50"] = node("PDGradTracePlot", trace=["20", 1], face=0)
    prompt["51"] = node("PreviewAny", source=["50", 1])
    del prompt["30"], prompt["40"]
    assert "connect the sampler's latent to after" in refused(tiny_host, prompt)
