"""The DifBFSR study, whole, on tiny random networks; and which rows and degradations it has."""

import csv
from dataclasses import replace

import pytest
import torch
from small_models import write_small_models

from pdgrad_core.errors import InvalidInputError, UnknownNameError
from pdgrad_core.evidence.conduct import run_study
from pdgrad_core.evidence.faces import prepare_faces
from pdgrad_core.evidence.laboratory import restore
from pdgrad_core.evidence.options import StudyOptions
from pdgrad_core.evidence.studies import STUDIES
from pdgrad_core.evidence.studies.difbfsr import cases_for
from pdgrad_core.faces.people import drawn_pairs
from pdgrad_core.models.scorers import load_with_scorers

STUDY = STUDIES["difbfsr"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_small_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(autouse=True)
def few_iterations(monkeypatch):
    """Fit for a moment only."""
    from pdgrad_core.contractions import difbfsr

    defaults = difbfsr.DifBFSR.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "iterations", 1)


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_paper_s_cases_for_faces_of_64_px():
    cases = cases_for(64)
    assert [round(case.sigma_px[0], 3) for case in cases] == [
        0.4, 0.375, 0.35, 0.325, 0.3, 0.275, 0.25, 0.225,
    ]  # fmt: skip
    assert {case.scale for case in cases} == {4.0}
    assert (cases[0].noise_delta, cases[0].jpeg_quality) == (30, 50)
    assert (cases[-1].noise_delta, cases[-1].jpeg_quality) == (0, 100)
    assert cases_for(512)[0].sigma_px == (3.2, 3.2)


def test_the_study_runs_resumes_and_writes_its_tables(folder, tmp_path):
    names = ("input", "neither", "cfm", "srm", "both", "both_rest_pdgrad")
    options = StudyOptions(
        tmp_path, n=1, models=folder, steps=2, methods=names, device="cpu", batch=5
    )
    written = {path.name: path for path in run_study(STUDY, options)}
    assert set(written) == {
        "difbfsr_drawn.csv", "difbfsr_drawn_tests.csv", "difbfsr_drawn_cases.csv",
        "difbfsr_drawn.md",
    }  # fmt: skip
    rows = read(written["difbfsr_drawn.csv"])
    assert [(row["method"], row["tau"]) for row in rows] == [
        ("input", ""), ("neither", "500"), ("neither", "250"), ("cfm", "500"), ("cfm", "250"),
        ("srm", "500"), ("srm", "250"), ("both", "500"), ("both", "250"),
        ("both_rest_pdgrad", "500"),
    ]  # fmt: skip
    for row in rows:
        assert row["n"] == "8" and row["people"] == "1"
        assert float(row["psnr_low"]) <= float(row["psnr"]) <= float(row["psnr_high"])
    cases = read(written["difbfsr_drawn_cases.csv"])
    assert len(cases) == 8 * len(rows)
    mean = sum(float(row["psnr"]) for row in cases[:8]) / 8
    assert mean == pytest.approx(float(rows[0]["psnr"]), abs=1e-3)
    tests = read(written["difbfsr_drawn_tests.csv"])
    assert {"method": "both", "against": "input"}.items() <= tests[0].items() or tests
    with pytest.raises(InvalidInputError, match="--resume"):
        run_study(STUDY, options)
    for path in (tmp_path / "runs").rglob("*.json"):
        path.write_text(path.read_text().replace('"seconds": ', '"seconds": 1'))
    again = run_study(STUDY, StudyOptions(**{**vars(options), "resume": True}))
    kept = read(next(path for path in again if path.name == "difbfsr_drawn.csv"))
    assert [row["psnr"] for row in kept] == [row["psnr"] for row in rows]
    assert [row["seconds"] for row in kept] != [row["seconds"] for row in rows]


def test_every_row_restores_in_range_whatever_the_batch(folder):
    models, _ = load_with_scorers(folder, "cpu")
    pairs, (degree,) = drawn_pairs("test", 1), STUDY.degrees
    for row in STUDY.rows(2):
        choice = row.recipe and replace(row.recipe, tau=100)
        whole, _ = restore(prepare_faces("test", pairs, degree, models, 8), row, choice)
        assert whole.shape == (8, 3, 64, 64)
        assert whole.isfinite().all() and whole.abs().max() <= 1
        if row.name in ("both", "along_rest"):
            parts, _ = restore(prepare_faces("test", pairs, degree, models, 3), row, choice)
            torch.testing.assert_close(whole, parts, atol=1e-4, rtol=0)


def test_the_numbers_at_which_the_table_was_made():
    rows = {row.name: row for row in STUDY.rows(25)}
    guided = rows["cfm_rest_pdgrad"].recipe
    assert (guided.strength_mode, guided.strength, guided.tau) == ("dynamic", 0.1, 500)
    assert "coarse" in rows and rows["coarse"].recipe is None


def test_rows_are_chosen_by_name_in_the_table_s_order():
    assert [row.name for row in STUDY.chosen_rows(("both", "input"), 2)] == ["input", "both"]
    assert len(STUDY.chosen_rows((), 2)) == len(STUDY.rows(2))
    with pytest.raises(UnknownNameError, match="both"):
        STUDY.chosen_rows(("boht",), 2)
