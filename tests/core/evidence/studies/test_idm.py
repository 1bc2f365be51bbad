"""The study of IDM on tiny random networks: its rows, and what they are run with."""

import csv
from dataclasses import replace

import pytest
import torch
from recipe import fill
from safetensors.torch import save_file
from small_models import write_small_models

from pdgrad_core.diffusion.priors.guided_diffusion import PriorConfig
from pdgrad_core.diffusion.priors.idm import IDMNetwork
from pdgrad_core.diffusion.unet import UNetConfig
from pdgrad_core.errors import CheckpointNotFoundError
from pdgrad_core.evidence.conduct import run_study
from pdgrad_core.evidence.faces import DEGRADED, prepare_faces
from pdgrad_core.evidence.laboratory import restore
from pdgrad_core.evidence.options import StudyOptions
from pdgrad_core.evidence.studies import STUDIES
from pdgrad_core.faces.people import drawn_pairs
from pdgrad_core.models.scorers import load_with_scorers
from pdgrad_core.pipeline import restore_faces
from pdgrad_core.restorers import load_restorer
from pdgrad_core.settings import Settings

STUDY = STUDIES["idm"]
NETWORK = UNetConfig(
    width=32, channel_mult=(1,), num_res_blocks=(1,), attention_levels=(), patch_size=4,
    num_head_channels=32, learn_sigma=False,
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = write_small_models(tmp_path_factory.mktemp("models"))
    meaning = PriorConfig(
        image_size=64, num_head_channels=32, prediction="x0", variance="fixed_large"
    )
    weights = fill(IDMNetwork(NETWORK)).state_dict()
    save_file(weights, folder / "idm.safetensors", meaning.to_metadata())
    return folder


@pytest.fixture(scope="module")
def faces(folder):
    models, _ = load_with_scorers(folder)
    return prepare_faces("test", drawn_pairs("test", 2), STUDY.degrees[0], models, 16, seed=7)


def row_of(name):
    (row,) = (row for row in STUDY.rows(2) if row.name == name)
    return row


def test_the_study_runs_and_says_the_colour_too(folder, tmp_path):
    names = ("input", "coarse", "idm", "guided")
    options = StudyOptions(tmp_path, n=2, models=folder, methods=names, device="cpu")
    written = {path.name: path for path in run_study(STUDY, options)}
    assert set(written) == {"idm_drawn.csv", "idm_drawn_tests.csv", "idm_drawn.md"}
    with written["idm_drawn.csv"].open(newline="") as file:
        table = {row["method"]: row for row in csv.DictReader(file)}
    assert set(table) == set(names)
    assert float(table["idm"]["colour"]) > 0
    with written["idm_drawn_tests.csv"].open(newline="") as file:
        tests = {(row["method"], row["against"], row["metric"]) for row in csv.DictReader(file)}
    assert ("idm", "coarse", "colour") in tests
    assert "| colour |" in written["idm_drawn.md"].read_text()


def test_a_row_whose_network_is_missing_is_named_before_the_work(folder, tmp_path):
    options = StudyOptions(tmp_path / "out", n=1, models=folder, device="cpu")
    with pytest.raises(CheckpointNotFoundError, match=r"'second' needs idm-second\.safetensors"):
        run_study(STUDY, options)
    assert not (tmp_path / "out").exists()


def test_idm_is_measured_as_a_user_restores(faces, folder):
    measured, traces = restore(faces, row_of("idm"), None)
    restorer = load_restorer("idm", folder / "idm.safetensors")
    used = restorer(faces.degraded, noise=faces.job(torch.arange(2)).noise)
    assert torch.equal(measured, used)
    assert traces == []


def test_its_steps_under_guidance_are_measured_as_a_user_runs_them(faces, folder):
    row = row_of("guided_own")
    measured, traces = restore(faces, row, replace(row.recipe, steps=3))
    models, _ = load_with_scorers(folder)
    models.restorer = load_restorer("idm", folder / "idm.safetensors")
    # The study's rows share IDM's answer as y_c, so here the same answer is given.
    y_c = faces.picture(row.coarse)
    models.restorer._sample = lambda *_: y_c  # what its own ten steps make of y
    settings = Settings("idm+pdgrad", seed=7, steps=3)
    used = restore_faces(faces.degraded, [faces.pairs.reference], models, settings)
    assert torch.equal(measured, used.image)
    assert len(traces[0]) == 3


def test_rows_that_share_a_picture_have_one(faces):
    rows = {row.name: row for row in STUDY.rows(2)}
    assert rows["idm"].start == rows["idm_pdgrad"].coarse == rows["guided_own"].coarse
    assert rows["guided"].coarse.name == "coarse"
    assert rows["input"].start == DEGRADED
