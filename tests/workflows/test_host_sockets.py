"""The host's own sockets in a real ComfyUI: custom sampling with our prior, batches of frames."""

import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.host, pytest.mark.timeout(900)]


def pictures(host, prompt, node, count=1):
    """Queue a prompt with a preview of a node's first output; return the pictures, int."""
    prompt = {**prompt, "999": {"class_type": "PreviewImage", "inputs": {"images": [node, 0]}}}
    run = host.run(prompt)
    assert run.status == "success", run.message
    shown = run.outputs["999"]["images"]
    assert len(shown) == count
    return run, [np.asarray(host.image(one)).astype(int) for one in shown]


def wired():
    """The wired example up to its guidance, and the sampler's inputs."""
    file = ROOT / "workflows" / "api" / "3 Restore with any combination.json"
    prompt = json.loads(file.read_text())
    number = next(n for n, node in prompt.items() if node["class_type"] == "PDGradDDPMSampler")
    kept = {n: node for n, node in prompt.items() if int(n) < int(number)}
    return kept, prompt[number]["inputs"]


def custom(prompt, inputs, **changed):
    """Sample the same by the host's SamplerCustomAdvanced."""
    names = ("prior", "image", "guidance", "seed", "steps", "tau", "strength")
    parts = {name: inputs[name] for name in names if name in inputs}
    parts |= {"sampler_name": "euler", "batch_size": 1, **changed}
    wires = ("noise", "guider", "sampler", "sigmas", "latent_image")
    wired = {name: ["50", place] for place, name in enumerate(wires)}
    return {
        **prompt,
        "50": {"class_type": "PDGradCustomSampling", "inputs": parts},
        "51": {"class_type": "SamplerCustomAdvanced", "inputs": wired},
        "52": {"class_type": "VAELoader", "inputs": {"vae_name": "pixel_space"}},
        "53": {"class_type": "VAEDecode", "inputs": {"samples": ["51", 0], "vae": ["52", 0]}},
    }


def test_the_hosts_euler_is_our_ddim(host):
    prompt, inputs = wired()
    inputs = {**inputs, "seed": 8, "steps": 12, "stepper": "ddim", "eta": 0.0}
    del inputs["guidance"]
    ours = {**prompt, "50": {"class_type": "PDGradDDPMSampler", "inputs": inputs}}
    _, (expected,) = pictures(host, ours, "50")
    _, (found,) = pictures(host, custom(prompt, inputs), "53")
    # The same noise, levels and network; the host looks its timestep up by sigma, in float32.
    apart = np.abs(found - expected)
    assert apart.mean() < 0.5, apart.mean()
    assert apart.max() <= 6, apart.max()


def test_guidance_pulls_under_the_hosts_sampler(host):
    prompt, inputs = wired()
    inputs = {**inputs, "seed": 8, "steps": 12}
    goal = inputs["image"]
    prompt["40"] = {
        "class_type": "PDGradPixelLoss",
        "inputs": {"image": goal, "weight": 1.0, "name": "goal"},
    }
    apart = {}
    _, (target,) = pictures(host, prompt, goal[0])
    for strength in (0.0, 0.3):
        pulled = custom(prompt, {**inputs, "guidance": ["40", 0]}, strength=strength)
        run, (found,) = pictures(host, pulled, "53")
        apart[strength] = np.abs(found - target).mean()
    assert apart[0.3] < 0.8 * apart[0.0], apart
    # The whole of PDGrad, gradients of four losses, by an ancestral sampler of the host's.
    run, (face,) = pictures(host, custom(prompt, inputs, sampler_name="ddpm"), "53")
    assert face.std() > 20
    assert run.previews


def test_from_noise_with_the_hosts_own_parts(host):
    prompt, inputs = wired()
    loader = {inputs["prior"][0]: prompt[inputs["prior"][0]]}
    given = {"prior": inputs["prior"], "seed": 3, "steps": 12, "tau": 700, "strength": 0.0}
    whole = custom(loader, given, batch_size=2)
    whole["60"] = {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "dpmpp_2m"}}
    whole["61"] = {"class_type": "RandomNoise", "inputs": {"noise_seed": 5}}
    whole["51"]["inputs"] |= {"sampler": ["60", 0], "noise": ["61", 0]}
    _, faces = pictures(host, whole, "53", count=2)
    assert all(face.std() > 20 for face in faces)
    assert np.abs(faces[0] - faces[1]).mean() > 5


def test_frames_of_a_video_in_portions(host):
    def node(kind, **inputs):
        return {"class_type": kind, "inputs": inputs}

    restoration = json.loads((ROOT / "workflows" / "api" / "1 Restore a face.json").read_text())
    settings = next(
        one["inputs"] for one in restoration.values() if one["class_type"] == "PDGradRestoreFace"
    )
    face = node("PDGradDemoFaces", scene="portrait", person=1, view=20, count=1, size_px="64")
    group = node("PDGradDemoFaces", scene="group of three", person=1, view=3, count=1, size_px="64")
    prompt = {"1": face, "2": group, "3": node("RepeatImageBatch", image=["2", 0], amount=3)}
    lines = "52.00,38.00 67.00,38.00 60.00,46.00 53.00,54.00 66.00,54.00"
    values = {**settings, "photo": ["3", 0], "references": ["1", 0], "steps": 4, "seed": 7}
    values |= {"noise": "same for all", "faces_at_once": 1, "models": "demo"}
    values["landmarks"] = f"frame 0: {lines}\nframe 2: {lines}"
    prompt["4"] = node("PDGradRestoreFace", **values)
    run, (first, second, third) = pictures(host, prompt, "4", count=3)
    said = "3 photos, 2 faces restored; 1 photo without a face passed through unchanged"
    assert run.outputs["4"]["text"] == [said]
    done = [d["value"] for kind, d in run.events if kind == "progress" and d["node"] == "4"]
    assert done == list(range(1, 9))
    assert np.array_equal(first, third)
    _, (given,) = pictures(host, {"2": group}, "2")
    assert np.array_equal(second, given)
    assert np.abs(first - given).max() > 10
    prompt["4"]["inputs"]["seed"] = 70
    prompt["4"]["inputs"]["steps"] = 100
    prompt["999"] = node("PreviewImage", images=["4", 0])
    assert host.run(prompt, cancel_after=103).status == "interrupted"
