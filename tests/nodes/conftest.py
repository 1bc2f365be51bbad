"""The pack in a stand-in for the host, with small random networks in the place of the demo's."""

from types import SimpleNamespace

import pytest
import torch
from host_double import Pack
from small_models import write_small_models


@pytest.fixture(scope="session")
def small_models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    write_small_models(folder)
    return folder


@pytest.fixture(scope="session")
def loaded_pack(tmp_path_factory):
    """The pack, imported once."""
    with pytest.MonkeyPatch.context() as patch:
        yield Pack(tmp_path_factory.mktemp("models"), patch)


@pytest.fixture
def pack(tmp_path, monkeypatch, small_models, loaded_pack):
    """The pack in a host to which nothing has happened yet."""
    loaded_pack.host.reset(tmp_path / "models")
    monkeypatch.setattr(loaded_pack.module("pdgrad_core.embedded"), "WEIGHTS", small_models)
    return loaded_pack


@pytest.fixture
def loaded(pack):
    """The three loaders' outputs, made in inference mode as in the host."""
    return SimpleNamespace(
        prior=pack.run("PDGradLoadPrior").args[0],
        features=pack.run("PDGradLoadFeatures").args[0],
        restorer=pack.run("PDGradLoadRestorer").args[0],
    )


@pytest.fixture
def faces():
    """Make a batch of pictures as the host's nodes make them: inference tensors, BHWC in [0, 1]."""

    def make(count=1, size=16, seed=0):
        with torch.inference_mode():
            return torch.rand(count, size, size, 3, generator=torch.Generator().manual_seed(seed))

    return make


@pytest.fixture
def models(pack):
    """Restore Face's models, none of them loaded yet."""
    found = pack.module("nodes.restore_face_models")
    found.load_set.cache_clear()
    yield found
    found.load_set.cache_clear()


@pytest.fixture
def used(pack, models, monkeypatch):
    """The sets that Restore Face worked with, in order."""
    found = []

    def load_set(wanted):
        found.append(models.load_set(wanted))
        return found[-1]

    monkeypatch.setattr(pack.module("nodes.restore_face_work"), "load_set", load_set)
    return found


@pytest.fixture
def quick_restore(pack, models, faces):
    def run(**inputs):
        given = {"references": faces(size=64, seed=2), "steps": 2, "tau": 300, **inputs}
        return pack.run("PDGradRestoreFace", photo=faces(size=64, seed=1), **given)

    return run


@pytest.fixture
def cuda(pack, monkeypatch):
    """Let replay be asked for as on a GPU, though all computes here; return what was recorded.

    A stand-in records: it notes the inputs, and calls the function itself.
    """
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    recorded = []

    def record(function, inputs):
        recorded.append(inputs)
        return lambda *given: function(*given)

    asked = SimpleNamespace(get_torch_device=lambda: gpu)
    for name in ("speed", "restore_face_models"):
        monkeypatch.setattr(pack.module(f"nodes.{name}"), "management", asked)
    monkeypatch.setattr(pack.module("pdgrad_core.models.compilation"), "record_cuda_graph", record)
    replayed = pack.module("pdgrad_core.guidance.replayed")
    made = replayed.ReplayedGuidance

    def here(guidance, _device):
        wanted = any(leaf.network.replayed for leaf in guidance.leaves)
        return made(guidance, record) if wanted else guidance

    monkeypatch.setattr(replayed, "replayed_where_asked", here)
    exact = pack.module("pdgrad_core.models.precision").precision_preset
    monkeypatch.setattr(
        pack.module("pdgrad_core.models.sets"), "precision_preset", lambda name, _: exact(name, cpu)
    )
    return recorded
