"""Precision presets: which dtypes a name stands for, and where."""

import pytest
import torch
from golden import tiny_prior
from model_files import write_models
from networks import small_networks

from pdgrad_core.errors import InvalidInputError, UnknownNameError
from pdgrad_core.features.base import Precision
from pdgrad_core.models import precision
from pdgrad_core.models.precision import fast_16_bit_dtype, precision_preset
from pdgrad_core.models.sets import DEMO, load_model_set

CPU = torch.device("cpu")
FLOAT, BRAIN, HALF = torch.float32, torch.bfloat16, torch.float16


@pytest.fixture(params=[None, BRAIN, HALF], ids=str)
def fast(request, monkeypatch):
    """What the device multiplies fast in 16 bit, whatever this machine can do."""
    monkeypatch.setattr(precision, "fast_16_bit_dtype", lambda _device: request.param)
    return request.param


def test_exact_is_float32_everywhere(fast):
    preset = precision_preset("exact", CPU)
    assert (preset.name, preset.prior) == ("exact", FLOAT)
    assert preset.features == preset.arcface == Precision(FLOAT, FLOAT)


def test_auto_is_balanced_where_16_bit_is_fast(fast):
    assert precision_preset("auto", CPU).name == ("exact" if fast is None else "balanced")


def test_balanced_keeps_the_forward_and_in_bfloat16_arcface_too(fast):
    if fast is None:
        pytest.skip("refused: see test_16_bit_is_refused_where_it_gains_nothing")
    preset = precision_preset("balanced", CPU)
    assert preset.prior == fast
    assert preset.features == Precision(FLOAT, fast)
    assert preset.arcface == Precision(FLOAT, FLOAT if fast == BRAIN else HALF)
    assert precision_preset("fast", CPU).arcface == Precision(fast, fast)


@pytest.mark.parametrize("name", ["balanced", "fast"])
def test_16_bit_is_refused_where_it_gains_nothing(name, monkeypatch):
    monkeypatch.setattr(precision, "fast_16_bit_dtype", lambda _device: None)
    with pytest.raises(InvalidInputError, match=r"not fast on cpu here; choose 'exact' or 'auto'"):
        precision_preset(name, CPU)


def test_unknown_names_get_a_suggestion():
    with pytest.raises(UnknownNameError, match="Did you mean 'balanced'"):
        precision_preset("balancd", CPU)


def test_a_device_of_no_known_kind_is_exact():
    assert fast_16_bit_dtype(torch.device("meta")) is None


@pytest.mark.parametrize(
    ("found", "fast"),
    [
        ({"avx512_bf16": True}, True),
        ({"amx_bf16": True}, True),
        ({"avx2": True}, False),
        ({}, False),
    ],
)
def test_the_cpu_is_asked_what_it_can_do(found, fast, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
    precision._cpu_multiplies_bfloat16.cache_clear()
    assert fast_16_bit_dtype(CPU) == (BRAIN if fast else None)
    precision._cpu_multiplies_bfloat16.cache_clear()


def test_a_preset_sets_every_network_and_the_prior():
    features, prior = small_networks(), tiny_prior()
    preset = precision.PrecisionPreset("x", BRAIN, Precision(FLOAT, BRAIN), Precision())
    preset.apply(features, prior)
    assert features["vgg"].precision == Precision(FLOAT, BRAIN)
    assert features["arcface"].precision == Precision()
    assert prior.network.dtype == BRAIN


@pytest.mark.parametrize(
    ("options", "name", "dtype"),
    [
        ({}, "exact", FLOAT),
        ({"precision": "auto"}, "balanced", BRAIN),
        ({"precision": "fast", "dtype": FLOAT}, "fast", FLOAT),
        ({"precision": "exact", "dtype": BRAIN}, "exact", BRAIN),
    ],
)
def test_a_set_of_models_in_a_precision(options, name, dtype, tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "fast_16_bit_dtype", lambda _device: BRAIN)
    models = load_model_set(write_models(tmp_path), restorer="none", **options)
    assert models.precision == name
    assert models.prior.network.dtype == dtype
    assert models.features["vgg"].precision.backward == (FLOAT if name == "exact" else BRAIN)


def test_the_demos_models_answer_alike_everywhere(monkeypatch):
    monkeypatch.setattr(precision, "fast_16_bit_dtype", lambda _device: BRAIN)
    models = load_model_set(DEMO, precision="auto")
    assert models.precision == "exact"
    assert models.prior.network.dtype == FLOAT


def test_a_set_is_made_for_the_device_to_which_a_host_will_move_it(tmp_path, monkeypatch):
    monkeypatch.setattr(
        precision, "fast_16_bit_dtype", lambda device: HALF if device.type == "cuda" else None
    )
    folder = write_models(tmp_path)
    options = {"restorer": "none", "precision": "auto", "replayed": True}
    there, here = (load_model_set(folder, **options, computes_on=one) for one in ("cuda", None))
    assert (there.precision, here.precision) == ("balanced", "exact")
    assert (there.prior.dtype, here.prior.dtype) == (HALF, FLOAT)
    assert there.device == here.device == CPU
    assert there.prior.replay is not None and here.prior.replay is None
    assert here.notes[:-1] == there.notes
    assert here.notes[-1].startswith("Replaying needs CUDA; on cpu")
