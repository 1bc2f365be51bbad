"""The fit's benchmark counts what it says, on a tiny prior; its times are not judged."""

import json

import pytest
from golden import tiny_prior
from small_models import write_small_models

from pdgrad_core import embedded as models
from pdgrad_core.benchmarks.fit import benchmark_fit
from pdgrad_core.cli import main
from pdgrad_core.contractions.fit import FitSettings
from pdgrad_core.errors import InvalidInputError

QUICK = FitSettings(iterations=4, width=8)


def test_the_ratio_is_of_the_whole_fit_and_the_whole_sampling():
    found = benchmark_fit(tiny_prior(), 10, turns=2, settings=QUICK)
    assert found["iterations"] == 4
    assert found["ratio"] == pytest.approx(found["fit_seconds"] / (10 * found["step_seconds"]))
    assert found["fit_seconds"] > 0 and found["cpu_ratio"] > 0


def test_nothing_to_time_is_refused():
    with pytest.raises(InvalidInputError, match="at least one"):
        benchmark_fit(tiny_prior(), 10, turns=0, settings=QUICK)


def test_the_command_writes_json(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(models, "WEIGHTS", write_small_models(tmp_path))
    options = ["--iterations", "2", "--turns", "1", "--device", "cpu"]
    assert main(["benchmark", "fit", "--models", "demo", "--json", *options]) == 0
    assert json.loads(capsys.readouterr().out)["size_px"] == 64
