"""The authenticity criterion: values by hand, and the command."""

import json

import pytest
import torch
from tiny_idm import tiny_idm

from pdgrad_core.cli import main
from pdgrad_core.diffusion.sampler import Watch
from pdgrad_core.errors import InvalidInputError, SamplingStopped
from pdgrad_core.evidence.authenticity import authenticity, detail_kept
from pdgrad_core.evidence.authenticity_report import answer, levels, sheet_rows
from pdgrad_core.restorers import RESTORERS, Restorer
from pdgrad_core.restorers.idm import IDMRestorer


class Halving(Restorer):
    """f(x) = x / 2: it never comes to rest before grey."""

    name, needs_weights = "halving", False

    def _restore(self, degraded, _x_t, _t, /):
        return degraded / 2


def faces(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(3, 3, 16, 16, generator=generator) * 2 - 1


def test_one_that_gives_back_what_it_gets_is_authentic_on_clean_faces():
    x = faces()
    found = authenticity(RESTORERS["none"](), x, x / 2)
    for row in found.rows:
        near = row.scores["psnr"] > 80
        assert near == (row.start == "x" or row.against == "before")
    assert {row.scores["detail"] for row in found.rows if row.start == "x"} == {1.0}
    # Half the contrast is a quarter of the energy.
    assert found.rows[-2].scores["detail"] == pytest.approx(0.25)


def test_the_rows_are_the_papers_equations():
    x = faces()
    found = authenticity(Halving(), x, x / 4, times=2)
    assert [(row.start, row.times, row.against) for row in found.rows] == [
        ("x", 1, "x"), ("x", 2, "x"), ("x", 2, "before"),
        ("x_d", 0, "x"), ("x_d", 1, "x"), ("x_d", 2, "x"), ("x_d", 2, "before"),
    ]  # fmt: skip
    detail = [row.scores["detail"] for row in found.rows]
    assert detail == pytest.approx([4**-1, 4**-2, 4**-1, 4**-2, 4**-3, 4**-4, 4**-1])
    assert torch.equal(found.clean[2], x / 4)
    assert [rows.shape[0] for rows in sheet_rows(found, 2)] == [2] * 5


def test_detail_is_what_squares_of_four_pixels_lose():
    flat, checks = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
    checks[..., ::2, ::2] = checks[..., 1::2, 1::2] = -1
    assert float(detail_kept(checks / 2 + 0.1, checks)) == pytest.approx(0.25)
    assert float(detail_kept(flat + 0.5, checks)) == pytest.approx(0.0, abs=1e-9)
    assert float(detail_kept(flat, flat)) == 1.0
    assert torch.isfinite(detail_kept(faces()[..., :15], faces(1)[..., :15])).all()


def test_what_cannot_be_tested_is_refused():
    with pytest.raises(InvalidInputError, match="at least twice, not 1"):
        authenticity(RESTORERS["none"](), faces(), faces(), times=1)

    class Along(Halving):
        depends_on_x_t = True

    with pytest.raises(InvalidInputError, match="works along the sampling"):
        authenticity(Along(), faces(), faces())


def test_faces_of_two_sizes_are_refused():
    with pytest.raises(InvalidInputError, match="take a degradation that keeps their size"):
        authenticity(RESTORERS["none"](), faces(), faces()[..., :8])


def test_the_answer_says_how_far_a_good_face_is_changed():
    flat = torch.full((2, 3, 16, 16), 0.8)
    assert levels(flat, torch.zeros_like(flat)) == pytest.approx(102)
    said = answer(authenticity(Halving(), flat, flat, times=2))
    assert said.startswith("It changes good faces: applied once to 2 faces, by 51.0 of 255 levels")
    assert "Applied 2 times, by 76.5; the last time still moved them by 25.5." in said
    x = faces()
    assert "smooths them (25% of" in answer(authenticity(Halving(), x, x))
    kept = answer(authenticity(RESTORERS["none"](), x, x))
    assert kept.startswith(
        "It leaves good faces nearly as they are: applied once to 3 faces, by 0.0"
    )
    assert "keeps detail (100% of" in kept


def test_progress_counts_every_application_and_the_watch_stops_it():
    seen, x = [], faces()
    none = RESTORERS["none"]()
    authenticity(none, x, x, times=2, batch=2, on_applied=lambda *one: seen.append(one))
    assert seen == [(done, 8) for done in range(1, 9)]
    with pytest.raises(SamplingStopped, match="after 0 applications"):
        authenticity(none, x, x, watch=Watch(should_stop=lambda: True))


def test_of_a_restorer_that_samples_all_steps_are_counted():
    seen, x = [], faces()
    restorer = IDMRestorer(tiny_idm(), 2)
    watch = Watch(lambda state: seen.append((state.done, state.total)))
    authenticity(restorer, x, x, times=2, watch=watch)
    assert seen == [(done, 8) for done in range(1, 9)]


def test_the_command_prints_a_table_and_writes_a_sheet(tmp_path, capsys):
    words = ["authenticity", "--count", "2", "--times", "2", "--device", "cpu"]
    sheet = tmp_path / "sheet.png"
    assert main([*words, "--sheet", str(sheet)]) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[0].split() == ["result", "against", "psnr", "detail", "lpips", "deg"]
    assert "f^2(x_d)   f(x_d)" in text
    assert "good faces" in text.splitlines()[-1]
    assert sheet.is_file()
    assert main([*words, "--restorer", "none", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert rows[0]["deg"] == pytest.approx(0.0, abs=1e-2)
    assert rows[0]["psnr"] is None
    assert main([*words, "--restorer", "idm", "--models", "demo", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["restorer"] == "idm"


def test_the_command_says_what_is_missing(tmp_path, capsys):
    words = ["authenticity", "--restorer", "idm", "--models", str(tmp_path)]
    assert main(words) == 1
    assert "idm_512.pth" in capsys.readouterr().err
    assert main(["authenticity", "--count", "0"]) == 1
    assert "--count must be 1 or more, not 0" in capsys.readouterr().err
