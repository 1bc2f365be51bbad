"""Guide Any Model on one face of a larger picture, and on pictures of several sizes."""

import numpy as np
import pytest
from host_models import align, encoded, graph, latent, node, refused, rows_of, unguided

pytestmark = [pytest.mark.host, pytest.mark.timeout(900)]

# Of three portraits of 64 px the left one ends at pixel 83, cell 11; 8 cells more are decoded.
BEHIND_THE_WINDOW = 20


@pytest.fixture(scope="module")
def inpainted(tiny_host):
    """The left face of a group photo drawn anew by Flux, as the template does it."""

    def make(**changed):
        prompt = graph("flux", {"placement": ["24", 1]})
        prompt["9"] = node(
            "PDGradDemoFaces", scene="group of three", person=2, view=5, count=1, size_px="64"
        )
        by_hand = {**align(tiny_host), "method": "landmarks", "landmarks": ["9", 1]}
        by_hand |= {"choose": "by number", "numbers": "0"}
        prompt["24"] = node("PDGradAlignFaces", **by_hand, photo=["9", 0])
        prompt["7"] = node("VAEEncode", pixels=["9", 0], vae=["2", 0])
        # The picture has 230 x 102 px; its outermost ones are no whole cell.
        prompt["8"] = node("SolidMask", value=1.0, width=64, height=96)
        prompt["18"] = node("SolidMask", value=0.0, width=224, height=96)
        prompt["19"] = node(
            "MaskComposite", destination=["18", 0], source=["8", 0], x=16, y=0, operation="add"
        )
        prompt["17"] = node("SetLatentNoiseMask", samples=["7", 0], mask=["19", 0])
        prompt["28"] = node("FluxGuidance", conditioning=["1", 1], guidance=3.5)
        told = {"positive": ["28", 0], "latent_image": ["17", 0], "cfg": 1.0, "denoise": 0.8}
        prompt["30"]["inputs"].update({**told, **changed})
        return prompt

    return make


def test_flux_inpaints_a_face_and_keeps_the_rest(tiny_host, inpainted):
    prompt = inpainted()
    prompt["41"] = node("ShowLatent", samples=["7", 0])
    kept, found = latent(tiny_host, prompt, "41"), latent(tiny_host, prompt)
    assert kept.shape == (1, 16, 12, 28)
    np.testing.assert_allclose(found[..., 11:], kept[..., 11:], atol=1e-3)
    moved = np.abs(found - latent(tiny_host, unguided(prompt)))
    assert moved[..., 2:10].mean() > 0.01
    (row, *_) = rows_of(tiny_host, prompt)
    assert row["shift_fraction"] == pytest.approx([0.3], rel=1e-4)


def test_only_the_window_of_a_placement_is_guided(tiny_host, inpainted):
    prompt = inpainted(latent_image=["7", 0], steps=1)  # with more, the model carries it over
    plain = latent(tiny_host, unguided(prompt))
    window = latent(tiny_host, prompt) - plain
    prompt["20"]["inputs"]["decode"] = "whole"
    whole = latent(tiny_host, prompt) - plain
    assert np.abs(window[..., BEHIND_THE_WINDOW:]).max() == 0
    assert np.abs(whole[..., BEHIND_THE_WINDOW:]).max() > 0  # by way of the group norms
    face = (slice(None), slice(None), slice(None), slice(2, 10))
    cosine = (window[face] * whole[face]).sum() / np.sqrt(
        (window[face] ** 2).sum() * (whole[face] ** 2).sum()
    )
    assert cosine > 0.8


def test_one_guided_model_is_sampled_at_several_sizes(tiny_host):
    """Face detailers do so, with crops of their own; the loss then looks at the whole crop."""
    prompt = graph("sd")
    alone = latent(tiny_host, prompt)
    prompt["5"] = node("EmptyLatentImage", width=128, height=128, batch_size=1)
    again = {**prompt["30"]["inputs"], "latent_image": ["5", 0]}
    prompt["35"] = node("KSampler", **again)
    prompt["41"] = node("ShowLatent", samples=["35", 0])
    run = tiny_host.run(prompt)
    assert run.status == "success", run.message
    first = np.array(run.outputs["40"]["values"]).reshape(alone.shape)
    np.testing.assert_array_equal(first, alone)
    assert run.outputs["41"]["shape"] == [1, 4, 16, 16]
    plain = {**prompt, "35": node("KSampler", **{**again, "model": ["1", 0]})}
    guided = np.array(run.outputs["41"]["values"])
    assert np.abs(guided - latent(tiny_host, plain, "41").ravel()).mean() > 0.01


def test_a_picture_of_another_shape_than_the_reference_needs_a_placement(tiny_host):
    prompt = graph("sd")
    prompt["3"]["inputs"].update(width=96, height=128)
    message = refused(tiny_host, prompt)
    assert "64x64 pixels, but the faces are 96x128" in message
    assert "connect the placement" in message


def test_the_jitter_follows_the_samplers_seed(tiny_host):
    prompt = encoded(graph("sd", {"jitter_px": 2.0}))
    first = latent(tiny_host, prompt)
    prompt["30"]["inputs"]["steps"] = 5
    latent(tiny_host, prompt)
    prompt["30"]["inputs"]["steps"] = 4
    np.testing.assert_array_equal(latent(tiny_host, prompt), first)
    prompt["20"]["inputs"]["jitter_px"] = 0.0
    assert np.abs(latent(tiny_host, prompt) - first).mean() > 1e-4
