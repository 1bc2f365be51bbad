"""`pdgrad evaluate` on tiny networks: tables, resuming, sheets, and what is missing."""

import csv
import json

import pytest
import torch
from small_models import write_small_models

from pdgrad_core.cli import main
from pdgrad_core.errors import InvalidInputError, UnknownNameError
from pdgrad_core.evidence.evaluation.methods import parse_methods
from pdgrad_core.faces.people import drawn_pairs
from pdgrad_core.images import load_image, save_image
from pdgrad_core.metrics import METRICS

METRIC_NAMES = ("psnr", "lpips", "deg", "deg_reference", "kernel_distance")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return write_small_models(tmp_path_factory.mktemp("networks"))


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    pairs = drawn_pairs("test", 3)
    for number, (truth, reference) in enumerate(zip(pairs.truth, pairs.reference, strict=True)):
        save_image(truth[None], folder / "truth" / f"{number}.png")
        save_image(reference[None], folder / "references" / f"{number}.png")
        save_image(0.5 * truth[None], folder / "dark" / f"{number}.png")
    return folder


def evaluate(models, out, *words, recipes=("pdgrad", "none")):
    shared = ("--steps", "1", "--tau", "100", "--device", "cpu", "--batch", "2")
    command = ["evaluate", "--models", models, "--out", out, *shared, "--recipes", *recipes]
    return main([str(word) for word in (*command, *words)])


def with_truth(faces):
    return ("--truth", faces / "truth", "--degrade", "pdgrad", "--references", faces / "references")


def table(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def evaluated(models, faces, tmp_path_factory):
    out = tmp_path_factory.mktemp("evaluation") / "out"
    assert evaluate(models, out, *with_truth(faces), "--metrics", *METRIC_NAMES) == 0
    return out


def test_every_method_has_a_row_with_intervals_time_and_memory(evaluated):
    rows = {row["method"]: row for row in table(evaluated / "scores.csv")}
    assert list(rows) == ["coarse", "degraded", "reference", "pdgrad", "none"]
    for row in rows.values():
        assert (row["n"], row["people"]) == ("3", "3")
        for name in ("psnr", "lpips", "deg", "deg_reference"):
            values = [float(row[f"{name}{end}"]) for end in ("_low", "", "_high")]
            assert values == sorted(values)
        assert row["kernel_distance_low"] == "" and float(row["kernel_distance"]) > -1000
        assert float(row["memory_mb"]) > 0
    assert float(rows["pdgrad"]["seconds"]) > 0
    # Cosine 1 of a face and itself, but for the last digit of float32 embeddings.
    assert float(rows["reference"]["deg_reference"]) == pytest.approx(0, abs=0.1)


def test_differences_have_corrected_tests(evaluated):
    rows = table(evaluated / "differences.csv")
    assert {row["against"] for row in rows} == {"coarse"}
    assert {row["metric"] for row in rows} == {"psnr", "lpips", "deg", "deg_reference"}
    assert all(float(row["p"]) <= float(row["p_holm"]) <= 1 for row in rows)
    means = {row["method"]: float(row["psnr"]) for row in table(evaluated / "scores.csv")}
    (gap,) = [r for r in rows if r["method"] == "pdgrad" and r["metric"] == "psnr"]
    assert float(gap["difference"]) == pytest.approx(means["pdgrad"] - means["coarse"], abs=1e-4)


def test_scores_are_those_of_the_pictures_on_disk(evaluated, faces):
    (folder,) = (evaluated / "results").glob("pdgrad-*")
    values = [
        METRICS["psnr"]()(load_image(folder / f"{n}.png"), load_image(faces / "truth" / f"{n}.png"))
        for n in range(3)
    ]
    (row,) = [r for r in table(evaluated / "scores.csv") if r["method"] == "pdgrad"]
    assert float(row["psnr"]) == pytest.approx(float(torch.cat(values).mean()), abs=1e-4)


def test_the_page_and_the_pictures_are_there(evaluated):
    text = (evaluated / "evaluation.md").read_text(encoding="utf-8")
    assert "3 faces of 3 people, 64 px" in text and "| pdgrad |" in text
    for name in ("sheet.png", "scores.png"):
        assert f"({name})" in text and load_image(evaluated / name).shape[1] == 3


def test_what_is_done_is_not_done_again(models, faces, evaluated, monkeypatch):
    before = (evaluated / "scores.csv").read_bytes()

    def never(*_, **__):
        raise AssertionError("a face was restored again")

    monkeypatch.setattr("pdgrad_core.evidence.evaluation.work.restore_faces", never)
    again = (*with_truth(faces), "--metrics", *METRIC_NAMES)
    assert evaluate(models, evaluated, *again) == 0
    assert (evaluated / "scores.csv").read_bytes() == before
    # A metric that is new takes the pictures that are there.
    assert evaluate(models, evaluated, *with_truth(faces), "--metrics", "ssim") == 0
    assert "ssim" in table(evaluated / "scores.csv")[0]


def test_an_interrupted_evaluation_goes_on(models, faces, evaluated, monkeypatch):
    (folder,) = (evaluated / "results").glob("pdgrad-*")
    (folder / "1.json").unlink()  # the record is written last: the picture alone does not count
    from pdgrad_core.evidence.evaluation import work

    restored, true = [], work.restore_faces
    monkeypatch.setattr(
        work, "restore_faces", lambda y, *a, **k: restored.append(len(y)) or true(y, *a, **k)
    )
    assert evaluate(models, evaluated, *with_truth(faces), "--metrics", "psnr") == 0
    assert restored == [2]  # the batch in which it was, so that its pixels are the same
    assert (folder / "1.json").is_file()


def test_other_numbers_and_other_pictures_are_other_results(models, faces, evaluated):
    count = len(list((evaluated / "results").glob("pdgrad-*")))
    recipes = ("pdgrad:strength=0.3", "pdgrad:strength=0.4,steps=2")
    words = (*with_truth(faces), "--metrics", "psnr")
    assert evaluate(models, evaluated, *words, recipes=recipes) == 0
    assert len(list((evaluated / "results").glob("pdgrad-*"))) == count + 2
    assert [row["method"] for row in table(evaluated / "scores.csv")][-2:] == list(recipes)


def test_without_truth_only_what_needs_none_is_measured(models, faces, tmp_path, caplog):
    caplog.set_level("INFO")
    words = ("--degraded", faces / "dark", "--references", faces / "references", "--sheet", "none")
    assert evaluate(models, tmp_path, *words, recipes=("pdgrad",)) == 0
    (row,) = [r for r in table(tmp_path / "scores.csv") if r["method"] == "pdgrad"]
    assert "deg_reference" in row and "psnr" not in row
    text = (tmp_path / "evaluation.md").read_text(encoding="utf-8")
    assert "- PSNR: needs --truth" in text
    assert "- LMD: needs alignment_WFLW_4HG.pth; pdgrad weights fetch awing" in text


def test_blind_sheets_say_no_name_and_the_key_says_all(models, faces, evaluated):
    words = (*with_truth(faces), "--metrics", "psnr", "--sheet", "blind", "--sheet-faces", "2")
    assert evaluate(models, evaluated, *words) == 0
    key = json.loads((evaluated / "blind_key.json").read_text())
    assert list(key) == ["001", "002"]
    for one in key.values():
        assert sorted(one["letters"].values()) == ["coarse", "none", "pdgrad"]
    assert [row["sheet"] for row in table(evaluated / "blind" / "votes.csv")] == ["001", "002"]
    first = (evaluated / "blind" / "001.png").read_bytes()
    assert evaluate(models, evaluated, *words) == 0
    assert (evaluated / "blind" / "001.png").read_bytes() == first


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--truth", "truth"), "--degrade PRESET"),
        (("--truth", "truth", "--degrade", "pdgrd"), "Did you mean 'pdgrad'"),
        (("--truth", "truth", "--degrade", "pdgrad"), "needs at least one|reference photo"),
        (("--truth", "truth", "--degrade", "pdgrad", "--metrics", "pnsr"), "'psnr'"),
        (("--degraded", "dark", "--sheet", "nice"), "--sheet must be one of"),
        (("--degraded", "dark", "--batch", "0"), "--batch must be at least 1"),
    ],
)
def test_wrong_options_are_one_sentence(models, faces, tmp_path, capsys, words, message):
    placed = [faces / word if word in ("truth", "dark") else word for word in words]
    recipes = ("none",) if "--metrics" in words else ("pdgrad",)
    assert evaluate(models, tmp_path / "out", *placed, recipes=recipes) == 1
    import re

    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_results_do_not_lie_among_the_pictures(models, faces, capsys):
    assert evaluate(models, faces / "dark" / "out", "--degraded", faces / "dark") == 1
    assert "lies in" in capsys.readouterr().err


def test_recipes_take_numbers_of_their_own():
    words = ["pdgrad", "pdgrad:tau=350,strength=0.3,references=nearest", "a1:gradient_steps=2"]
    plain, own, repeated = parse_methods(words, {"steps": 7, "tau": None})
    assert (plain.recipe.steps, plain.recipe.tau) == (7, 700)
    assert (own.recipe.tau, own.recipe.strength, own.recipe.references) == (350, 0.3, "nearest")
    assert repeated.recipe.gradient_steps == 2
    (window,) = parse_methods(["pgdiff-reference:gradient_window=300/900"], {})
    assert window.recipe.gradient_window == (300, 900)
    with pytest.raises(UnknownNameError, match="pdgrad"):
        parse_methods(["pdgrd"], {})
    for wrong, said in (
        ("pdgrad:tau", "NAME=VALUE"),
        ("pdgrad:tau=x", "no value for tau"),
        ("pdgrad:iterations=3", "leave iterations out"),
    ):
        with pytest.raises(InvalidInputError, match=said):
            parse_methods([wrong], {})
    with pytest.raises(InvalidInputError, match="twice"):
        parse_methods(["a1", "a1"], {})
