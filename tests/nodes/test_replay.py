"""Replay in the nodes: what is recorded, given back, and said."""

import sys
from types import ModuleType

import pytest
import torch
from host_double import Interrupted


def test_replay_without_cuda_changes_nothing_and_says_so_once(pack, quick_restore):
    expected = quick_restore()
    out = quick_restore(speed_up="replay")
    assert torch.equal(out.args[0], expected.args[0])
    (text,) = out.ui["text"]
    assert text == "Replaying needs CUDA; on cpu everything is computed as without it."
    assert (text, "7") in pack.host.texts
    assert "text" not in expected.ui
    assert quick_restore(speed_up="replay").ui["text"] == [text]  # with the models kept, too


def test_restore_face_records_and_gives_back(quick_restore, cuda, used):
    expected = quick_restore().args[0]
    assert not cuda
    out = quick_restore(speed_up="replay")
    assert torch.equal(out.args[0], expected)
    assert len(cuda) == 2  # prior and guidance, for all steps
    assert "text" not in out.ui
    assert not used[-1].models.prior.replay.recorded


def test_what_could_not_be_recorded_is_told_by_the_node(pack, quick_restore, cuda, monkeypatch):
    def refuses(_function, _inputs):
        raise RuntimeError("operation not permitted")

    monkeypatch.setattr(pack.module("pdgrad_core.models.compilation"), "record_cuda_graph", refuses)
    expected = quick_restore().args[0]
    out = quick_restore(speed_up="replay")
    assert torch.equal(out.args[0], expected)
    assert out.ui["text"][0].startswith("The prior cannot be replayed here (operation not permitt")


class Wired:
    """The wired graph: a prior, a loss and the sampler."""

    def __init__(self, pack, faces, **speed):
        self.pack, self.start = pack, faces(size=16, seed=1)
        self.prior = pack.run("PDGradLoadPrior", **speed).args[0]
        features = pack.run("PDGradLoadFeatures", **speed).args[0]
        self.features = features
        self.guidance = pack.run(
            "PDGradLossBuilder", features=features, image=faces(size=16, seed=2), name="low"
        ).args[0]

    def sample(self):
        given = {"prior": self.prior, "image": self.start, "guidance": self.guidance}
        return self.pack.run("PDGradDDPMSampler", **given, steps=3)


def test_the_wired_graph_is_replayed_where_its_loaders_say(pack, faces, cuda):
    expected = Wired(pack, faces).sample().args[0]
    assert not cuda
    wired = Wired(pack, faces, speed_up="replay")
    for runs in (1, 2):
        assert torch.equal(wired.sample().args[0], expected)
        assert len(cuda) == 2 * runs  # the host may move weights between two runs
        assert not wired.prior.prior.replay.recorded


def test_the_wired_graph_says_once_what_a_cpu_cannot_do(pack, faces, caplog):
    out = Wired(pack, faces, speed_up="replay").sample()
    said = "Replaying needs CUDA; on cpu everything is computed as without it."
    assert out.ui["text"] == [said]
    assert (said, "7") in pack.host.texts
    assert said in caplog.text
    assert "text" not in Wired(pack, faces).sample().ui


def test_weights_that_the_host_moved_are_recorded_anew(pack, faces, cuda):
    """Moved between two portions of one run, where the recording still lives."""
    wired = Wired(pack, faces, speed_up="replay")
    prior, replay = wired.prior.prior, wired.prior.prior.replay
    x_t = torch.zeros(1, 3, 16, 16)
    with torch.no_grad():
        prior(x_t, 300)
    assert replay.recorded
    prior.reset()
    assert replay.recorded  # they lie where they lay
    for parameter in prior.network.parameters():
        parameter.data = parameter.data.clone()
    prior.reset()
    assert not replay.recorded


def test_an_inference_tensor_that_is_replaced_is_recorded_anew(pack, faces, cuda):
    wired = Wired(pack, faces, speed_up="replay")
    prior = wired.prior.prior
    with torch.no_grad():
        prior(torch.zeros(1, 3, 16, 16), 300)
    with torch.inference_mode():
        for module in prior.network.modules():
            for name, parameter in list(module.named_parameters(recurse=False)):
                setattr(module, name, torch.nn.Parameter(parameter.clone(), requires_grad=False))
    pack.module("nodes.boundary").leave_inference(prior.network)
    prior.reset()
    assert not prior.replay.recorded


def test_cancel_gives_the_recording_back(pack, faces, cuda):
    wired = Wired(pack, faces, speed_up="replay")
    pack.host.interrupt_after = 1
    with pytest.raises(Interrupted):
        wired.sample()
    assert len(cuda) == 2 and not wired.prior.prior.replay.recorded


def test_full_memory_gives_the_recording_back_before_the_second_try(
    pack, quick_restore, cuda, used, monkeypatch
):
    work, boundary = (pack.module(f"nodes.{name}") for name in ("restore_face_work", "boundary"))
    expected = quick_restore().args[0]
    reports, lived = [], []

    class Full(work.StepReporter):
        def __call__(self, state):
            super().__call__(state)
            reports.append(state)
            if len(reports) == 1:
                assert used[-1].models.prior.replay.recorded
                raise torch.OutOfMemoryError("no room")

    def unloading():
        lived.append(used[-1].models.prior.replay.recorded)

    monkeypatch.setattr(work, "StepReporter", Full)
    monkeypatch.setattr(boundary.management, "unload_all_models", unloading)
    assert torch.equal(quick_restore(speed_up="replay").args[0], expected)
    assert lived == [False]
    assert len(cuda) == 4


def test_a_prior_that_is_replayed_is_handed_plain_to_the_hosts_samplers(pack, cuda, faces):
    prior = pack.run("PDGradLoadPrior", speed_up="replay").args[0]
    out = pack.run("PDGradPriorAsModel", prior=prior)
    network = out.args[0].model.diffusion_model
    x = torch.zeros(1, 3, 16, 16)
    with torch.no_grad():
        found = network(x, torch.tensor([300]))
        expected = prior.prior.evaluate(x, torch.tensor([300]))[0][:, :3]
    assert torch.equal(found, expected) and not cuda


@pytest.fixture
def guider(pack, monkeypatch):
    """The host's guider, which asks three times."""

    class CFGGuider:
        def __init__(self, patcher):
            self.patcher = patcher

        def inner_set_conds(self, conds):
            pass

        def sample(self, noise, _latent):
            return sum(self.predict_noise(noise, torch.tensor([s])) for s in (3.0, 2.0, 1.0))

        def predict_noise(self, x, _timestep):
            return (x / 4).clamp(-1, 1)

    samplers = ModuleType("comfy.samplers")
    samplers.CFGGuider = CFGGuider
    monkeypatch.setitem(sys.modules, "comfy.samplers", samplers)
    monkeypatch.setattr(sys.modules["comfy"], "samplers", samplers, raising=False)
    return pack.module("nodes.host_guider").guided_guider


def test_the_hosts_samplers_get_a_guidance_that_is_replayed(pack, faces, cuda, guider):
    noise = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    found = []
    for speed in ({}, {"speed_up": "replay"}):
        wired = Wired(pack, faces, **speed)
        made = guider(wired.prior, wired.guidance, 0.2)
        with torch.inference_mode():
            found.append(made.sample(noise, torch.zeros_like(noise)))
        assert made.compiled is None
    assert torch.equal(*found)
    assert len(cuda) == 1  # the guidance
