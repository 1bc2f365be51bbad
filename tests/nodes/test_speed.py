"""Precision and compiling in the nodes: what is offered, refused, and reaches the networks."""

import pytest
import torch

from pdgrad_core.models.precision import PRECISIONS

QUICK = {"steps": 2, "tau": 300}


@pytest.fixture
def fast_cpu(pack, monkeypatch):
    """Let the CPU have, or not have, units for 16 bit."""
    precision = pack.module("pdgrad_core.models.precision")

    def has(units):
        monkeypatch.setattr(precision, "_cpu_multiplies_bfloat16", lambda: units)

    return has


def held(loaded):
    """The dtypes in which a set's networks compute."""
    found = {one.precision.backward for one in loaded.models.features.values()}
    return loaded.models.prior.dtype, found


def test_the_inputs_stand_last_and_offer_what_the_core_has(pack):
    names = {"PDGradRestoreFace": 2, "PDGradLoadPrior": 1, "PDGradLoadFeatures": 2}
    for node_id, count in names.items():
        last = pack.nodes[node_id].define_schema().inputs[-count:]
        assert [one.id for one in last] == ["precision", "speed_up"][-count:]
        assert all(one.optional for one in last)
    speed = pack.module("nodes.speed")
    assert ["auto", *PRECISIONS] == speed.PRESETS
    assert speed.SPEED_UPS[0] == "none"


@pytest.mark.parametrize("units", [False, True])
def test_the_demo_is_exact_as_ever_unless_asked(quick_restore, fast_cpu, models, units):
    fast_cpu(units)
    default = quick_restore().args[0]
    models.load_set.cache_clear()
    assert torch.equal(default, quick_restore(precision="exact").args[0])


def test_a_preset_reaches_the_networks_and_ends_with_its_run(quick_restore, fast_cpu, used):
    fast_cpu(True)
    before = quick_restore(precision="exact").args[0]
    assert held(used[-1]) == (torch.float32, {torch.float32})
    fast = quick_restore(precision="fast").args[0]
    assert held(used[-1]) == (torch.bfloat16, {torch.bfloat16})
    assert not torch.equal(fast, before)
    assert torch.equal(quick_restore(precision="exact").args[0], before)
    assert held(used[-1]) == (torch.float32, {torch.float32})


@pytest.mark.parametrize("node_id", ["PDGradRestoreFace", "PDGradLoadFeatures"])
def test_what_the_device_cannot_do_is_said_before_anything_is_loaded(pack, fast_cpu, node_id):
    fast_cpu(False)
    node = pack.nodes[node_id]
    given = {
        one.id: one.options["default"]
        for one in node.define_schema().inputs
        if "default" in one.options
    }
    names = node.validate_inputs.__func__.__wrapped__.__code__.co_varnames[1:]
    asked = {name: given.get(name) for name in names if name in given}
    assert node.validate_inputs(**asked) is True
    said = str(node.validate_inputs(**{**asked, "precision": "fast"}))
    assert "not fast on cpu here; choose 'exact' or 'auto'" in said
    assert "speed_up cannot be 'now'" in node.validate_inputs(**{**asked, "speed_up": "now"})


def test_connected_presets_are_refused_too(pack, quick_restore, fast_cpu):
    fast_cpu(False)
    with pytest.raises(pack.error("InvalidInputError"), match="choose 'exact' or 'auto'"):
        quick_restore(precision="balanced")
    assert not pack.host.loaded


@pytest.mark.parametrize(
    ("node_id", "inputs"),
    [("PDGradRestoreFace", QUICK), ("PDGradLoadPrior", {}), ("PDGradLoadFeatures", {})],
)
def test_a_compiler_that_fails_is_said_before_anything_is_loaded(
    pack, models, faces, monkeypatch, node_id, inputs
):
    def fail(_function, **_options):
        raise RuntimeError("No working C++ compiler found")

    monkeypatch.setattr(torch, "compile", fail)
    monkeypatch.setattr(models, "load_model_set", lambda *_args, **_options: pytest.fail("loaded"))
    if node_id == "PDGradRestoreFace":
        inputs = {**inputs, "photo": faces(size=64), "references": faces(size=64)}
    with pytest.raises(pack.error("MissingDependencyError"), match="No working C"):
        pack.run(node_id, speed_up="compile", **inputs)
    assert not pack.host.loaded


def test_features_compute_in_their_preset(pack, fast_cpu):
    fast_cpu(True)
    for given, expected in (
        ({}, torch.float32),
        ({"precision": "auto"}, torch.float32),  # the demo's
        ({"precision": "balanced"}, torch.bfloat16),
    ):
        vgg = pack.run("PDGradLoadFeatures", **given).args[0].networks["vgg"]
        assert vgg.precision.backward == expected and vgg.precision.forward == torch.float32
