"""Conflict statistics by step, from a trace whose numbers are known."""

import pytest
import torch

from pdgrad_core.evidence.conflicts import summarise


def record(t, conflict, cosine, k):
    row = {"t": t, "repeat": 0, "step_norm": torch.ones(2), "shift_norm": torch.full((2,), 0.1)}
    for level, factor in (("low", 3.0), ("high", 1.0)):
        row[f"{level}.conflict"] = torch.tensor(conflict)
        row[f"{level}.cosine"] = torch.tensor(cosine)
        row[f"{level}.k"] = torch.tensor(k)
        row[f"{level}.pivot_norm"] = torch.tensor([1.0, 4.0])
        row[f"{level}.other_norm"] = torch.tensor([2.0, 2.0])
        row[f"{level}.norm"] = torch.full((2,), factor)
    return row


def test_shares_and_means_over_all_batches():
    first = [record(9, [1.0, 0.0], [-0.5, 0.5], [0.5, 1.0])]
    second = [record(9, [1.0, 1.0], [-1.0, -0.2], [1.0, 0.75])]
    (row,) = summarise([first, second])
    assert row["t"] == 9
    assert row["low.conflict"] == 0.75
    assert row["low.cosine"] == pytest.approx(-0.3)
    assert row["low.k"] == pytest.approx(0.75)  # of the three that oppose
    assert row["low.shortened"] == pytest.approx(2 / 3)
    assert row["high.pivot_over_other"] == pytest.approx(1.0)  # of 1/2 and 2
    assert row["low.over_high"] == pytest.approx(3.0)
    assert row["shift_fraction"] == pytest.approx(0.1)


def test_k_is_left_out_where_nothing_opposes():
    (row,) = summarise([[record(9, [0.0, 0.0], [0.5, 0.5], [1.0, 1.0])]])
    assert row["low.k"] is None
    assert row["low.shortened"] is None


def test_a_guidance_without_surgery_has_none():
    assert summarise([]) == []
    assert summarise([[{"t": 9, "step_norm": torch.ones(2)}]]) == []
