"""The benchmarks of the step compare like with like: both ways give the same gradients."""

import json

import pytest
import torch
from model_files import write_models
from networks import small_networks

from pdgrad_core.benchmarks.guided_step import pictures
from pdgrad_core.benchmarks.straightforward import GRADIENTS, StraightforwardGuidance
from pdgrad_core.cli import main
from pdgrad_core.diffusion.sampler import StepContext
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.models.precision import PrecisionPreset
from pdgrad_core.recipes import GuideImages
from pdgrad_core.recipes.pdgrad import PDGradRecipe


def test_the_straightforward_way_ends_in_the_same_gradient():
    networks = small_networks()
    x0hat, coarse, reference = pictures(64, torch.device("cpu"))
    context = StepContext(x0hat, 350, 50)
    straightforward = StraightforwardGuidance(
        networks["arcface"], networks["vgg"], coarse, reference
    )
    expression = PDGradRecipe().guidance(GuideImages(coarse, coarse, (reference,)))
    theirs = straightforward(x0hat, context).gradient
    ours = compile_guidance(expression, networks)(x0hat, context).gradient
    torch.testing.assert_close(ours, theirs, atol=1e-4 * float(theirs.abs().max()), rtol=1e-3)


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
    assert found["gradient_cosine"] == min(found["gradient_cosines"].values()) > 0.999999
    if kind == "step":
        assert found["x_prev_relative_difference"] < 1e-4


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
    from pdgrad_core.features.base import Precision

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
