"""Two programs in turn, each in its own process."""

import pytest
import turn_workers

from pdgrad_core.benchmarks.turns import take_turns
from pdgrad_core.errors import PDGradError


def test_each_side_takes_as_many_steps_and_tells_where_it_arrived():
    first, second = take_turns([turn_workers.count, turn_workers.count], 5, steps=3)
    for side in (first, second):
        assert len(side.seconds) == len(side.cpu_seconds) == 3
        assert side.state.item() == 5 + 4
        assert side.peak_memory_bytes > 1e6


def test_a_failing_side_is_heard():
    with pytest.raises(PDGradError, match="turn_workers: ValueError: nothing begins at 7"):
        take_turns([turn_workers.count, turn_workers.fail], 7, steps=3)
