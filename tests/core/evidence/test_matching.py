"""Counting who was matched: shares, strangers, and the intervals' number of people."""

import pytest
import torch

from pdgrad_core.evidence.matching import Counts, strangers_of, threshold_table
from pdgrad_core.evidence.statistics import wilson
from pdgrad_core.people import Match


def match(name):
    return Match(None if name is None else 0, name or "", 0.5, 0.1)


def test_every_face_is_counted_once():
    counts = Counts(known=5, missed=1, names={"a", "b", "c", "d", "e"})
    for name, found in (("a", "a"), ("b", "c"), ("c", None), ("d", "d"), (None, "a"), (None, None)):
        counts.add(name, match(found))
    row = counts.row()
    assert (row["known_faces"], row["found"], row["strangers"]) == (5, 4, 2)
    shares = [row[k] for k in ("right", "wrong", "called_unknown", "stranger_accepted")]
    assert shares == ["0.500", "0.250", "0.250", "0.500"]


def test_faces_of_one_person_are_no_more_evidence():
    once = Counts(known=10, right=10, names=set(map(str, range(10)))).row()
    twice = Counts(known=20, right=20, names=set(map(str, range(10)))).row()
    # Wilson at 10 of 10: 10 / (10 + 1.96^2).
    assert once["right_low"] == twice["right_low"] == "0.722"


def test_nothing_found_is_no_knowledge():
    row = Counts(known=2, missed=2, names={"a", "b"}).row()
    assert (row["right"], row["right_low"], row["right_high"]) == ("0.000", "0.000", "1.000")


def test_wilsons_interval():
    # Newcombe 1998, table I: 81 of 263, and 0 of 20.
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0.0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_a_thresholds_two_errors():
    cosines = {"none": torch.tensor([[0.25, 0.35, 0.0], [0.0, 0.9, 0.45], [0.0, 0.0, 0.9]])}
    assert sorted(strangers_of(cosines).tolist()) == pytest.approx([0, 0, 0, 0, 0.35, 0.45])
    rows = {row["threshold"]: row for row in threshold_table(cosines)}
    assert float(rows[0.28]["false_accept"]) == pytest.approx(2 / 6, abs=1e-5)
    assert float(rows[0.4]["false_accept"]) == pytest.approx(1 / 6, abs=1e-5)
    assert (rows[0.2]["false_reject"], rows[0.28]["false_reject"]) == ("0.000", "0.333")
