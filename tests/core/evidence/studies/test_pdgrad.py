"""The study from end to end on tiny random networks: tables, tuning, resuming, refusals."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import images, small_networks
from small_models import write_small_models

from pdgrad_core.cli import main
from pdgrad_core.diffusion.sampler import StepContext
from pdgrad_core.evidence.laboratory import Laboratory
from pdgrad_core.evidence.results import Result
from pdgrad_core.evidence.studies import STUDIES
from pdgrad_core.evidence.tuning import tune
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.guidance.terms import terms_of
from pdgrad_core.recipes import RECIPES, GuideImages
from pdgrad_core.recipes.pdgrad import PDGradRecipe

FEW = ("coarse", "a1", "pdgrad", "no_guidance", "a1_as_pdgrad")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return write_small_models(tmp_path_factory.mktemp("networks"))


def ablate(models, out, *arguments, methods=FEW):
    sizes = ("--n", "2", "--tuning", "1", "--steps", "1", "--batch", "2", "--device", "cpu")
    command = ["ablate", "--models", models, "--out", out, *sizes, "--methods", *methods]
    return main([str(word) for word in (*command, *arguments)])


def table(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def study(models, tmp_path_factory):
    out = tmp_path_factory.mktemp("study") / "out"
    assert ablate(models, out) == 0
    return out


def test_the_table_has_intervals_and_settings(study):
    rows = {row["method"]: row for row in table(study / "ablation_drawn.csv")}
    assert list(rows) == ["coarse", "no_guidance", "a1", "pdgrad", "a1_as_pdgrad"]
    for row in rows.values():
        assert row["n"] == "2"
        for metric in ("psnr", "ssim", "lpips", "deg"):
            values = [float(row[f"{metric}{end}"]) for end in ("_low", "", "_high")]
            assert values == sorted(values)
    assert rows["coarse"]["tau"] == ""
    assert rows["pdgrad"]["strength_mode"] in ("dynamic", "constant")


def test_every_file_is_there(study):
    for name in ("_mild.csv", "_tests.csv", "_tuning.csv", "_steps.csv", ".md", ".png"):
        assert (study / f"ablation_drawn{name}").is_file()
    page = (study / "ablation_drawn.md").read_text()
    for heading in ("Heavy degradation", "Mild degradation", "conflict", "Settings chosen"):
        assert heading in page
    tests = table(study / "ablation_drawn_tests.csv")
    assert {row["against"] for row in tests} == {"a1", "coarse", "a1_as_pdgrad"}
    assert all(float(row["p"]) <= float(row["p_holm"]) <= 1 for row in tests)
    assert "Differences from coarse" in page and "Differences from a1_as_pdgrad" in page
    assert {row["degree"] for row in tests} == {"heavy", "mild"}


def test_each_method_takes_the_best_of_what_it_tried(study):
    tried = table(study / "ablation_drawn_tuning.csv")
    tested = {row["method"]: row for row in table(study / "ablation_drawn.csv")}
    for method in ("a1", "pdgrad", "no_guidance"):
        mine = [row for row in tried if row["method"] == method]
        assert len(mine) >= 4
        (chosen,) = [row for row in mine if row["chosen"] == "1"]
        assert float(chosen["objective"]) == min(float(row["objective"]) for row in mine)
        for name in ("strength_mode", "strength", "tau", "steps"):
            assert tested[method][name] == chosen[name]


def test_a_control_takes_another_methods_settings(study):
    tested = {row["method"]: row for row in table(study / "ablation_drawn.csv")}
    for name in ("strength_mode", "strength", "tau", "steps"):
        assert tested["a1_as_pdgrad"][name] == tested["pdgrad"][name]
    tried = {row["method"] for row in table(study / "ablation_drawn_tuning.csv")}
    assert "a1_as_pdgrad" not in tried


def test_a_finished_run_is_not_run_again(models, study, capsys, monkeypatch):
    before = (study / "ablation_drawn.csv").read_bytes()
    assert ablate(models, study) == 1
    assert "add --resume" in capsys.readouterr().err

    def never(*_, **__):
        raise AssertionError("a run was repeated")

    monkeypatch.setattr("pdgrad_core.evidence.laboratory.restore", never)
    assert ablate(models, study, "--resume") == 0
    assert (study / "ablation_drawn.csv").read_bytes() == before


def test_results_of_other_networks_are_not_continued(models, study, tmp_path, capsys):
    other = write_small_models(tmp_path / "other")
    (other / "coarse.safetensors").write_bytes(b"")
    from safetensors.torch import load_file, save_file

    save_file(
        {k: v + 0.01 for k, v in load_file(models / "coarse.safetensors").items()},
        other / "coarse.safetensors",
    )
    assert ablate(other, study, "--resume") == 1
    assert "made with other networks" in capsys.readouterr().err


def test_real_faces_from_a_file(models, tmp_path):
    label = np.repeat(np.arange(4), 2)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3)).astype(np.uint8)
    np.savez(tmp_path / "people.npz", images=pixels, label=label, split=np.ones(8, np.uint8))
    out = tmp_path / "out"
    arguments = ("--images", tmp_path / "people.npz")
    assert ablate(models, out, *arguments, methods=("coarse", "a1")) == 0
    assert len(table(out / "ablation_people.csv")) == 2
    assert "people.npz" in (out / "ablation_people.md").read_text()


def test_who_guides_does_not_score(models, tmp_path, capsys):
    folder = write_small_models(tmp_path / "same")
    (folder / "scorer-identity.safetensors").write_bytes(
        (folder / "identity.safetensors").read_bytes()
    )
    assert ablate(folder, tmp_path / "out") == 1
    assert "what guides must not score" in capsys.readouterr().err
    (folder / "prior.safetensors").unlink()
    assert ablate(folder, tmp_path / "out") == 1
    assert "no prior.safetensors" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--methods", "coarse", "pdgrd"), "Did you mean 'pdgrad'"),
        (("--methods", "a1"), "must contain 'coarse'"),
        (("--methods", "coarse", "a1_as_pdgrad"), "must contain 'pdgrad'"),
        (("--n", "0"), "--n must be at least 1"),
    ],
)
def test_wrong_options_are_one_sentence(models, tmp_path, capsys, arguments, message):
    assert ablate(models, tmp_path / "out", *arguments) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_tuning_goes_on_from_the_best_so_far(tmp_path, monkeypatch):
    study = STUDIES["pdgrad"]
    (row,) = [one for one in study.rows(5) if one.name == "a1"]
    coarse = Result("coarse", None, [0], {"deg": [1.0], "lpips": [1.0]})

    def run(self, faces, row, choice):
        # Best: dynamic 0.2 at tau 350 with the longer schedule.
        far = (choice.strength != 0.2) + (choice.tau != 350) + (choice.steps != 10)
        return Result(row.name, choice, [0], {"deg": [1.0 + far], "lpips": [1.0]})

    monkeypatch.setattr(Laboratory, "run", run)
    trials = tune(row, None, Laboratory(None, None, tmp_path, 1), study.tuning, coarse)
    (chosen,) = [trial.result.choice for trial in trials if trial.chosen]
    assert (chosen.strength, chosen.tau, chosen.steps) == (0.2, 350, 10)
    assert len(trials) == len({trial.result.choice for trial in trials}) == 7


def test_the_wide_grid_goes_beyond_what_the_tables_were_tuned_over():
    tabled, wide = (
        {row.name: row for row in STUDIES[n].rows(20)} for n in ("pdgrad", "pdgrad-wide")
    )
    assert list(tabled) == list(wide)
    for name, row in tabled.items():
        assert wide[name].recipe == row.recipe
        for few, many in zip(row.stages, wide[name].stages, strict=True):
            assert all(change in many for change in few)
    weights = [change["identity"] for change in wide["pgdiff_reference"].stages[2]]
    assert min(weights) < 0.25 and min(c["tau"] for c in wide["pdgrad"].stages[0]) < 350


def test_a_recipe_s_new_default_changes_no_study(monkeypatch):
    before = {name: STUDIES[name].rows(20) for name in ("pdgrad", "difbfsr")}
    for name in ("pdgrad", "none", "a1"):
        other = replace(RECIPES[name], strength=9.0, tau=999, steps=7, stepper="ddim", eta=1.0)
        other = replace(other, strength_mode="constant", gradient_steps=3, references="nearest")
        monkeypatch.setitem(RECIPES.members, name, other)
    for name, rows in before.items():
        assert [row.recipe for row in STUDIES[name].rows(20)] == [row.recipe for row in rows]


def test_the_control_of_pivots_has_just_those():
    guide = GuideImages(images(1, 32), images(1, 32, 1), (images(1, 32, 2),))
    (pivots,) = (row.recipe for row in STUDIES["pdgrad"].rows(20) if row.name == "pivots_only")
    names = {term.name for term in terms_of(pivots.guidance(guide))}
    assert names == {"low_c.arc", "low_c.vgg", "high_r.arc"}


def test_with_two_gradients_pcgrad_is_twice_upgrad():
    pytest.importorskip("torchjd")
    guide = GuideImages(images(2, 32), images(2, 32, 1), (images(2, 32, 2),))
    found = {}
    for name in ("torchjd_pcgrad", "torchjd_upgrad"):
        guidance = compile_guidance(PDGradRecipe(combiner=name).guidance(guide), small_networks())
        x0hat = images(2, 32, 3)
        found[name] = guidance(x0hat, StepContext(x0hat, 5, 0, 0)).gradient
    torch.testing.assert_close(found["torchjd_pcgrad"], 2 * found["torchjd_upgrad"])


def test_the_folder_says_what_it_was_made_from(study):
    facts = json.loads((study / "study.json").read_text())
    assert facts["images"] == "drawn"
    assert len(facts["networks"]["prior"]) == 64
