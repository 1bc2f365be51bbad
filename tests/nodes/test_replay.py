"""Replay in the nodes: what is recorded, given back, and said.

Recording is told apart by a stand-in for CUDA's: it counts, and calls the function itself.
"""

from types import SimpleNamespace

import pytest
import torch
from host_double import Interrupted

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def cuda(pack, monkeypatch):
    """Let replay be asked for as on a GPU, though all computes here; return what was recorded."""
    recorded = []

    def record(function, inputs):
        recorded.append(inputs)
        return lambda *given: function(*given)

    asked = SimpleNamespace(get_torch_device=lambda: CUDA)
    for name in ("speed", "restore_face_models"):
        monkeypatch.setattr(pack.module(f"nodes.{name}"), "management", asked)
    monkeypatch.setattr(pack.module("pdgrad_core.models.compilation"), "record_cuda_graph", record)
    replayed = pack.module("pdgrad_core.guidance.replayed")
    made = replayed.ReplayedGuidance

    def here(guidance, _device):
        wanted = all(leaf.network.replayed for leaf in guidance.leaves)
        return made(guidance, record) if wanted else guidance

    monkeypatch.setattr(replayed, "replayed_where_asked", here)
    exact = pack.module("pdgrad_core.models.precision").precision_preset
    monkeypatch.setattr(
        pack.module("pdgrad_core.models.sets"), "precision_preset", lambda name, _: exact(name, CPU)
    )
    return recorded


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
