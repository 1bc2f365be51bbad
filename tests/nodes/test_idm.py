"""IDM in the graph: what the loaders offer, where it works, and where it says that it cannot."""

import pytest
import torch


def face(count=1, size=64):
    return torch.rand(count, size, size, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def error(pack):
    return pack.module("pdgrad_core.errors").InvalidInputError


def test_the_loaders_offer_the_embedded_one(pack):
    for name in ("PDGradLoadRestorer", "PDGradLoadPrior"):
        weights = pack.nodes[name].define_schema().inputs[0].options["options"]
        assert weights[0] == "demo"
        assert "demo idm" in weights
    restorer = pack.run("PDGradLoadRestorer", weights="demo idm").args[0].restorer
    prior = pack.run("PDGradLoadPrior", weights="demo idm").args[0].prior
    assert restorer.name == "idm"
    assert type(prior) is type(restorer.own_prior)


def test_it_makes_a_coarse_face_of_its_size(pack, error):
    idm = pack.run("PDGradLoadRestorer", weights="demo idm").args[0]
    found = pack.run("PDGradCoarseRestore", image=face(), restorer=idm).args[0]
    assert found.shape == (1, 64, 64, 3)
    with pytest.raises(error, match="512x512 pixels, but the models know faces of 64x64"):
        pack.run("PDGradCoarseRestore", image=face(size=512), restorer=idm)


def test_restore_face_samples_it_and_loads_it_once(pack):
    given = {"photo": face(), "models": "demo", "photo_is": "aligned face"}
    image, _, trace = pack.run("PDGradRestoreFace", recipe="idm", **given).args
    assert image.shape == (1, 64, 64, 3)
    assert len(trace.rows) == 10
    assert len(pack.host.loaded[-1]) == 1
    references = {"references": face(), "steps": 2}
    trace = pack.run("PDGradRestoreFace", recipe="idm+pdgrad", **references, **given).args[2]
    assert len(trace.rows) == 2
    assert len(pack.host.loaded[-1]) == 3  # IDM as both prior and restorer, two feature networks


def test_where_nothing_tells_it_of_a_face_it_says_so(pack, error):
    idm = pack.run("PDGradLoadPrior", weights="demo idm").args[0]
    with pytest.raises(error, match="was told of none; use it through a recipe"):
        pack.run("PDGradPriorAsModel", prior=idm)
    with pytest.raises(error, match="was told of none; use it through a recipe"):
        pack.run("PDGradDDPMSampler", prior=idm, image=face(), steps=2)
