"""Our losses and strength in the loop, against PGDiff's guided p_sample."""

import pytest
from golden import assert_near
from networks import GoldenEmbedder
from p_sample import Recording, assert_replays

from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.guidance.strength import Constant
from pdgrad_core.guidance.terms import Sum, Term
from pdgrad_core.losses.pixel import PixelLoss
from pdgrad_core.losses.squared_identity import SquaredIdentityLoss

SCENARIOS = [("restoration", s) for s in "abcd"] + [("ref_restoration", s) for s in "abc"]


@pytest.mark.parametrize(("task", "scenario"), SCENARIOS)
def test_gradients_losses_and_samples_equal_the_official_ones(task, scenario):
    recording = Recording(task, scenario)
    terms = [Term("smooth", PixelLoss(), recording.target)]
    networks = {}
    if task == "ref_restoration":
        networks["arcface"] = GoldenEmbedder(recording.all)
        terms.append(Term("identity", SquaredIdentityLoss(), recording.values["ref"], 25.0))
    compiled = compile_guidance(Sum(tuple(terms)), networks)

    def guidance(x0hat, context):
        guided = compiled(x0hat, context)
        row = recording.row(context)
        assert_near(guided.gradient, recording.values[f"{row}.gradient"], 5e-5)
        for name, recorded in (("smooth", "smooth_semantics"), ("identity", "identity")):
            if f"{name}.loss" in guided.record:
                expected = recording.values[f"{row}.loss_{recorded}"]
                assert_near(guided.record[f"{name}.loss"][0], expected, 0, rtol=1e-5)
        return guided

    assert_replays(recording, guidance, Constant(recording.scale))
