"""The loop against PGDiff's p_sample, step by step, for the two tasks guided on the mean."""

import pytest
import torch
import torch.nn.functional as F
from golden import assert_near, golden, tiny_prior
from strengths import OnMean

from pdgrad_core.diffusion.sampler import Guided, Sampler, StepContext
from pdgrad_core.diffusion.schedule import Schedule

WEIGHTS = {"restoration": 0.0, "ref_restoration": 25.0}


class Embedder:
    """The small network that stands in for ArcFace in the golden file."""

    def __init__(self, vectors):
        self.weights = {k.removeprefix("embed."): v for k, v in vectors.items()}

    def __call__(self, image):
        x = F.interpolate(image, size=(112, 112), mode="bilinear", antialias=True)
        for i in (1, 2, 3, 4):
            w, b = self.weights[f"conv{i}.weight"], self.weights[f"conv{i}.bias"]
            x = F.silu(F.conv2d(x, w, b, stride=2, padding=1))
        return F.linear(x.flatten(1), self.weights["fc.weight"], self.weights["fc.bias"])


class Replay:
    """Guidance by autograd towards the recorded restorer output; checks what it is given."""

    def __init__(self, vectors, scenario, identity_weight):
        self.vectors, self.scenario = vectors, scenario
        self.identity_weight = identity_weight
        self.embed = Embedder(vectors) if identity_weight else None
        self.evaluation = {}

    def __call__(self, x0hat, context):
        step = self.evaluation.setdefault(context.t, len(self.evaluation))
        row = f"{self.scenario}.s{step}.e{context.repeat}"
        target = self.vectors[f"{self.scenario}.s{step}.e0.target"]
        assert_near(x0hat, self.vectors[f"{row}.pred_xstart"], 5e-5)
        with torch.enable_grad():
            x = x0hat.detach().requires_grad_()
            loss = ((target - x) ** 2).sum()
            assert_near(loss.detach(), self.vectors[f"{row}.loss_smooth_semantics"], 0, rtol=1e-5)
            if self.embed:
                wanted = self.embed(self.vectors[f"{self.scenario}.ref"])
                loss = loss + self.identity_weight * ((self.embed(x) - wanted) ** 2).sum()
            (g,) = torch.autograd.grad(loss, x)
        assert_near(g, self.vectors[f"{row}.gradient"], 5e-5)
        return Guided(g)


@pytest.mark.parametrize(
    ("task", "scenario"),
    [("restoration", s) for s in "abcd"] + [("ref_restoration", s) for s in "abc"],
)
def test_each_sample_equals_the_official_one(task, scenario):
    vectors = golden(f"p_sample_{task}")
    timesteps = [int(t) for t in vectors[f"{scenario}.t_model"]]
    schedule = Schedule.linear()
    if scenario == "d":
        schedule = schedule.plan(respacing="ddpm100")
    noises = [
        value
        for name, value in sorted(vectors.items())
        if name.startswith(f"{scenario}.s") and name.endswith(".noise")
    ]
    repeats = int(vectors[f"{scenario}.N"])
    window = (int(vectors[f"{scenario}.s_end"]), int(vectors[f"{scenario}.s_start"]))
    samples = []
    x = vectors[f"{scenario}.x_start"]
    guidance = Replay(vectors, scenario, WEIGHTS[task])
    sampler = Sampler(
        tiny_prior(),
        schedule,
        guidance,
        OnMean(float(vectors[f"{scenario}.scale"])),
        gradient_steps=repeats,
        gradient_window=window,
    )
    stream = iter(noises)
    for t in timesteps:
        x, states = run_one_timestep(sampler, x, t, stream)
        samples += states
    expected = [
        value
        for name, value in sorted(vectors.items())
        if name.startswith(f"{scenario}.s") and name.endswith(".sample")
    ]
    assert len(samples) == len(expected)
    for found, wanted in zip(samples, expected, strict=True):
        assert_near(found, wanted, 5e-6)


def run_one_timestep(sampler, x, t, stream):
    """Run the loop over the one timestep t of its schedule, gradient repeats included."""
    index = list(sampler.schedule.timesteps).index(t)
    seen = []
    for repeat in range(sampler.repeats(t)):
        _, x, _ = sampler.step(StepContext(x, t, index, repeat), lambda: next(stream))
        seen.append(x)
    return x, seen
