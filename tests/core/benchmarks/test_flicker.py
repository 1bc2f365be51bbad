"""Flicker by hand, the drawn sequences, and both kinds of noise on small networks."""

import pytest
import torch
from small_models import write_small_models

from pdgrad_core import embedded
from pdgrad_core.benchmarks.flicker import (
    PEOPLE_SEED,
    benchmark_flicker,
    draw_sequence,
    flicker,
    movement,
)
from pdgrad_core.errors import InvalidInputError
from pdgrad_core.models.sets import load_model_set
from pdgrad_core.settings import Settings


def test_by_hand():
    truth = torch.tensor([0.0, 0.2, 0.4]).view(3, 1, 1, 1).expand(3, 3, 2, 2)
    shown = torch.tensor([0.0, 0.4, 0.3]).view(3, 1, 1, 1).expand(3, 3, 2, 2)
    assert movement(truth) == pytest.approx(0.2 * 127.5)
    assert movement(shown) == pytest.approx((0.4 + 0.1) / 2 * 127.5)
    assert flicker(shown, truth) == pytest.approx((0.2 + 0.3) / 2 * 127.5)
    assert flicker(truth + 0.5, truth) == pytest.approx(0, abs=1e-4)  # constantly wrong is calm


def test_a_drawn_person_moves_slowly_and_the_camera_keeps_its_faults():
    drawn = draw_sequence(PEOPLE_SEED, 12, 64, "pdgrad")
    again = draw_sequence(PEOPLE_SEED, 12, 64, "pdgrad")
    assert torch.equal(drawn.degraded, again.degraded)
    assert drawn.truth.shape == drawn.degraded.shape == (12, 3, 64, 64)
    steps = drawn.truth.diff(dim=0).abs().mean((1, 2, 3))
    whole = (drawn.truth[-1] - drawn.truth[0]).abs().mean()
    assert 0 < steps.max() < whole / 3
    assert not torch.equal(drawn.reference[0], drawn.truth[0])
    with pytest.raises(InvalidInputError, match="2 or more, not 1"):
        draw_sequence(PEOPLE_SEED, 1, 64, "pdgrad")


def test_the_same_noise_flickers_less(tmp_path, monkeypatch):
    write_small_models(tmp_path)
    monkeypatch.setattr(embedded, "WEIGHTS", tmp_path)
    settings = Settings("pdgrad", steps=3, tau=400)
    found = benchmark_flicker(load_model_set("demo"), settings, people=1, frames=4)
    rows = found["rows"]
    assert rows["truth"]["flicker"] == 0
    assert rows["same for all"]["flicker"] < rows["per photo"]["flicker"]
    assert rows["same for all"]["movement"] < rows["per photo"]["movement"]
    assert found["settings"]["steps"] == 3
