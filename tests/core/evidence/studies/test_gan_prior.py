"""The study of the GAN prior on tiny random networks: its rows, and what they are run with."""

import csv
from dataclasses import replace

import pytest
import torch
from recipe import fill_equalised
from safetensors.torch import save_file
from small_models import write_small_models

from pdgrad_core.errors import CheckpointNotFoundError
from pdgrad_core.evidence.conduct import run_study
from pdgrad_core.evidence.faces import COARSE, prepare_faces
from pdgrad_core.evidence.laboratory import restore
from pdgrad_core.evidence.options import StudyOptions
from pdgrad_core.evidence.studies import STUDIES
from pdgrad_core.evidence.studies.gan_prior import ABLATION
from pdgrad_core.faces.people import drawn_pairs
from pdgrad_core.gan.config import GANPriorConfig
from pdgrad_core.gan.network import GANPriorNetwork
from pdgrad_core.images import resize
from pdgrad_core.models.scorers import load_with_scorers
from pdgrad_core.pipeline import restore_faces
from pdgrad_core.restorers import load_restorer
from pdgrad_core.settings import Settings
from pdgrad_core.training.objectives.gan_prior import GANPriorObjective
from pdgrad_core.training.option_words import read_options

STUDY = STUDIES["gan-prior"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = write_small_models(tmp_path_factory.mktemp("models"))
    for name, whole in (("gan-prior", True), ("gan-all", True), ("gan-gpen", False)):
        config = GANPriorConfig((8, 8, 8, 4, 4), 16, 2, mmrb=whole, decoder=whole)
        network = fill_equalised(GANPriorNetwork(config))
        save_file(network.state_dict(), folder / f"{name}.safetensors")
    return folder


def test_the_study_runs_under_both_degrees(folder, tmp_path):
    names = ("input", "coarse", "gan_prior", "all", "gpen", "pdgrad", "gan_prior_pdgrad")
    options = StudyOptions(tmp_path, n=2, models=folder, methods=names, device="cpu", steps=2)
    written = {path.name: path for path in run_study(STUDY, options)}
    with written["gan_prior_drawn_tests.csv"].open(newline="") as file:
        compared = {(row["degree"], row["method"], row["against"]) for row in csv.DictReader(file)}
    assert {("heavy", "gpen", "all"), ("x4", "gpen", "all")} <= compared
    assert ("heavy", "gan_prior_pdgrad", "pdgrad") in compared
    assert ("x4", "gan_prior_pdgrad", "pdgrad") not in compared
    assert {"gan_prior_drawn.csv", "gan_prior_drawn_x4.csv"} <= set(written)


def test_a_quarter_of_the_side_is_all_that_super_resolution_takes(folder):
    models, _ = load_with_scorers(folder)
    _, x4 = STUDY.degrees
    faces = prepare_faces("test", drawn_pairs("test", 1), x4, models, 16)
    again = prepare_faces("b", faces.pairs, x4, models, 16, seed=9)
    assert torch.equal(faces.degraded, again.degraded)  # nothing is drawn
    small = resize(faces.pairs.truth, 16, 16, "bicubic")
    large = resize(small, 64, 64, "bicubic").clamp(-1, 1)
    torch.testing.assert_close(faces.degraded, large, atol=1e-5, rtol=0)


def test_its_answer_as_y_c_is_measured_as_a_user_runs_it(folder):
    models, _ = load_with_scorers(folder)
    heavy, _ = STUDY.degrees
    faces = prepare_faces("test", drawn_pairs("test", 2), heavy, models, 16, seed=7)
    (row,) = (row for row in STUDY.rows(2) if row.name == "gan_prior_pdgrad")
    measured, _ = restore(faces, row, row.recipe)
    assert not torch.equal(restore(faces, replace(row, coarse=COARSE), row.recipe)[0], measured)
    models.restorer = load_restorer("gan-prior", folder / "gan-prior.safetensors")
    settings = Settings("pdgrad", seed=7, tau=350, strength=0.2, steps=2)
    used = restore_faces(faces.degraded, [faces.pairs.reference], models, settings)
    assert torch.equal(measured, used.image)


def test_a_row_whose_network_is_missing_is_named_before_the_work(folder, tmp_path):
    options = StudyOptions(tmp_path / "out", n=1, models=folder, device="cpu")
    with pytest.raises(CheckpointNotFoundError, match=r"'no_mmrb' needs gan-no_mmrb\.safetensors"):
        run_study(STUDY, options)


@pytest.mark.parametrize("one", ABLATION, ids=lambda one: one.row)
def test_each_row_is_an_option_of_the_training(one):
    read_options(list(one.options), GANPriorObjective.option_defaults)
