"""Guide Any Model in a real ComfyUI, on tiny models in the layouts of published ones."""

import json

import numpy as np
import pytest
from host_models import (
    GUIDE,
    KINDS,
    SAMPLE,
    SIDE,
    encoded,
    graph,
    latent,
    node,
    rows_of,
    surgery,
    unguided,
)

pytestmark = [pytest.mark.host, pytest.mark.timeout(900)]


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m", "ddim", "uni_pc"])
def test_every_layout_is_guided_in_every_sampler(tiny_host, kind, sampler):
    prompt = graph(kind, sampler_name=sampler)
    guided, plain = latent(tiny_host, prompt), latent(tiny_host, unguided(prompt))
    apart = np.abs(guided - plain).mean()
    assert 0.01 < apart < 10 * np.abs(plain).mean()


@pytest.mark.parametrize("kind", list(KINDS))
def test_strength_zero_is_the_model_itself(tiny_host, kind):
    prompt = graph(kind, {"strength": 0.0})
    assert np.array_equal(latent(tiny_host, prompt), latent(tiny_host, unguided(prompt)))


def test_outside_its_part_of_the_run_nothing_changes(tiny_host):
    prompt = graph("sd", {"start_percent": 0.98, "end_percent": 0.99})
    assert np.array_equal(latent(tiny_host, prompt), latent(tiny_host, unguided(prompt)))


def advanced(prompt):
    changed = {
        name: value
        for name, value in prompt["30"]["inputs"].items()
        if name not in ("seed", "denoise")
    }
    part = {"add_noise": "enable", "noise_seed": 3, "start_at_step": 1, "end_at_step": 10_000}
    part |= {"return_with_leftover_noise": "disable"}
    return {**prompt, "30": node("KSamplerAdvanced", **changed, **part)}


def custom(prompt, noise=None, sigmas=None):
    model = prompt["30"]["inputs"]["model"]
    return {
        **prompt,
        "31": node("RandomNoise", noise_seed=3),
        "32": node(
            "CFGGuider", model=model, positive=["1", 1], negative=["1", 2], cfg=SAMPLE["cfg"]
        ),
        "33": node("KSamplerSelect", sampler_name="euler"),
        "34": node("BasicScheduler", model=model, scheduler="normal", steps=4, denoise=1.0),
        "30": node(
            "SamplerCustomAdvanced",
            noise=["31", 0],
            guider=["32", 0],
            sampler=["33", 0],
            sigmas=["34", 0],
            latent_image=["3", 0],
        ),
    }


@pytest.mark.parametrize("kind", ["sd", "flow"])
def test_the_custom_sampler_gives_what_ksampler_gives(tiny_host, kind):
    prompt = graph(kind)
    np.testing.assert_allclose(
        latent(tiny_host, custom(prompt)), latent(tiny_host, prompt), atol=1e-4 * 20, rtol=1e-4
    )


def test_the_advanced_sampler_guides_the_part_that_it_samples(tiny_host):
    prompt = advanced(graph("sd"))
    with_plot = {**prompt, "50": node("PDGradTracePlot", trace=["20", 1], face=0, after=["30", 0])}
    with_plot["51"] = node("PreviewAny", source=["50", 1])
    run = tiny_host.run(with_plot)
    assert run.status == "success", run.message
    rows = json.loads(run.outputs["51"]["text"][0])
    assert len(rows) == 3  # of 4 steps the first was skipped
    assert np.abs(latent(tiny_host, prompt) - latent(tiny_host, unguided(prompt))).mean() > 0.01


def test_the_trace_has_a_row_for_every_shift_and_is_of_the_last_run(tiny_host):
    prompt = graph("sd", {"every": 2, "repeats": 2}, steps=5)
    for seed in (3, 4):
        prompt["30"]["inputs"]["seed"] = seed
        rows = rows_of(tiny_host, prompt)
        assert [row["repeat"] for row in rows] == [0, 1] * 3
        assert [row["t"] for row in rows] == sorted((row["t"] for row in rows), reverse=True)
        np.testing.assert_allclose([row["shift_fraction"] for row in rows], 0.3, rtol=1e-4)


def test_a_surgery_is_followed_while_it_is_sampled(tiny_host):
    prompt = graph("sd", {"guidance": ["12", 0]})
    prompt["9"] = node(
        "PDGradDemoFaces", scene="portrait", person=2, view=5, count=1, size_px=str(SIDE)
    )
    prompt["11"] = node("PDGradPixelLoss", image=["9", 0], weight=1.0, name="other")
    prompt["12"] = node(
        "PDGradGradientSurgery", pivot=["10", 0], other=["11", 0], **surgery(tiny_host)
    )
    run = tiny_host.run(prompt)
    assert run.status == "success", run.message
    points = [data for kind, data in run.events if kind == "pdgrad.trace"]
    assert [point["step"] for point in points] == [1, 2, 3, 4]
    assert {point["node"] for point in points} == {"20"}
    assert {point["total"] for point in points} == {4}


def test_two_guided_models_of_one_graph_know_nothing_of_each_other(tiny_host):
    prompt = graph("sd")
    alone = latent(tiny_host, prompt)
    prompt["21"] = node("PDGradGuideModel", **{**prompt["20"]["inputs"], "strength": 0.1})
    second = {**prompt["30"]["inputs"], "model": ["21", 0], "latent_image": ["30", 0]}
    prompt["35"] = node("KSampler", **{**second, "denoise": 0.5})
    prompt["41"] = node("ShowLatent", samples=["35", 0])
    run = tiny_host.run(prompt)
    assert run.status == "success", run.message
    first = np.array(run.outputs["40"]["values"]).reshape(alone.shape)
    np.testing.assert_array_equal(first, alone)
    after = np.array(run.outputs["41"]["values"]).reshape(alone.shape)
    prompt["3"]["inputs"]["width"] = SIDE  # the same once more, in another order
    prompt["21"], prompt["20"] = prompt["20"], prompt["21"]
    prompt["30"]["inputs"]["model"], prompt["35"]["inputs"]["model"] = ["21", 0], ["20", 0]
    run = tiny_host.run(prompt)
    assert run.status == "success", run.message
    np.testing.assert_array_equal(np.array(run.outputs["41"]["values"]).reshape(after.shape), after)


def test_a_lora_stays_before_and_behind_the_guide(tiny_host):
    prompt = graph("sd")
    without = latent(tiny_host, prompt)
    before = {**prompt, "5": node("TinyLora", model=["1", 0])}
    before["20"] = node("PDGradGuideModel", **{**prompt["20"]["inputs"], "model": ["5", 0]})
    behind = {**prompt, "5": node("TinyLora", model=["20", 0])}
    behind["30"] = node("KSampler", **{**prompt["30"]["inputs"], "model": ["5", 0]})
    first, second = latent(tiny_host, before), latent(tiny_host, behind)
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - without).mean() > 0.01


def test_a_controlnet_stays(tiny_host):
    prompt = graph("sd")
    without = latent(tiny_host, prompt)
    prompt["6"] = node("TinyControl", conditioning=["1", 1])
    prompt["30"]["inputs"]["positive"] = ["6", 0]
    controlled = latent(tiny_host, prompt)
    assert np.abs(controlled - without).mean() > 1e-3
    assert np.abs(controlled - latent(tiny_host, unguided(prompt))).mean() > 0.01


def test_a_batch_is_guided_picture_by_picture(tiny_host):
    prompt = graph("sd")
    prompt["3"]["inputs"]["batch_size"] = 3
    three, plain = latent(tiny_host, prompt), latent(tiny_host, unguided(prompt))
    assert three.shape[0] == 3
    assert (np.abs(three - plain).mean((1, 2, 3)) > 0.01).all()
    assert np.abs(three[0] - three[1]).mean() > 0.1


@pytest.mark.parametrize("kind", ["sd", "flow"])
def test_a_photo_is_changed_in_part(tiny_host, kind):
    prompt = encoded(graph(kind), denoise=0.5)
    assert np.abs(latent(tiny_host, prompt) - latent(tiny_host, unguided(prompt))).mean() > 0.01


def test_inpainting_keeps_what_the_mask_keeps(tiny_host):
    prompt = encoded(graph("sd"))
    prompt["8"] = node("SolidMask", value=1.0, width=SIDE // 2, height=SIDE)
    prompt["18"] = node("SolidMask", value=0.0, width=SIDE, height=SIDE)
    prompt["19"] = node(
        "MaskComposite", destination=["18", 0], source=["8", 0], x=0, y=0, operation="add"
    )
    prompt["17"] = node("SetLatentNoiseMask", samples=["7", 0], mask=["19", 0])
    prompt["30"]["inputs"]["latent_image"] = ["17", 0]
    prompt["42"] = node("ShowLatent", samples=["7", 0])
    run = tiny_host.run(prompt)
    assert run.status == "success", run.message
    found, kept = (
        np.array(run.outputs[n]["values"]).reshape(run.outputs[n]["shape"]) for n in ("40", "42")
    )
    np.testing.assert_allclose(found[..., 5:], kept[..., 5:], atol=1e-3)
    assert np.abs(found[..., :4] - kept[..., :4]).mean() > 0.1


def test_cancel_stops_and_the_next_run_is_clean(tiny_host):
    prompt = graph("sd")
    expected = latent(tiny_host, prompt)
    prompt["30"]["inputs"].update(seed=99, steps=300)
    assert tiny_host.run(prompt, cancel_after=3).status == "interrupted"
    prompt["30"]["inputs"].update(seed=3, steps=4)
    prompt["20"]["inputs"]["strength"] = 0.3
    np.testing.assert_array_equal(latent(tiny_host, prompt), expected)


def test_our_prior_as_a_model_is_guided_as_our_own_guider_guides_it(tiny_host):
    prompt = {
        "1": node("PDGradLoadPrior", weights="demo", precision="float32"),
        "2": node("PDGradPriorAsModel", prior=["1", 0]),
        "3": node("VAELoader", vae_name="pixel_space"),
        "4": node(
            "PDGradDemoFaces", scene="portrait", person=1, view=3, count=1, size_px=str(SIDE)
        ),
        "10": node("PDGradPixelLoss", image=["4", 0], weight=1.0, name="goal"),
        "50": node(
            "PDGradCustomSampling",
            prior=["1", 0],
            image=["4", 0],
            guidance=["10", 0],
            seed=8,
            steps=6,
            tau=700,
            sampler_name="euler",
            strength=0.2,
            batch_size=1,
        ),
        "20": node("PDGradGuideModel", model=["2", 0], vae=["3", 0], guidance=["10", 0], **GUIDE),
        "32": node("CFGGuider", model=["20", 0], positive=["2", 1], negative=["2", 1], cfg=1.0),
    }
    prompt["20"]["inputs"]["strength"] = 0.2
    parts = {
        name: ["50", place]
        for name, place in (("noise", 0), ("sampler", 2), ("sigmas", 3), ("latent_image", 4))
    }
    prompt["30"] = node("SamplerCustomAdvanced", guider=["32", 0], **parts)
    prompt["40"] = node("ShowLatent", samples=["30", 0])
    prompt["31"] = node("SamplerCustomAdvanced", guider=["50", 1], **parts)
    prompt["41"] = node("ShowLatent", samples=["31", 0])
    run = tiny_host.run(prompt)
    assert run.status == "success", run.message
    ours, theirs = (np.array(run.outputs[n]["values"]) for n in ("41", "40"))
    # The same products in the same order, but for the VAE's range, which is not rounded.
    np.testing.assert_allclose(theirs, ours, atol=1e-3)


def test_twenty_runs_leave_memory_flat(tiny_host, record_property):
    used = []
    for seed in range(20):
        prompt = graph("sd", steps=2, seed=500 + seed)
        assert tiny_host.run(prompt).status == "success"
        used.append(round(tiny_host.memory_mb()))
    record_property("resident_mb", used)
    assert min(used[-5:]) - min(used[5:10]) < 40, used
