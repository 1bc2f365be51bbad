"""Guide Any Model in a real ComfyUI, on tiny models of the layouts of SD 1.5, SDXL and SD3."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from comfyui import ComfyUI

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "support" / "tiny_host_models.py"

pytestmark = [pytest.mark.host, pytest.mark.timeout(900)]

KINDS = {"sd": ("kl", 4), "sdxl": ("kl", 4), "flow": ("taesd16", 16)}
SIDE = 64


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """A host with the pack and one that has tiny models."""
    pytest.importorskip("aiohttp", reason="ComfyUI's own requirements are not installed")
    if not (ROOT / "pdgrad_core" / "embedded" / "weights" / "identity.safetensors").is_file():
        pytest.skip("the embedded demo weights are not here")
    checkout = Path(os.environ.get("COMFYUI_PATH", "~/comfy/ComfyUI")).expanduser()
    others = {"tiny": TINY.read_text()}
    host = ComfyUI(checkout, tmp_path_factory.mktemp("host") / "base", others=others)
    yield host
    host.stop()


def node(class_type, /, **inputs):
    return {"class_type": class_type, "inputs": inputs}


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


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m", "ddim", "uni_pc"])
def test_every_layout_is_guided_in_every_sampler(host, kind, sampler):
    prompt = graph(kind, sampler_name=sampler)
    guided, plain = latent(host, prompt), latent(host, unguided(prompt))
    apart = np.abs(guided - plain).mean()
    assert 0.01 < apart < 10 * np.abs(plain).mean()


@pytest.mark.parametrize("kind", list(KINDS))
def test_strength_zero_is_the_model_itself(host, kind):
    prompt = graph(kind, {"strength": 0.0})
    assert np.array_equal(latent(host, prompt), latent(host, unguided(prompt)))


def test_outside_its_part_of_the_run_nothing_changes(host):
    prompt = graph("sd", {"start_percent": 0.98, "end_percent": 0.99})
    assert np.array_equal(latent(host, prompt), latent(host, unguided(prompt)))


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
def test_the_custom_sampler_gives_what_ksampler_gives(host, kind):
    prompt = graph(kind)
    np.testing.assert_allclose(
        latent(host, custom(prompt)), latent(host, prompt), atol=1e-4 * 20, rtol=1e-4
    )


def test_the_advanced_sampler_guides_the_part_that_it_samples(host):
    prompt = advanced(graph("sd"))
    with_plot = {**prompt, "50": node("PDGradTracePlot", trace=["20", 1], face=0, after=["30", 0])}
    with_plot["51"] = node("PreviewAny", source=["50", 1])
    run = host.run(with_plot)
    assert run.status == "success", run.message
    rows = json.loads(run.outputs["51"]["text"][0])
    assert len(rows) == 3  # of 4 steps the first was skipped
    assert np.abs(latent(host, prompt) - latent(host, unguided(prompt))).mean() > 0.01


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


def test_the_trace_has_a_row_for_every_shift_and_is_of_the_last_run(host):
    prompt = graph("sd", {"every": 2, "repeats": 2}, steps=5)
    for seed in (3, 4):
        prompt["30"]["inputs"]["seed"] = seed
        rows = rows_of(host, prompt)
        assert [row["repeat"] for row in rows] == [0, 1] * 3
        assert [row["t"] for row in rows] == sorted((row["t"] for row in rows), reverse=True)
        np.testing.assert_allclose([row["shift_fraction"] for row in rows], 0.3, rtol=1e-4)


def test_a_surgery_is_followed_while_it_is_sampled(host):
    prompt = graph("sd", {"guidance": ["12", 0]})
    prompt["9"] = node(
        "PDGradDemoFaces", scene="portrait", person=2, view=5, count=1, size_px=str(SIDE)
    )
    prompt["11"] = node("PDGradPixelLoss", image=["9", 0], weight=1.0, name="other")
    prompt["12"] = node("PDGradGradientSurgery", pivot=["10", 0], other=["11", 0], **surgery(host))
    run = host.run(prompt)
    assert run.status == "success", run.message
    points = [data for kind, data in run.events if kind == "pdgrad.trace"]
    assert [point["step"] for point in points] == [1, 2, 3, 4]
    assert {point["node"] for point in points} == {"20"}
    assert {point["total"] for point in points} == {4}


def surgery(host):
    """Gradient Surgery's own defaults."""
    given = host.get("/object_info/PDGradGradientSurgery")["PDGradGradientSurgery"]["input"]
    found = {}
    for name, (kind, *options) in given["required"].items():
        if name not in ("pivot", "other"):
            found[name] = options[0].get("default") if options else kind[0]
    return found


def test_two_guided_models_of_one_graph_know_nothing_of_each_other(host):
    prompt = graph("sd")
    alone = latent(host, prompt)
    prompt["21"] = node("PDGradGuideModel", **{**prompt["20"]["inputs"], "strength": 0.1})
    second = {**prompt["30"]["inputs"], "model": ["21", 0], "latent_image": ["30", 0]}
    prompt["35"] = node("KSampler", **{**second, "denoise": 0.5})
    prompt["41"] = node("ShowLatent", samples=["35", 0])
    run = host.run(prompt)
    assert run.status == "success", run.message
    first = np.array(run.outputs["40"]["values"]).reshape(alone.shape)
    np.testing.assert_array_equal(first, alone)
    after = np.array(run.outputs["41"]["values"]).reshape(alone.shape)
    prompt["3"]["inputs"]["width"] = SIDE  # the same once more, in another order
    prompt["21"], prompt["20"] = prompt["20"], prompt["21"]
    prompt["30"]["inputs"]["model"], prompt["35"]["inputs"]["model"] = ["21", 0], ["20", 0]
    run = host.run(prompt)
    assert run.status == "success", run.message
    np.testing.assert_array_equal(np.array(run.outputs["41"]["values"]).reshape(after.shape), after)


def test_a_lora_stays_before_and_behind_the_guide(host):
    prompt = graph("sd")
    without = latent(host, prompt)
    before = {**prompt, "5": node("TinyLora", model=["1", 0])}
    before["20"] = node("PDGradGuideModel", **{**prompt["20"]["inputs"], "model": ["5", 0]})
    behind = {**prompt, "5": node("TinyLora", model=["20", 0])}
    behind["30"] = node("KSampler", **{**prompt["30"]["inputs"], "model": ["5", 0]})
    first, second = latent(host, before), latent(host, behind)
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - without).mean() > 0.01


def test_a_controlnet_stays(host):
    prompt = graph("sd")
    without = latent(host, prompt)
    prompt["6"] = node("TinyControl", conditioning=["1", 1])
    prompt["30"]["inputs"]["positive"] = ["6", 0]
    controlled = latent(host, prompt)
    assert np.abs(controlled - without).mean() > 1e-3
    assert np.abs(controlled - latent(host, unguided(prompt))).mean() > 0.01


def test_a_batch_is_guided_picture_by_picture(host):
    prompt = graph("sd")
    prompt["3"]["inputs"]["batch_size"] = 3
    three, plain = latent(host, prompt), latent(host, unguided(prompt))
    assert three.shape[0] == 3
    assert (np.abs(three - plain).mean((1, 2, 3)) > 0.01).all()
    assert np.abs(three[0] - three[1]).mean() > 0.1


def encoded(prompt, **changed):
    prompt = {**prompt, "7": node("VAEEncode", pixels=["4", 0], vae=["2", 0])}
    prompt["30"] = node(
        "KSampler", **{**prompt["30"]["inputs"], "latent_image": ["7", 0], **changed}
    )
    return prompt


@pytest.mark.parametrize("kind", ["sd", "flow"])
def test_a_photo_is_changed_in_part(host, kind):
    prompt = encoded(graph(kind), denoise=0.5)
    assert np.abs(latent(host, prompt) - latent(host, unguided(prompt))).mean() > 0.01


def test_inpainting_keeps_what_the_mask_keeps(host):
    prompt = encoded(graph("sd"))
    prompt["8"] = node("SolidMask", value=1.0, width=SIDE // 2, height=SIDE)
    prompt["18"] = node("SolidMask", value=0.0, width=SIDE, height=SIDE)
    prompt["19"] = node(
        "MaskComposite", destination=["18", 0], source=["8", 0], x=0, y=0, operation="add"
    )
    prompt["17"] = node("SetLatentNoiseMask", samples=["7", 0], mask=["19", 0])
    prompt["30"]["inputs"]["latent_image"] = ["17", 0]
    prompt["42"] = node("ShowLatent", samples=["7", 0])
    run = host.run(prompt)
    assert run.status == "success", run.message
    found, kept = (
        np.array(run.outputs[n]["values"]).reshape(run.outputs[n]["shape"]) for n in ("40", "42")
    )
    np.testing.assert_allclose(found[..., 5:], kept[..., 5:], atol=1e-3)
    assert np.abs(found[..., :4] - kept[..., :4]).mean() > 0.1


def test_a_mask_of_the_guide_restricts_it(host):
    prompt = graph("sd", {"mask": ["19", 0]})
    prompt["8"] = node("SolidMask", value=1.0, width=SIDE // 2, height=SIDE)
    prompt["18"] = node("SolidMask", value=0.0, width=SIDE, height=SIDE)
    prompt["19"] = node(
        "MaskComposite", destination=["18", 0], source=["8", 0], x=0, y=0, operation="add"
    )
    prompt["30"]["inputs"]["steps"] = 1  # with more, the model carries it over
    moved = np.abs(latent(host, prompt) - latent(host, unguided(prompt)))
    assert moved[..., :4].mean() > 0.01
    assert moved[..., 4:].max() < 1e-5


def test_decoders_and_windows(host):
    """A small decoder, tiles, 16 bits, and a face's window instead of the whole picture."""
    prompt = graph("sd", steps=2)
    plain = latent(host, unguided(prompt))
    prompt["22"] = node("TinyVAE", kind="taesd4")
    prompt["23"] = node("TinyVAE", kind="half")
    prompt["24"] = node("PDGradAlignFaces", **align(host), photo=["4", 0])
    found = {}
    for name, changed in {
        "whole": {"decode": "whole"},
        "tiles": {"decode": "tiles"},
        "small": {"previewer_vae": ["22", 0]},
        "half": {"vae": ["23", 0]},
        "window": {"placement": ["24", 1]},
    }.items():
        whole = {**prompt, "20": node("PDGradGuideModel", **{**prompt["20"]["inputs"], **changed})}
        found[name] = latent(host, whole) - plain
        assert np.abs(found[name]).mean() > 0.01, name
    np.testing.assert_array_equal(found["whole"], found["tiles"])  # one tile of 8 x 8 cells
    cosine = (found["whole"] * found["half"]).sum() / np.sqrt(
        (found["whole"] ** 2).sum() * (found["half"] ** 2).sum()
    )
    assert cosine > 0.9


def align(host):
    given = host.get("/object_info/PDGradAlignFaces")["PDGradAlignFaces"]["input"]["required"]
    found = {
        name: one[1].get("default", one[0][0] if isinstance(one[0], list) else None)
        for name, one in given.items()
        if name != "photo"
    }
    return {**found, "method": "already aligned", "size_px": 64}


def test_a_low_pass_needs_no_guidance(host):
    prompt = encoded(graph("sd", {"contraction": ["25", 0]}, guidance=None), steps=6)
    prompt["25"] = node("PDGradContraction", image=["4", 0], **contraction(host, factor=32.0))
    prompt["42"] = node("ShowLatent", samples=["7", 0])
    run = host.run(prompt)
    assert run.status == "success", run.message
    found, photo = (
        np.array(run.outputs[n]["values"]).reshape(run.outputs[n]["shape"]) for n in ("40", "42")
    )
    plain = latent(host, unguided(prompt))
    # Box means of 4 x 4 cells, 32 x 32 pixels.
    low = [x.reshape(1, 4, 2, 4, 2, 4).mean((3, 5)) for x in (found, plain, photo)]
    assert np.abs(low[0] - low[2]).mean() < 0.2 * np.abs(low[1] - low[2]).mean()


def contraction(host, **changed):
    given = host.get("/object_info/PDGradContraction")["PDGradContraction"]["input"]["required"]
    found = {
        name: one[1].get("default", one[0][0] if isinstance(one[0], list) else None)
        for name, one in given.items()
        if name != "image"
    }
    return {**found, "kernel": "box", **changed}


def test_cancel_stops_and_the_next_run_is_clean(host):
    prompt = graph("sd")
    expected = latent(host, prompt)
    prompt["30"]["inputs"].update(seed=99, steps=300)
    assert host.run(prompt, cancel_after=3).status == "interrupted"
    prompt["30"]["inputs"].update(seed=3, steps=4)
    prompt["20"]["inputs"]["strength"] = 0.3
    np.testing.assert_array_equal(latent(host, prompt), expected)


@pytest.mark.parametrize(
    ("inputs", "nodes", "said"),
    [
        ({"vae": ["60", 0]}, {"60": node("TinyVAE", kind="taesd16")}, "latents of 16 channels"),
        ({"vae": ["60", 0]}, {"60": node("TinyVAE", kind="video")}, "decodes video"),
        ({"previewer_vae": ["60", 0]}, {"60": node("TinyVAE", kind="taesd16")}, "previewer_vae"),
        ({"guidance": None}, {}, "Nothing is to be done"),
        ({"start_percent": 0.5, "end_percent": 0.5}, {}, "must be smaller"),
        ({"decode": "magic"}, {}, "decode cannot be"),
        ({"strength": -1.0}, {}, "smaller than min"),
        (
            {"mask": ["60", 0]},
            {"60": node("SolidMask", value=0.0, width=8, height=8)},
            "black everywhere",
        ),
    ],
)
def test_what_cannot_be_guided_is_said_in_one_sentence(host, inputs, nodes, said):
    prompt = {**graph("sd"), **nodes}
    for name, value in inputs.items():
        if value is None:
            del prompt["20"]["inputs"][name]
        else:
            prompt["20"]["inputs"][name] = value
    assert said in refused(host, prompt)


def test_a_placement_of_another_picture_is_said_at_the_first_step(host):
    prompt = graph("sd", {"placement": ["24", 1]})
    prompt["9"] = node(
        "PDGradDemoFaces", scene="portrait", person=1, view=3, count=1, size_px="128"
    )
    prompt["24"] = node("PDGradAlignFaces", **align(host), photo=["9", 0])
    message = refused(host, prompt)
    assert "photo of 128x128 pixels" in message
    assert "64x64" in message


def test_a_plot_before_its_run_says_what_to_connect(host):
    prompt = graph("sd", {"strength": 0.31})
    prompt["50"] = node("PDGradTracePlot", trace=["20", 1], face=0)
    prompt["51"] = node("PreviewAny", source=["50", 1])
    del prompt["30"], prompt["40"]
    assert "connect the sampler's latent to after" in refused(host, prompt)


def test_our_prior_as_a_model_is_guided_as_our_own_guider_guides_it(host):
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
    run = host.run(prompt)
    assert run.status == "success", run.message
    ours, theirs = (np.array(run.outputs[n]["values"]) for n in ("41", "40"))
    # The same products in the same order, but for the VAE's range, which is not rounded.
    np.testing.assert_allclose(theirs, ours, atol=1e-3)


def test_twenty_runs_leave_memory_flat(host, record_property):
    used = []
    for seed in range(20):
        prompt = graph("sd", steps=2, seed=500 + seed)
        assert host.run(prompt).status == "success"
        used.append(round(host.memory_mb()))
    record_property("resident_mb", used)
    assert min(used[-5:]) - min(used[5:10]) < 40, used
