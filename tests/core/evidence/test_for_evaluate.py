"""A study's rows and faces in the words of `pdgrad evaluate`."""

import zlib
from dataclasses import replace

import pytest
import torch
from small_models import write_small_models

from pdgrad_core.cli import main
from pdgrad_core.evidence.evaluation.folders import find_cases, person_of
from pdgrad_core.evidence.evaluation.methods import parse_methods
from pdgrad_core.evidence.faces import prepare_faces
from pdgrad_core.evidence.for_evaluate import method_of, text_of, write_faces
from pdgrad_core.evidence.laboratory import restore
from pdgrad_core.evidence.studies import STUDIES
from pdgrad_core.faces.people import drawn_pairs
from pdgrad_core.images import load_image
from pdgrad_core.models.scorers import load_with_scorers
from pdgrad_core.recipes import recipe
from pdgrad_core.recipes.pdgrad import PDGradRecipe


def rows_of(name):
    return {row.name: row for row in STUDIES[name].rows(20)}


def test_a_method_s_text_gives_the_row_s_recipe():
    for row in rows_of("pdgrad").values():
        text = method_of(row, row.recipe)
        if row.recipe is None:
            assert text == ""
            continue
        (method,) = parse_methods([text], {})
        # A weight of PGDiff's is noted beside the property that it changed.
        made = replace(method.recipe, weights={}) if "pgdiff" in text else method.recipe
        assert made == row.recipe


def test_numbers_that_may_change_are_said():
    text = text_of(recipe("pdgrad"))
    assert text == "pdgrad:tau=700,steps=100,strength=0.2"
    changed = replace(recipe("pdgrad"), gradient_window=(1, 9), keep_grey=False)
    assert text_of(changed).endswith(",gradient_window=1/9,keep_grey=false")


def test_rows_with_a_filter_are_called_by_the_recipe_that_has_it():
    rows = rows_of("difbfsr")
    texts = {name: method_of(row, row.recipe) for name, row in rows.items()}
    assert texts["cfm"] == "difbfsr:tau=500,steps=20,strength=0,fit=never,until=0"
    assert texts["both_rest"] == "difbfsr:tau=500,steps=20,strength=0"
    assert texts["cfm_rest_pdgrad_tuned"].startswith("difbfsr+pdgrad:tau=350,steps=32,strength=0.2")
    assert not any(texts[name] for name in ("input", "srm", "cfm_box", "along_rest"))


def test_what_no_text_says_has_none():
    class Other(PDGradRecipe):
        pass

    assert text_of(Other(name="pdgrad")) == ""
    assert text_of(replace(recipe("pdgrad"), name="unheard of")) == ""
    assert text_of(replace(recipe("pdgrad"), low_perceptual=False)) == ""


def test_faces_are_written_as_evaluate_finds_them(tmp_path, capsys):
    models = write_small_models(tmp_path / "models")
    words = ("ablate", "--study", "pdgrad", "--faces", tmp_path / "faces", "--n", 2)
    assert main([*map(str, words), "--models", str(models), "--device", "cpu"]) == 0
    written = capsys.readouterr().out.split()
    assert len(written) == 6
    heavy = tmp_path / "faces" / "heavy"
    cases = find_cases(heavy / "truth", heavy / "degraded", heavy / "references")
    assert [len(case.references) for case in cases] == [1, 1]
    pairs = drawn_pairs("test", 2, 64)
    assert [person_of(case.name) for case in cases] == [str(one) for one in pairs.person.tolist()]
    for case, truth, reference in zip(cases, pairs.truth, pairs.reference, strict=True):
        # Half a level of 255 over a range of 2.
        for path, image in ((case.truth, truth), (case.references[0], reference)):
            assert (load_image(path)[0] - image).abs().max() <= 1 / 255 + 1e-6


def test_faces_are_not_written_among_others(tmp_path, capsys):
    (tmp_path / "heavy").mkdir()
    assert main(["ablate", "--study", "pdgrad", "--faces", str(tmp_path), "--n", "2"]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["heavy"]


def test_one_of_out_and_faces_is_needed(tmp_path, capsys):
    for words in ((), ("--out", tmp_path / "a", "--faces", tmp_path / "b")):
        with pytest.raises(SystemExit):
            main(["ablate", *map(str, words)])
    assert "--faces" in capsys.readouterr().err


def test_with_the_same_noise_evaluate_s_results_are_the_study_s(tmp_path):
    folder = write_small_models(tmp_path / "models")
    models, _ = load_with_scorers(folder, "cpu")
    (row,) = (one for one in STUDIES["pdgrad"].rows(2) if one.name == "pdgrad")
    pairs, degree = drawn_pairs("test", 1, 64), STUDIES["pdgrad"].degrees[0]
    paths = write_faces(prepare_faces("one", pairs, degree, models, 1), tmp_path / "faces")
    words = ["evaluate", "--models", folder, "--out", tmp_path / "out", "--device", "cpu"]
    words += ["--truth", paths[0], "--degraded", paths[1], "--references", paths[2]]
    words += ["--recipes", method_of(row, row.recipe), "--metrics", "psnr", "--sheet", "none"]
    assert main([*map(str, words)]) == 0
    (result,) = (tmp_path / "out" / "results").glob("pdgrad-*/*.png")

    def stored(path):
        (picture,) = path.iterdir()
        return load_image(picture)

    truth, degraded, reference = (stored(path) for path in paths)
    seed = zlib.crc32(result.stem.encode())
    same = replace(prepare_faces("one", pairs, degree, models, 1), degraded=degraded, seed=seed)
    same = replace(same, pairs=replace(pairs, truth=truth, reference=reference), _known={})
    image, _ = restore(same, row, row.recipe)
    levels, stored_levels = (255 * (one + 1) / 2 for one in (image, load_image(result)))
    assert torch.equal(levels.round(), stored_levels.round())
