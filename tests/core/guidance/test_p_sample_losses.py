"""The PGDiff recipes with our losses, strengths and restorer, against its guided p_sample."""

import pytest
import torch
from networks import GoldenEmbedder, in_float64
from p_sample import Recording, assert_replays
from tolerances import assert_recorded

from pdgrad_core.checkpoints import Checkpoint
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.guidance.strengths import make_strength
from pdgrad_core.recipes import RECIPES, GuideImages
from pdgrad_core.restorers.rrdb import RRDBRestorer

RECORDED_AS = {
    "smooth": "smooth_semantics",
    "identity": "identity",
    "lightness": "lightness",
    "color": "color",
    "known": "unmasked",
}
RECORDINGS = {
    "pgdiff-restoration": "restoration",
    "pgdiff-reference": "ref_restoration",
    "pgdiff-colorization": "colorization",
    "pgdiff-inpainting": "inpainting",
    "pgdiff-old-photo": "old_photo",
}
SCENARIOS = [(task, scenario) for task in RECORDINGS for scenario in "abc"]
SCENARIOS += [("pgdiff-restoration", "d"), ("pgdiff-colorization", "d")]


def restorer(recording):
    """PGDiff's f(y, x_t, t) as a moving target, each answer compared with the official one."""
    prefix = "restorer."
    tensors = {k.removeprefix(prefix): v for k, v in recording.all.items() if k.startswith(prefix)}
    network = in_float64(RRDBRestorer.from_checkpoint(Checkpoint(tensors)))

    def target(context):
        coarse = network(recording.values["y"], context.x_t, context.t)
        assert_recorded(coarse, recording.target(context))
        return coarse

    return target


def expression_of(row, recording):
    """The guidance as the recipe builds it from the recorded images."""
    v = recording.values
    mask = v["mask"][:, :1] if row.mask != "none" else None
    coarse = v["y"] if row.restorer == "none" else restorer(recording)
    references = (v["ref"],) if row.needs_reference else ()
    return row.guidance(GuideImages(v["y"], coarse, references, mask))


@pytest.mark.parametrize(("task", "scenario"), SCENARIOS)
def test_gradients_losses_and_samples_equal_the_official_ones(task, scenario):
    recording = Recording(RECORDINGS[task], scenario)
    row = RECIPES[task]
    networks = (
        {"arcface": GoldenEmbedder(recording.all, torch.float64)} if row.needs_reference else {}
    )
    compiled = compile_guidance(expression_of(row, recording), networks)

    def guidance(x0hat, context):
        guided = compiled(x0hat, context)
        row = recording.row(context)
        assert_recorded(guided.gradient, recording.values[f"{row}.gradient"])
        for name, value in guided.record.items():
            recorded = RECORDED_AS[name.removesuffix(".loss")]
            assert_recorded(value[0], recording.values[f"{row}.loss_{recorded}"])
        return guided

    strength = make_strength(row.strength_mode, recording.scale, row.strength_scope)
    assert_replays(recording, guidance, strength)
