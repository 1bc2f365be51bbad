"""The test of a restorer on good faces: the core's answer, progress, cancelling, bad input."""

import pytest
import torch
from host_double import Interrupted


def good(count=2, size=64):
    return torch.rand(count, size, size, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def restorer(pack):
    """Load a restorer by the loader's choice."""
    return lambda weights: pack.run("PDGradLoadRestorer", weights=weights).args[0]


def test_one_that_does_nothing_leaves_good_faces_alone(pack, restorer):
    found = pack.run("PDGradAuthenticity", restorer=restorer("none"), images=good(), times=2)
    report, picture = found.args
    assert report.startswith("It leaves good faces nearly as they are: applied once to 2 faces, by")
    assert "0.0 of 255 levels, and keeps detail (100%" in report
    assert "f^2(x_d)   f(x_d)" in report
    assert found.ui["pdgrad_text"] == [report]
    # Two faces of 64 px in five states, with a gap of 2 px, enlarged twice.
    assert picture.shape == (1, 2 * (2 * 66 + 2), 2 * (5 * 66 + 2), 3)
    assert [one[:2] for one in pack.host.progress] == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_its_table_is_the_cores(pack, restorer):
    loaded, image = restorer("demo"), good()
    report = pack.run("PDGradAuthenticity", restorer=loaded, images=image, times=2, seed=5).args[0]
    core = pack.module("pdgrad_core.evidence.authenticity")
    words = pack.module("pdgrad_core.evidence.authenticity_report")
    degrade = pack.module("pdgrad_core.degradations").degrade
    clean = image.movedim(-1, 1) * 2 - 1
    found = core.authenticity(loaded.restorer, clean, degrade(clean, "pdgrad", [5, 6])[0], times=2)
    assert report == f"{words.answer(found)}\n\n{words.table(found.rows)}"


def test_a_restorer_that_samples_shows_the_steps_of_all_applications(pack, restorer):
    idm = restorer("demo idm")
    report = pack.run("PDGradAuthenticity", restorer=idm, images=good(1), times=2).args[0]
    assert [one[:2] for one in pack.host.progress] == [(done, 40) for done in range(1, 41)]
    again = pack.run("PDGradAuthenticity", restorer=idm, images=good(1), times=2).args[0]
    assert again == report


@pytest.mark.parametrize("weights", ["demo", "demo idm"])
def test_cancel_stops_it(pack, restorer, weights):
    loaded = restorer(weights)
    pack.host.interrupt_after = 1
    with pytest.raises(Interrupted):
        pack.run("PDGradAuthenticity", restorer=loaded, images=good(), times=3)
    assert len(pack.host.progress) == 1


def test_bad_input_is_one_sentence(pack, restorer, monkeypatch):
    error = pack.module("pdgrad_core.errors").InvalidInputError
    for image, words in (
        (good(1, 512), "512x512 pixels, but the models know faces of 64x64"),
        (good(1)[:, :32], "64x32 pixels, but aligned faces are square"),
        (good(0), "empty batch"),
    ):
        with pytest.raises(error, match=words):
            pack.run("PDGradAuthenticity", restorer=restorer("demo"), images=image)
    with pytest.raises(error, match="times must be from 2 to 10, not 1"):
        pack.run("PDGradAuthenticity", restorer=restorer("demo"), images=good(), times=1)
    with pytest.raises(error, match="preset cannot be 'pdgard'"):
        pack.run("PDGradAuthenticity", restorer=restorer("demo"), images=good(), preset="pdgard")
    along = restorer("none")
    monkeypatch.setattr(type(along.restorer), "depends_on_x_t", True)
    with pytest.raises(error, match="'none' works along the sampling, not on one image"):
        pack.run("PDGradAuthenticity", restorer=along, images=good())
