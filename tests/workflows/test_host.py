"""The pack in a real ComfyUI: every API workflow queued, cancel, bad wiring, ten runs."""

import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
API = ROOT / "workflows" / "api"
NEEDS_WEIGHTS = ("Method - PDGrad on a photo", "Method - PGDiff quality")
"""Workflows with published models; what they say without them is tested."""

NEEDS_CHECKPOINT = (
    "Mix - Flux inpaints a face",
    "Mix - SDXL refines a face",
    "Mix - a face of Stable Diffusion",
)
"""Workflows with a checkpoint of the user's own."""

pytestmark = [pytest.mark.host, pytest.mark.timeout(900)]


def prompt_of(name):
    return json.loads((API / f"{name}.json").read_text())


def find(prompt, kind):
    return next(number for number, node in prompt.items() if node["class_type"] == kind)


def test_schemas_are_the_recorded_ones(host):
    info = host.get("/object_info")
    recorded = json.loads((ROOT / "tests" / "nodes" / "schemas.json").read_text())
    assert {name for name in info if name.startswith("PDGrad")} == set(recorded)
    for name, schema in recorded.items():
        found = info[name]
        order = found["input_order"]
        visible = [*order.get("required", []), *order.get("optional", [])]
        required = [one["id"] for one in schema["inputs"] if not one["optional"]]
        optional = [one["id"] for one in schema["inputs"] if one["optional"]]
        assert visible == required + optional, name
        assert found["output"] == [one["type"] for one in schema["outputs"]], name


@pytest.mark.parametrize("name", sorted(p.stem for p in API.glob("*.json")))
def test_every_workflow_runs_or_says_what_it_needs(host, name):
    run = host.run(prompt_of(name))
    if name in NEEDS_WEIGHTS:
        assert run.status == "error"
        assert "licence" in run.message
        assert "https://" in run.message
    elif name in NEEDS_CHECKPOINT:
        assert run.status == "refused"
        assert "ckpt_name" in run.message
    else:
        assert run.status == "success", run.message
        shown = [output["images"][0] for output in run.outputs.values() if "images" in output]
        assert shown
        for image in shown:
            low, high = host.image(image).convert("L").getextrema()
            assert high - low > 20, "an empty picture"


def test_previews_progress_and_live_trace(host):
    prompt = prompt_of("3 Restore with any combination")
    sampler = find(prompt, "PDGradDDPMSampler")
    prompt[sampler]["inputs"]["seed"] = 77
    run = host.run(prompt)
    steps = prompt[sampler]["inputs"]["steps"]
    done = [d["value"] for kind, d in run.events if kind == "progress" and d["node"] == sampler]
    points = [data for kind, data in run.events if kind == "pdgrad.trace"]
    assert done == list(range(1, steps + 1))
    assert [point["step"] for point in points] == done
    assert run.previews >= 1
    assert set(points[0]["series"]) == {"low.cosine", "low.k", "high.cosine", "high.k"}
    assert len(json.loads(run.outputs[sampler]["pdgrad_trace"][0])["t"]) == steps


def test_nothing_runs_again_that_did_not_change(host):
    prompt = prompt_of("3 Restore with any combination")
    host.run(prompt)
    assert host.run(prompt).executed == []
    sampler = find(prompt, "PDGradDDPMSampler")
    prompt[sampler]["inputs"]["strength"] = 0.35
    ran = host.run(prompt).executed
    assert sampler in ran
    for kind in ("PDGradLoadPrior", "PDGradCoarseRestore", "PDGradGradientSurgery"):
        assert find(prompt, kind) not in ran


def test_same_workflow_and_seed_same_pixels(host):
    prompt = prompt_of("Mix - upscale and compare")
    sampler, saved = find(prompt, "PDGradDDPMSampler"), find(prompt, "SaveImage")
    pictures = []
    for seed in (5, 6, 5):
        prompt[sampler]["inputs"]["seed"] = seed
        pictures.append(host.image(host.run(prompt).outputs[saved]["images"][0]).tobytes())
    assert pictures[0] == pictures[2]
    assert pictures[0] != pictures[1]


def test_cancel_stops_within_a_step_and_leaves_the_next_run_clean(host):
    prompt = prompt_of("3 Restore with any combination")
    sampler = find(prompt, "PDGradDDPMSampler")
    prompt[sampler]["inputs"].update(seed=123, steps=200)
    run = host.run(prompt, cancel_after=5)
    assert run.status == "interrupted"
    steps = [d["value"] for kind, d in run.events if kind == "progress" and d["node"] == sampler]
    # A step or two may pass while the request travels; none after it has arrived.
    assert steps[-1] <= 8
    prompt[sampler]["inputs"]["steps"] = 10
    assert host.run(prompt).status == "success"


@pytest.mark.parametrize(
    ("kind", "inputs", "said"),
    [
        ("PDGradDDPMSampler", {"tau": 20}, "there can be 1 to 20 steps"),
        ("PDGradDDPMSampler", {"tau": 1200}, "tau must be from 1 to 1000"),
        ("PDGradDDPMSampler", {"strength": -1.0}, "smaller than min"),
        ("PDGradLossBuilder", {"perceptual_layers": "conv7_1"}, "no VGG16 layer"),
        ("PDGradDegrade", {"kernel_px": 40}, "odd number"),
        ("PDGradGradientSurgery", {"pivot": None}, "Required input is missing"),
        ("PDGradGradientSurgery", {"method": "magic"}, "method cannot be"),
    ],
)
def test_bad_values_are_refused_before_anything_runs(host, kind, inputs, said):
    prompt = prompt_of("Method - PDGrad with several references")
    target = prompt[find(prompt, kind)]["inputs"]
    for name, value in inputs.items():
        target.pop(name) if value is None else target.update({name: value})
    run = host.run(prompt)
    assert run.status == "refused"
    assert said in run.message
    (refused,) = json.loads(run.message)["node_errors"].values()
    (only,) = refused["errors"]
    assert only["extra_info"]["input_name"] == next(iter(inputs))


def test_wrong_wiring_is_refused_before_the_first_step(host):
    prompt = prompt_of("3 Restore with any combination")
    sampler = find(prompt, "PDGradDDPMSampler")
    del prompt[sampler]["inputs"]["image"]
    run = host.run(prompt)
    assert run.status == "error"
    assert "connect the coarse face to image" in run.message
    assert not [d for kind, d in run.events if kind == "progress" and d["node"] == sampler]


def test_ten_runs_leave_memory_flat(host, record_property):
    """After three runs that warm the host up, ten more with new seeds take no more memory."""
    prompt = prompt_of("3 Restore with any combination")
    sampler = find(prompt, "PDGradDDPMSampler")
    used = []
    for seed in range(13):
        prompt[sampler]["inputs"].update(seed=1000 + seed, steps=10)
        assert host.run(prompt).status == "success"
        used.append(round(host.memory_mb()))
    record_property("resident_mb", used)
    # The allocator's own ups and downs are 35 MB wide; what leaks never comes back down.
    assert min(used[-5:]) - min(used[3:8]) < 40, used


def test_one_node_gives_what_the_wired_graph_gives(host):
    wired, whole = prompt_of("3 Restore with any combination"), prompt_of("1 Restore a face")
    numbers = {"steps": 8, "seed": 31}
    sampler, restore = find(wired, "PDGradDDPMSampler"), find(whole, "PDGradRestoreFace")
    wired[sampler]["inputs"].update(numbers)
    whole[restore]["inputs"].update(numbers, recipe="pdgrad")
    pictures = []
    for prompt, node in ((wired, sampler), (whole, restore)):
        prompt["999"] = {"class_type": "PreviewImage", "inputs": {"images": [node, 0]}}
        run = host.run(prompt)
        assert run.status == "success", run.message
        pictures.append(np.asarray(host.image(run.outputs["999"]["images"][0])).astype(int))
    # Between nodes images travel in [0, 1]: one more rounding, which guidance makes larger.
    apart = np.abs(pictures[0] - pictures[1])
    assert apart.mean() < 0.05, apart.mean()
    assert apart.max() <= 8, apart.max()
    assert len(json.loads(run.outputs[restore]["pdgrad_trace"][0])["t"]) == 8
