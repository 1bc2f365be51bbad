"""A device's time line in numbers: counted by hand."""

import pytest
import torch

from pdgrad_core.benchmarks.kernels import Span, busy_seconds, kernels_of, summarised

SPANS = [
    Span("convolution", 0.0, 2.0),
    Span("norm", 1.0, 3.0),  # on another stream meanwhile
    Span("Memcpy DtoD", 5.0, 6.0),
    Span("convolution", 5.5, 5.75),
    Span("norm", 8.0, 8.5),
]


def test_time_in_which_two_run_counts_once():
    assert busy_seconds(SPANS) == pytest.approx(3 + 1 + 0.5)
    assert busy_seconds(SPANS[::-1]) == busy_seconds(SPANS)


def test_copies_are_no_kernels_and_the_longest_come_first():
    found = summarised(SPANS, longest=2)
    assert (found["kernels"], found["copies"]) == (4, 1)
    assert found["longest"] == [
        {"name": "norm", "launches": 2, "seconds": 2.5},
        {"name": "convolution", "launches": 2, "seconds": 2.25},
    ]


def test_a_cpu_has_none():
    assert kernels_of(lambda: 1, torch.device("cpu")) is None
