"""The album's benchmark restores the same faces both ways, and times them."""

import pytest

from pdgrad_core.benchmarks.album import benchmark_album
from pdgrad_core.errors import InvalidInputError
from pdgrad_core.models.sets import load_model_set
from pdgrad_core.settings import Settings


def test_both_ways_are_timed():
    models = load_model_set("demo")
    found = benchmark_album(models, Settings(steps=1, tau=200), photos=2, people=3, together=3)
    rows = found["rows"]
    assert [rows[name]["faces_at_once"] for name in ("one by one", "together")] == [1, 3]
    for row in rows.values():
        assert row["faces_per_hour"] == pytest.approx(3600 / row["seconds_per_face"])
    assert found["gain"] > 0
    assert found["looking_seconds_per_photo"] > 0


def test_too_small_an_album_is_refused():
    with pytest.raises(InvalidInputError, match="at least 2 photos"):
        benchmark_album(None, Settings(), photos=1)
