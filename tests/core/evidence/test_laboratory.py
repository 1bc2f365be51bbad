"""What a study measures is what a user runs; and no run is taken for another one."""

from dataclasses import replace

import pytest
import torch
from small_models import write_small_models

from pdgrad_core.evidence.faces import COARSE, DEGRADED, prepare_faces
from pdgrad_core.evidence.laboratory import Laboratory, restore
from pdgrad_core.evidence.results import label
from pdgrad_core.evidence.studies import STUDIES
from pdgrad_core.faces.people import drawn_pairs
from pdgrad_core.models.scorers import SCORES, load_with_scorers
from pdgrad_core.pipeline import restore_faces
from pdgrad_core.settings import Settings


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    return load_with_scorers(write_small_models(tmp_path_factory.mktemp("networks")))


def row_of(study, name, steps=3):
    (row,) = (row for row in STUDIES[study].rows(steps) if row.name == name)
    return row


@pytest.mark.parametrize(
    ("study", "name", "recipe", "values"),
    [
        ("pdgrad", "pdgrad", "pdgrad", {"strength": 0.1}),
        ("pdgrad", "a1", "a1", {"strength": 0.1}),
        ("pdgrad", "a5", "a5", {"strength": 0.1}),
        ("pdgrad", "no_guidance", "none", {"strength": 0.0}),
        (
            "pdgrad",
            "pgdiff_reference",
            "pgdiff-reference",
            {"strength_mode": "constant", "strength": 0.1, "weights": {"identity": 5.0}},
        ),
        ("difbfsr", "pdgrad", "pdgrad", {"strength": 0.1}),
    ],
)
def test_what_is_measured_is_what_a_user_runs(networks, study, name, recipe, values):
    models, _ = networks
    row, degree = row_of(study, name), STUDIES[study].degrees[0]
    faces = prepare_faces("test", drawn_pairs("test", 2), degree, models, 16, seed=7)
    measured, traces = restore(faces, row, row.recipe)
    references = [] if recipe in ("a5", "none") else [faces.pairs.reference]
    settings = Settings(recipe, seed=7, tau=500, steps=3, **values)
    used = restore_faces(faces.degraded, references, models, settings)
    assert torch.equal(faces.picture(COARSE), used.coarse)
    assert torch.equal(measured, used.image)
    assert len(traces[0]) == len(used.trace) == 3


def test_every_case_degrades_every_face(networks):
    models, _ = networks
    pairs, (degree,) = drawn_pairs("test", 2), STUDIES["difbfsr"].degrees
    faces = prepare_faces("test", pairs, degree, models, 5)
    assert faces.cases == 8 and faces.name == "test-16"
    assert faces.pairs.person.tolist() == 8 * pairs.person.tolist()
    assert faces.low.shape == (16, 3, 16, 16)
    assert faces.picture(DEGRADED).shape == faces.pairs.truth.shape == (16, 3, 64, 64)
    error = (faces.picture(DEGRADED) - faces.pairs.truth).square().mean((1, 2, 3))
    assert (error[:2] > error[-2:]).all()  # from hard to easy


def test_a_result_is_kept_and_read_again(networks, tmp_path, monkeypatch):
    laboratory = Laboratory(*networks, tmp_path, batch=2)
    row, degree = row_of("pdgrad", "pdgrad", 1), STUDIES["pdgrad"].degrees[0]
    faces = laboratory.faces("test", drawn_pairs("test", 2), degree)
    made = laboratory.run(faces, row, row.recipe)
    assert tuple(made.scores) == SCORES
    assert made.steps
    monkeypatch.setattr("pdgrad_core.evidence.laboratory.restore", None)
    assert laboratory.run(faces, row, row.recipe) == made


def test_other_numbers_are_another_run():
    first = row_of("pdgrad", "pgdiff_reference").recipe
    changes = ({"tau": 350}, {"steps": 7}, {"strength": 0.11}, {"identity": 1.0}, {"eta": 0.5})
    labels = {label(choice) for choice in (first, *(replace(first, **one) for one in changes))}
    assert len(labels) == 6
    assert label(first) == label(row_of("pdgrad", "pgdiff_reference").recipe)
