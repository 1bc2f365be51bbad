"""Devices by name: one that computes, or a sentence."""

import pytest

from pdgrad_core.devices import parse_device
from pdgrad_core.errors import InvalidInputError


def test_the_processor_is_always_there():
    assert parse_device("cpu").type == "cpu"
    assert parse_device("auto").type in ("cpu", "cuda", "mps")


@pytest.mark.parametrize(
    "name",
    ["hpu", "meta", "privateuseone", "ipu", "lazy", "opengl", "fpga", "mtia", "tpu", "", "cuda:-1"],
)
def test_what_does_not_compute_here_is_one_sentence(name):
    with pytest.raises(InvalidInputError, match="cannot be used here; there is cpu"):
        parse_device(name)
