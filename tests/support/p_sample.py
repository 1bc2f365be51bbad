"""Replays the recorded p_sample chains of PGDiff's official code through our loop, in float64."""

import torch
from golden import golden, tiny_prior
from tolerances import assert_recorded

from pdgrad_core.diffusion.sampler import Sampler, StepContext
from pdgrad_core.diffusion.schedule import Schedule


class Recording:
    """One scenario ("a".."d") of one task's golden file."""

    def __init__(self, task, scenario):
        vectors = golden(f"p_sample_{task}")
        prefix = f"{scenario}."
        self.all = vectors
        self.values = {
            name.removeprefix(prefix): value.double() if value.is_floating_point() else value
            for name, value in vectors.items()
            if name.startswith(prefix)
        }
        self.timesteps = [int(t) for t in self.values["t_model"]]
        self.scale = float(self.values["scale"])
        self.respacing = "ddpm100" if scenario == "d" else None

    def row(self, context):
        """Name of the recorded evaluation at this step."""
        return f"s{self.timesteps.index(context.t)}.e{context.repeat}"

    def target(self, context):
        """The restorer's recorded output; repeats of a step keep the first one's."""
        return self.values[f"s{self.timesteps.index(context.t)}.e0.target"]

    def series(self, name):
        """Every recorded tensor of one name, in the order of evaluation."""
        return [v for k, v in sorted(self.values.items()) if k.endswith(f".{name}")]


def assert_replays(recording, guidance, strength):
    """Run the recorded timesteps and compare each sample with the official one."""
    v = recording.values
    sampler = Sampler(
        tiny_prior().to(dtype=torch.float64),
        Schedule.linear().plan(respacing=recording.respacing),
        guidance,
        strength,
        gradient_steps=int(v["N"]),
        gradient_window=(int(v["s_end"]), int(v["s_start"])),
    )
    noises = iter(recording.series("noise"))
    indices = {int(t): i for i, t in enumerate(sampler.schedule.timesteps)}
    x, samples = v["x_start"], []
    for t in recording.timesteps:
        for repeat in range(sampler.repeats(t)):
            context = StepContext(x, t, indices[t], repeat)
            taken = sampler.step(context, lambda: next(noises))
            x = taken.x_prev
            assert_recorded(taken.x0hat, v[f"{recording.row(context)}.pred_xstart"])
            samples.append(x)
    expected = recording.series("sample")
    assert len(samples) == len(expected)
    for found, wanted in zip(samples, expected, strict=True):
        assert_recorded(found, wanted)
