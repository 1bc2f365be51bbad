"""The benchmarks of the step compare like with like: both ways give the same gradients."""

import json

import pytest
import torch
from model_files import write_models
from networks import in_float64, small_arcface, small_networks, small_vgg
from tolerances import LPIPS_GUARD, assert_same, terms_of, through_gates

from pdgrad_core.benchmarks.step_inputs import pictures
from pdgrad_core.benchmarks.straightforward import GRADIENTS, StraightforwardGuidance
from pdgrad_core.benchmarks.trials import TRIALS, check_trials, try_out
from pdgrad_core.cli import main
from pdgrad_core.commands import benchmark_guided_step
from pdgrad_core.diffusion.sampler import StepContext
from pdgrad_core.errors import InvalidInputError
from pdgrad_core.features.base import Precision
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.models.precision import PrecisionPreset
from pdgrad_core.recipes import GuideImages
from pdgrad_core.recipes.pdgrad import PDGradRecipe

TERMS = 2 * (terms_of(small_arcface().network) + terms_of(small_vgg().trunk))
"""Products summed on the way to the features and back."""


def test_the_straightforward_way_ends_in_the_same_gradient():
    networks = {name: in_float64(network) for name, network in small_networks().items()}
    x0hat, coarse, reference = (p.double() for p in pictures(64, torch.device("cpu")))
    context = StepContext(x0hat, 350, 50)
    straightforward = StraightforwardGuidance(
        networks["arcface"], networks["vgg"], coarse, reference
    )
    expression = PDGradRecipe().guidance(GuideImages(coarse, coarse, (reference,)))
    theirs = straightforward(x0hat, context).gradient
    ours = compile_guidance(expression, networks)(x0hat, context).gradient
    assert_same(ours, theirs, TERMS, besides=LPIPS_GUARD)


@pytest.mark.parametrize("kind", ["guidance", "step"])
def test_the_command_reports_json(kind, tmp_path, capsys):
    models = write_models(tmp_path / "models")
    command = ["benchmark", kind, "--models", str(models), "--size", "64", "--repeats", "1"]
    assert main([*command, "--precision", "exact", "--device", "cpu", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["benchmark"] == kind
    assert found["precision"] == "exact"
    assert found["ratio"] > 0
    assert set(found["gradient_cosines"]) == set(GRADIENTS)
    # In float32, where a rounding may open a gate; the guidance moves 0.2 of a step at most.
    close = through_gates(torch.float32, TERMS)
    assert found["gradient_cosine"] == min(found["gradient_cosines"].values()) > 1 - close**2 / 2
    if kind == "step":
        assert found["x_prev_relative_difference"] < 0.2 * close


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--size", "63"), "multiple of 64"),
        (("--repeats", "0"), "at least one repeat"),
        (("--precision", "balancd"), "Did you mean 'balanced'"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments, message, capsys):
    assert main(["benchmark", "guidance", "--device", "cpu", *arguments]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("forward", "backward", "least"),
    [(torch.float32, torch.bfloat16, 0.999), (torch.bfloat16, torch.bfloat16, 0.9)],
)
def test_16_bit_gradients_stay_near(forward, backward, least):
    x0hat, coarse, reference = pictures(64, torch.device("cpu"))
    context = StepContext(x0hat, 350, 50)
    expression = PDGradRecipe().guidance(GuideImages(coarse, coarse, (reference,)))
    found = []
    for precision in (Precision(), Precision(forward, backward)):
        networks = small_networks()
        PrecisionPreset("of the test", torch.float32, precision, precision).apply(networks)
        found.append(compile_guidance(expression, networks).gradients(x0hat, context))
    exact, near = (gradients.flatten(1) for gradients in found)
    assert torch.cosine_similarity(exact, near).min() > least


def test_what_is_tried_is_named(tmp_path, capsys):
    models = write_models(tmp_path / "models")
    command = ["benchmark", "guidance", "--models", str(models), "--size", "64", "--repeats", "1"]
    assert main([*command, "--precision", "exact", "--device", "cpu", "--try", "pooling"]) == 0
    assert "ours tries: pooling (off otherwise)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("step", ("--try", "norms"), "Triton kernels, which need a CUDA device"),
        ("step", ("--try", "split", "pooling"), "TF32 units, which need a CUDA device"),
        ("step", ("--compile", "--try", "norms"), "without --compile"),
        ("guidance", ("--try", "norms"), "try it with 'pdgrad benchmark step'"),
    ],
)
def test_what_cannot_be_tried_is_refused(kind, arguments, message, capsys):
    command = ["benchmark", kind, "--device", "cpu", "--precision", "exact", *arguments]
    assert main(command) == 1
    assert message in capsys.readouterr().err


def test_split_is_of_balanced_alone():
    exact = PrecisionPreset("exact", torch.float32, Precision(), Precision())
    with pytest.raises(InvalidInputError, match="choose --precision balanced"):
        check_trials(["split"], torch.device("cuda"), exact, prior_as_it_is=True)


def test_a_trial_is_switched_on_where_it_is_named():
    networks = small_networks()
    try_out([], networks, None)
    assert not any(one.precision.split or one.unpools_at_once for one in networks.values())
    try_out(["split", "pooling"], networks, None)
    assert all(one.precision.split and one.unpools_at_once for one in networks.values())
    assert tuple(TRIALS) == benchmark_guided_step.TRIALS


def test_more_faces_and_kernels_are_in_the_figures(tmp_path, capsys, monkeypatch):
    from pdgrad_core.benchmarks import guided_step
    from pdgrad_core.benchmarks.turns import Side

    kernels = {"kernels": 640, "copies": 3, "busy_seconds": 0.006, "longest": []}
    states = torch.ones(5, 2, 3, 64, 64)

    def turns(_workers, job, _repeats):
        assert (job.batch, job.replayed) == (2, True)
        facts = {"kernels": kernels, "notes": ["The prior cannot be replayed here (why), so."]}
        theirs = Side([0.08], 1.0, [0.01], 1, states)
        return theirs, Side([0.008], 1.0, [0.01], 1, states, facts)

    monkeypatch.setattr(guided_step, "take_turns", turns)
    command = ["benchmark", "step", "--device", "cpu", "--precision", "exact", "--replay"]
    assert main([*command, "--batch", "2"]) == 0
    said = capsys.readouterr().out
    assert "ours: The prior cannot be replayed here" in said
    assert "ours: 640 kernels, and none in 25% of the time" in said
