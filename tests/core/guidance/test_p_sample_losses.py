"""Our losses, strengths and restorer in the loop, against PGDiff's guided p_sample."""

import pytest
from golden import assert_near
from networks import GoldenEmbedder
from p_sample import Recording, assert_replays

from pdgrad_core.checkpoints import Checkpoint
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.guidance.strength import Constant, Dynamic
from pdgrad_core.guidance.terms import Masked, Sum, Term
from pdgrad_core.losses.color_statistics import ColorStatisticsLoss
from pdgrad_core.losses.lightness import LightnessLoss
from pdgrad_core.losses.pixel import PixelLoss
from pdgrad_core.losses.squared_identity import SquaredIdentityLoss
from pdgrad_core.restorers.rrdb import RRDBRestorer

RECORDED_AS = {
    "smooth": "smooth_semantics",
    "identity": "identity",
    "lightness": "lightness",
    "colour": "color",
    "known": "unmasked",
}
TASKS = {
    "restoration": "abcd",
    "ref_restoration": "abc",
    "colorization": "abcd",
    "inpainting": "abc",
    "old_photo": "abc",
}
SCENARIOS = [(task, scenario) for task, scenarios in TASKS.items() for scenario in scenarios]


def restorer(recording):
    """PGDiff's f(y, x_t, t) as a moving target, each answer compared with the official one."""
    prefix = "restorer."
    tensors = {k.removeprefix(prefix): v for k, v in recording.all.items() if k.startswith(prefix)}
    network = RRDBRestorer.from_checkpoint(Checkpoint(tensors))

    def target(context):
        coarse = network(recording.values["y"], context.x_t, context.t)
        assert_near(coarse, recording.target(context), 5e-5)
        return coarse

    return target


def expression_of(task, recording):
    y, mask = recording.values["y"], recording.values.get("mask")
    mask = None if mask is None else mask[:, :1]
    if task == "colorization":
        return Sum(
            (
                Term("lightness", LightnessLoss(), y),
                Term("colour", ColorStatisticsLoss(), None, 0.05),
            )
        )
    if task == "inpainting":
        return Term("known", PixelLoss(mask), y)
    if task == "old_photo":
        lightness = Term("lightness", LightnessLoss(mask), restorer(recording))
        colour = Term("colour", ColorStatisticsLoss(), None, 0.5)
        return Masked(Sum((lightness, colour)), mask)
    smooth = Term("smooth", PixelLoss(), restorer(recording))
    if task == "restoration":
        return smooth
    return Sum((smooth, Term("identity", SquaredIdentityLoss(), recording.values["ref"], 25.0)))


def strength_of(task, scale):
    if "restoration" in task:
        return Constant(scale)
    return Dynamic(scale, "image" if task == "inpainting" else "channel")


@pytest.mark.parametrize(("task", "scenario"), SCENARIOS)
def test_gradients_losses_and_samples_equal_the_official_ones(task, scenario):
    recording = Recording(task, scenario)
    networks = {"arcface": GoldenEmbedder(recording.all)} if "ref" in task else {}
    compiled = compile_guidance(expression_of(task, recording), networks)

    def guidance(x0hat, context):
        guided = compiled(x0hat, context)
        row = recording.row(context)
        assert_near(guided.gradient, recording.values[f"{row}.gradient"], 5e-5)
        for name, value in guided.record.items():
            recorded = RECORDED_AS[name.removesuffix(".loss")]
            assert_near(value[0], recording.values[f"{row}.loss_{recorded}"], 0, rtol=1e-5)
        return guided

    assert_replays(recording, guidance, strength_of(task, recording.scale))
