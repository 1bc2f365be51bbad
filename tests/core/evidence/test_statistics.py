"""Means, intervals and paired tests, against what can be worked out by hand."""

import numpy as np
import pytest

from pdgrad_core.evidence.statistics import difference, holm, interval


def test_the_mean_counts_every_picture():
    found = interval([1.0, 2.0, 6.0], [7, 7, 8])
    assert found.mean == pytest.approx(3.0)
    assert found.low == pytest.approx(1.5)  # only the first person drawn
    assert found.high == pytest.approx(6.0)


def test_the_interval_is_that_of_the_mean():
    values = np.random.default_rng(3).normal(5.0, 2.0, 400)
    found = interval(values, np.arange(400))
    half = 1.96 * values.std() / 20
    assert found.low == pytest.approx(values.mean() - half, abs=0.03)
    assert found.high == pytest.approx(values.mean() + half, abs=0.03)


def test_pictures_of_one_person_are_no_new_evidence():
    values = np.random.default_rng(3).normal(0.0, 1.0, 50)
    once = interval(values, np.arange(50))
    often = interval(np.repeat(values, 8), np.repeat(np.arange(50), 8))
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=1e-9)


def test_a_paired_difference_sees_what_the_means_hide():
    random = np.random.default_rng(5)
    base = random.normal(0.0, 10.0, 60)
    better = base - 0.5 + random.normal(0.0, 0.2, 60)
    found = difference(better, base, np.arange(60))
    assert found.interval.high < 0
    assert found.p < 0.001


def test_no_difference_has_no_small_p():
    assert difference([1.0, 2.0], [1.0, 2.0], [0, 1]).p == 1.0
    # Five persons of one sign: 2 of 32 flips are as far out.
    found = difference(np.ones(5), np.zeros(5), np.arange(5))
    assert found.p == pytest.approx(2 / 32, abs=0.01)


def test_holm_by_hand():
    # 4 x 0.01, 3 x 0.02 = 0.06, 2 x 0.03 = 0.06, 1 x 0.04, which may not be below the one before.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_same_numbers_each_time():
    values, person = np.random.default_rng(0).normal(size=20), np.arange(20)
    assert interval(values, person) == interval(values, person)
