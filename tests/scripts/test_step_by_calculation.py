"""What a step must take at least: operations, bytes and times by hand."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from golden import tiny_prior
from networks import small_networks

SCRIPT = Path(__file__).parents[2] / "scripts" / "step_by_calculation.py"


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("step_by_calculation", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def counted(script, function):
    with script.Counter() as counter:
        function()
    return counter.operations


def test_a_convolution_by_hand(script):
    x = torch.empty(2, 4, 8, 8, device="meta", dtype=torch.float16)
    w = torch.empty(6, 4, 3, 3, device="meta", dtype=torch.float16)
    (one,) = counted(script, lambda: F.conv2d(x, w, padding=1))
    assert one.flops == 2 * (2 * 6 * 8 * 8) * (4 * 3 * 3)
    assert one.bytes == 2 * (2 * 4 * 64 + 6 * 4 * 9 + 2 * 6 * 64)
    assert one.half


def test_what_is_broadcast_counts_once_and_views_do_not_count(script):
    x, row = torch.empty(5, 7, device="meta"), torch.empty(1, 7, device="meta")
    (one,) = counted(script, lambda: (x.view(35), x.t() * row.expand(5, 7).t()))
    assert one.bytes == 4 * (35 + 7 + 35)
    assert (one.flops, one.half) == (0, False)


def test_an_operation_takes_the_longer_of_its_two_times(script):
    card = script.Card("c", half=10.0, single=2.0, bandwidth=4.0)
    assert script.Operation("p", "n", 20, 4, half=True).seconds(card) == 2.0
    assert script.Operation("p", "n", 20, 4, half=False).seconds(card) == 10.0
    assert script.Operation("p", "n", 20, 400, half=False).seconds(card) == 100.0


def test_a_part_is_the_sum_of_its_operations(script):
    card = script.Card("c", half=1e12, single=1e12, bandwidth=1e9)
    found = [
        script.Operation("prior", "convolution", 2_000_000_000, 1_000_000, half=True),
        script.Operation("prior", "silu", 0, 3_000_000, half=True),
        script.Operation("guidance", "mul", 0, 1_000_000, half=False),
    ]
    lines = script.table(found, [card]).splitlines()
    assert lines[2:] == [
        "| prior | 2 | 0.002 | 0.00 | 5.00 |",
        "| - silu | 1 | 0.000 | 0.00 | 3.00 |",
        "| - convolution | 1 | 0.002 | 0.00 | 2.00 |",
        "| guidance | 1 | 0.000 | 0.00 | 1.00 |",
        "| - mul | 1 | 0.000 | 0.00 | 1.00 |",
    ]


@pytest.mark.parametrize("precision", ["exact", "balanced", "fast"])
def test_a_step_of_small_networks_touches_less_memory_in_16_bit(script, monkeypatch, precision):
    monkeypatch.setattr(script, "random_features", lambda _: small_networks())
    monkeypatch.setattr(script, "random_prior", lambda _: tiny_prior())
    exact, chosen = (script.operations_of(one, 64, 1) for one in ("exact", precision))
    assert {one.part for one in chosen} == {"prior", "guidance"}
    assert sum(one.flops for one in chosen) == sum(one.flops for one in exact) > 0
    less = precision != "exact"
    assert (sum(one.bytes for one in chosen) < sum(one.bytes for one in exact)) == less
    assert any(one.half for one in chosen) == less
