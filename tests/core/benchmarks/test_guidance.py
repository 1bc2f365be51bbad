"""The guidance benchmark compares like with like: both ways give the same gradients."""

import json

import pytest
import torch
from golden import tiny_prior
from model_files import write_models
from networks import small_arcface, small_vgg

from pdgrad_core.benchmarks.guidance import GuidanceBenchmark, in_turns
from pdgrad_core.cli import main
from pdgrad_core.errors import UnknownNameError
from pdgrad_core.precision import PRECISIONS, precision_preset

CPU = torch.device("cpu")


def benchmark(name):
    return GuidanceBenchmark(small_arcface(), small_vgg(), 64, PRECISIONS[name], CPU)


def test_the_straightforward_way_gives_the_same_gradients_and_the_same_surgery():
    bench = benchmark("exact")
    assert min(bench.gradient_cosines().values()) > 0.999999
    theirs = bench.straightforward(bench.x, bench.context).gradient
    ours = bench.ours(bench.x, bench.context).gradient
    torch.testing.assert_close(ours, theirs, atol=1e-4 * float(theirs.abs().max()), rtol=1e-3)


@pytest.mark.parametrize(("name", "least"), [("balanced", 0.999), ("fast", 0.9)])
def test_16_bit_gradients_stay_near(name, least):
    assert min(benchmark(name).gradient_cosines().values()) > least


def test_a_whole_step_leaves_the_prior_as_it_was():
    prior = tiny_prior()
    found = benchmark("balanced").run_step(prior, PRECISIONS["balanced"], repeats=1)
    assert found["ratio"] > 0
    assert prior.network.dtype == torch.float32


def test_turns_alternate_and_the_first_is_not_counted():
    calls = []

    def way(name):
        def run():
            calls.append(name)
            return torch.zeros(1)

        return run

    in_turns(way("a"), way("b"), repeats=2)
    assert calls == ["a", "b"] * 3


def test_presets_by_name():
    assert precision_preset("exact", CPU).prior == torch.float32
    assert precision_preset("auto", CPU) in PRECISIONS.values()
    with pytest.raises(UnknownNameError, match="balanced"):
        precision_preset("balancd", CPU)


def test_the_commands_report_json(tmp_path, capsys):
    models = write_models(tmp_path / "models")
    for kind in ("guidance", "step"):
        command = ["benchmark", kind, "--models", str(models), "--size", "64", "--repeats", "1"]
        assert main([*command, "--precision", "exact", "--device", "cpu", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["gradient_cosine"] > 0.9999
        assert found["ratio"] > 0
    assert main(["benchmark", "guidance", "--size", "63"]) == 1
    assert "multiple of 64" in capsys.readouterr().err
