"""The loop against PGDiff's p_sample, step by step, with the recorded gradients."""

import pytest
from p_sample import Recording, assert_replays
from strengths import OnMean

from pdgrad_core.diffusion.sampler import Guided

SCENARIOS = [("restoration", s) for s in "abcd"] + [("ref_restoration", s) for s in "abc"]


@pytest.mark.parametrize(("task", "scenario"), SCENARIOS)
def test_each_sample_equals_the_official_one(task, scenario):
    recording = Recording(task, scenario)

    def guidance(x0hat, context):
        return Guided(recording.values[f"{recording.row(context)}.gradient"])

    assert_replays(recording, guidance, OnMean(recording.scale))
