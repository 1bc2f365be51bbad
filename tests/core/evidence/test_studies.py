"""A new study is one new file: the command finds it and runs it."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from small_models import write_small_models

from pdgrad_core.evidence.studies import STUDIES

TOY = (Path(__file__).parents[2] / "plugin" / "studies" / "toy.py").read_text()


def pdgrad(plugins, *words):
    return subprocess.run(
        [sys.executable, "-m", "pdgrad_core", *map(str, words)],
        env={**os.environ, "PDGRAD_PLUGINS": str(plugins)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_study_of_another_package_is_found_and_runs(tmp_path):
    plugins, out = tmp_path / "plugins", tmp_path / "out"
    (plugins / "studies").mkdir(parents=True)
    (plugins / "studies" / "toy.py").write_text(TOY)
    shown = "".join(pdgrad(plugins, "ablate", "--help").stdout.split())
    assert re.search(r"--study\{pdgrad,[^}]*,toy\}", shown)
    models = write_small_models(tmp_path / "models")
    sizes = ("--n", 2, "--steps", 1, "--device", "cpu", "--threads", 1)
    done = pdgrad(plugins, "ablate", "--study", "toy", "--models", models, "--out", out, *sizes)
    assert done.returncode == 0, done.stderr
    written = ["toy_drawn.csv", "toy_drawn_tests.csv", "toy_drawn.md"]
    assert done.stdout.split() == [str(out / name) for name in written]
    with (out / "toy_drawn.csv").open(newline="", encoding="utf-8") as file:
        found = [(row["method"], row["strength"], row["n"]) for row in csv.DictReader(file)]
    assert found == [("coarse", "", "2"), ("pdgrad", "0.1", "2"), ("pdgrad", "0.2", "2")]
    assert (out / "toy_drawn.md").read_text().startswith("# A toy\n")


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_found_under_its_own_name(name):
    study = STUDIES[name]
    assert study.name == name
    rows = study.rows(study.steps)
    names = {row.name for row in rows}
    assert len(names) == len(rows)
    assert {one for pair in study.compared for one in pair} <= names
    assert not study.baseline or study.baseline in names
