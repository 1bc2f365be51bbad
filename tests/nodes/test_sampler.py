"""The guided sampler as a node: inference mode, seeds, cancel, memory, and wrong wiring."""

import json
import time

import pytest
import torch
from host_double import Interrupted


@pytest.fixture
def guidance(pack, loaded, faces):
    """PDGrad's guidance wired as in the workflows, for a coarse face and a reference."""

    def wire(coarse, reference, method="pdgrad", **loss):
        def build(image, level, name):
            return pack.run(
                "PDGradLossBuilder", features=loaded.features, image=image, level=level, name=name,
                **loss,
            ).args[0]  # fmt: skip

        low = pack.run(
            "PDGradGradientSurgery",
            pivot=build(coarse, "low", "low_c"),
            other=build(reference, "low", "low_r"),
            method=method,
            name="low",
        ).args[0]
        high = pack.run(
            "PDGradGradientSurgery",
            pivot=build(reference, "high", "high_r"),
            other=build(coarse, "high", "high_c"),
            method=method,
            name="high",
        ).args[0]
        return pack.run("PDGradAddGuidance", first=low, second=high).args[0]

    return wire


@pytest.fixture
def sample(pack, loaded):
    def run(**inputs):
        return pack.run("PDGradDDPMSampler", prior=loaded.prior, **{"steps": 4, **inputs})

    return run


def test_guided_sampling_in_inference_mode(sample, guidance, faces):
    coarse, reference = faces(seed=1), faces(seed=2)
    out = sample(image=coarse, guidance=guidance(coarse, reference))
    image, trace = out.args
    assert image.shape == (1, 16, 16, 3)
    assert not image.is_inference()
    assert 0 <= image.min() <= image.max() <= 1
    assert len(trace.rows) == 4
    assert {"low.cosine", "high.k", "low_c.arc.loss", "low_c.vgg.loss"} <= set(trace.rows[0])
    plain = sample(image=coarse).args[0]
    assert not torch.equal(image, plain)


def test_the_node_gives_what_the_core_gives(pack, sample, guidance, faces, small_models):
    """The same run from a plain script, through the installed package."""
    from pdgrad_core.diffusion.noise import PerImageNoise, per_image_generators
    from pdgrad_core.diffusion.priors import load_prior
    from pdgrad_core.diffusion.sampler import Sampler
    from pdgrad_core.features.arcface import load_arcface
    from pdgrad_core.features.vgg import load_perceptual
    from pdgrad_core.guidance.gradients import compile_guidance
    from pdgrad_core.guidance.strengths.dynamic import Dynamic
    from pdgrad_core.images import from_unit, to_unit
    from pdgrad_core.recipes import GuideImages, recipe

    coarse, reference = faces(seed=1), faces(seed=2)
    node = sample(image=coarse, guidance=guidance(coarse, reference), seed=5).args[0]
    y_c, y_r = from_unit(coarse.clone()), from_unit(reference.clone())
    networks = {
        "arcface": load_arcface(small_models / "identity.safetensors"),
        "vgg": load_perceptual(small_models / "perceptual.safetensors"),
    }
    prior = load_prior(small_models / "prior.safetensors")
    expression = recipe("pdgrad").guidance(GuideImages(y_c, y_c, (y_r,)))
    sampler = Sampler(
        prior,
        prior.schedule.plan(700, 4),
        compile_guidance(expression, networks),
        Dynamic(recipe("pdgrad").strength),
    )
    noise = PerImageNoise(per_image_generators([5]), (3, 16, 16))
    core = to_unit(sampler.run(sampler.start_from(y_c, noise), noise).image)
    torch.testing.assert_close(node, core, rtol=0, atol=1e-6)


def test_same_seed_same_pixels_whatever_the_batch(sample, guidance, faces):
    coarse, reference = faces(2, seed=1), faces(seed=2)
    both = sample(image=coarse, guidance=guidance(coarse, reference), seed=3).args[0]
    again = sample(image=coarse, guidance=guidance(coarse, reference), seed=3).args[0]
    second = coarse[1:].clone()
    alone = sample(image=second, guidance=guidance(second, reference), seed=4).args[0]
    assert torch.equal(both, again)
    torch.testing.assert_close(both[1:], alone, rtol=0, atol=1e-5)


def test_progress_preview_and_live_trace(pack, sample, guidance, faces):
    coarse = faces()
    out = sample(image=coarse, guidance=guidance(coarse, faces(seed=2)))
    assert [value for value, _, _ in pack.host.progress] == [1, 2, 3, 4]
    kind, picture, side = pack.host.progress[-1][2]
    assert (kind, picture.size, side) == ("JPEG", (16, 16), 512)
    name, point = pack.host.events[0]
    assert name == "pdgrad.trace"
    assert (point["node"], point["step"], point["total"], point["t"]) == ("7", 1, 4, 699)
    assert set(point["series"]) == {"low.cosine", "low.k", "high.cosine", "high.k"}
    # Looked at ten times a second at most; what was not looked at is sent with the next.
    assert [point["step"] for _, point in pack.host.events] == [1, 2, 3, 4]
    shown = json.loads(out.ui["pdgrad_trace"][0])
    assert shown["t"] == [699, 466, 233, 0]
    assert len(shown["series"]["high.k"]) == 4


def test_what_waits_to_be_told_keeps_no_picture(pack, monkeypatch):
    records = pack.module("pdgrad_core.diffusion.records")
    boundary = pack.module("nodes.boundary")
    report = boundary.StepReporter(3, "7")
    monkeypatch.setattr(boundary, "TRACE_SECONDS", 1e9)
    report._last_trace = time.monotonic()
    x = torch.zeros(1, 3, 8, 8)
    for done in (1, 2, 3):
        context = records.StepContext(x, 10 - done, 0)
        row = {"t": 10 - done, "repeat": 0, "low.k": torch.tensor([0.25 * done])}
        report(records.StepState(done, 3, context, x, x, row))
        waiting = [one for told in report._untold for one in told[-1].values()]
        assert not any(isinstance(one, torch.Tensor) and one.ndim > 1 for one in waiting)
        assert len(waiting) == (0 if done == 3 else 3 * done)
    told = [(point["step"], point["series"]) for _, point in pack.host.events]
    assert told == [(1, {"low.k": 0.25}), (2, {"low.k": 0.5}), (3, {"low.k": 0.75})]


def test_cancel_stops_at_once_and_leaves_the_next_run_clean(pack, sample, guidance, faces):
    coarse = faces()
    wired = guidance(coarse, faces(seed=2))
    before = sample(image=coarse, guidance=wired).args[0]
    pack.host.progress.clear()
    pack.host.interrupt_after = 2
    with pytest.raises(Interrupted):
        sample(image=coarse, guidance=wired)
    assert len(pack.host.progress) == 2
    pack.host.interrupt_after = None
    pack.host.progress.clear()
    assert torch.equal(sample(image=coarse, guidance=wired).args[0], before)


def test_out_of_memory_is_tried_once_more_then_said_plainly(pack, sample, faces, monkeypatch):
    host = pack.host
    load, failures = host.load_models_gpu, [1]

    def scarce(patchers, memory_required=0):
        if failures:
            failures.pop()
            raise torch.OutOfMemoryError("no room")
        load(patchers)

    management = pack.module("nodes.boundary").management
    monkeypatch.setattr(management, "load_models_gpu", scarce)
    assert sample(image=faces()).args[0].shape == (1, 16, 16, 3)
    assert host.unloaded == 1
    failures += [1, 1]
    with pytest.raises(pack.module("nodes.boundary").OutOfMemory, match="smaller batch"):
        sample(image=faces())


def test_networks_moved_in_inference_mode_are_usable(sample, loaded, guidance, faces):
    """The host offloads in inference mode; parameters come back as inference tensors."""
    with torch.inference_mode():
        for patcher in (loaded.prior.patcher, *loaded.features.patchers):
            for module in patcher.model.modules():
                for name, parameter in module.named_parameters(recurse=False):
                    fresh = torch.nn.Parameter(parameter.clone(), requires_grad=False)
                    setattr(module, name, fresh)
    assert next(loaded.features.patchers[0].model.parameters()).is_inference()
    coarse = faces()
    sample(image=coarse, guidance=guidance(coarse, faces(seed=2)))
    assert not next(loaded.features.patchers[0].model.parameters()).is_inference()


def test_every_network_of_the_guidance_is_loaded_by_the_host(pack, sample, loaded, guidance, faces):
    coarse = faces()
    sample(image=coarse, guidance=guidance(coarse, faces(seed=2)))
    modules = {id(model) for model in pack.host.loaded[-1]}
    expected = [loaded.prior.patcher, *loaded.features.patchers]
    assert modules == {id(patcher.model) for patcher in expected}


def test_from_noise_without_an_image(sample):
    image = sample(start="noise", batch_size=2, tau=3, seed=1).args[0]
    assert image.shape == (2, 64, 64, 3)
    assert not torch.equal(image[0], image[1])


def test_zero_strength_is_plain_sampling(sample, guidance, faces):
    coarse = faces()
    wired = guidance(coarse, faces(seed=2))
    guided = sample(image=coarse, guidance=wired, strength=0.0).args[0]
    assert torch.equal(guided, sample(image=coarse).args[0])


def test_several_references_are_averaged(sample, guidance, faces):
    coarse, references = faces(), faces(3, seed=2)
    trace = sample(image=coarse, guidance=guidance(coarse, references)).args[1]
    assert {"low_r1.arc.loss", "low_r3.vgg.loss", "high_r2.arc.loss"} <= set(trace.rows[0])
    same = faces(seed=2).repeat(3, 1, 1, 1)
    three = sample(image=coarse, guidance=guidance(coarse, same)).args[0]
    one = sample(image=coarse, guidance=guidance(coarse, same[:1])).args[0]
    torch.testing.assert_close(three, one, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "none is connected"),
        ({"image": (1, 15)}, "multiples of 4"),
        ({"image": (1, 16), "tau": 3}, "1 to 3 steps"),
        ({"image": (1, 16), "strength_mode": "strong"}, "strength_mode cannot be"),
    ],
)
def test_wrong_settings_are_refused_before_the_first_step(pack, sample, faces, inputs, message):
    if "image" in inputs:
        inputs = {**inputs, "image": faces(*inputs["image"])}
    with pytest.raises(pack.error("PDGradError"), match=message):
        sample(**inputs)
    assert not pack.host.progress


def test_targets_that_do_not_fit_are_refused(pack, sample, guidance, faces):
    with pytest.raises(pack.error("InvalidInputError"), match="3 target images for 2 faces"):
        sample(image=faces(2), guidance=guidance(faces(2), faces(3)))
    with torch.inference_mode():
        wide = torch.rand(1, 16, 24, 3)
    with pytest.raises(pack.error("InvalidInputError"), match="24x16 pixels"):
        sample(image=faces(), guidance=guidance(faces(), wide))


def test_two_sets_of_networks_in_one_guidance_are_refused(pack, sample, loaded, faces):
    other = pack.run("PDGradLoadFeatures").args[0]
    losses = [
        pack.run("PDGradLossBuilder", features=features, image=faces()).args[0]
        for features in (loaded.features, other)
    ]
    wired = pack.run("PDGradAddGuidance", first=losses[0], second=losses[1]).args[0]
    with pytest.raises(pack.error("InvalidInputError"), match="same Load Feature Networks"):
        sample(image=faces(), guidance=wired)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"steps": 701}, "700 steps"),
        ({"tau": 0}, "tau must be"),
        ({"respacing": "ddpm"}, "respacing is written"),
        ({"start": "middle"}, "start cannot be"),
        ({"window_end": 900, "window_start": 800}, "must be the larger"),
        ({"gradient_steps": 0}, "gradient_steps"),
    ],
)
def test_validation_speaks_in_sentences(pack, values, said):
    ordinary = {
        "start": "image", "tau": 700, "steps": 100, "respacing": "", "gradient_steps": 1,
        "window_end": 700, "window_start": 1000, "stepper": "ddpm", "strength_mode": "dynamic",
        "strength_scope": "image",
    }  # fmt: skip
    node = pack.nodes["PDGradDDPMSampler"]
    assert node.validate_inputs(**ordinary) is True
    assert said in node.validate_inputs(**{**ordinary, **values})
    linked = dict.fromkeys(ordinary)
    assert node.validate_inputs(**linked) is True
