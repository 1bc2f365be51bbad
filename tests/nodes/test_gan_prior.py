"""The GAN prior in the graph: the embedded one alone, and as the coarse face of PDGrad."""

import torch


def face(count=1):
    return torch.rand(count, 64, 64, 3, generator=torch.Generator().manual_seed(0))


def test_the_loader_offers_the_embedded_one(pack):
    weights = pack.nodes["PDGradLoadRestorer"].define_schema().inputs[0].options["options"]
    assert "demo gan-prior" in weights
    restorer = pack.run("PDGradLoadRestorer", weights="demo gan-prior").args[0].restorer
    assert restorer.name == "gan-prior"


def test_it_makes_a_coarse_face_in_one_pass(pack):
    restorer = pack.run("PDGradLoadRestorer", weights="demo gan-prior").args[0]
    two = pack.run("PDGradCoarseRestore", image=face(2), restorer=restorer).args[0]
    one = pack.run("PDGradCoarseRestore", image=face(2)[:1], restorer=restorer).args[0]
    assert two.shape == (2, 64, 64, 3)
    torch.testing.assert_close(two[:1], one, atol=1e-4, rtol=0)


def test_restore_face_takes_it_as_the_coarse_face(pack):
    given = {"photo": face(), "references": face(2)[1:], "models": "demo", "steps": 2,
             "photo_is": "aligned face", "recipe": "pdgrad"}  # fmt: skip
    own = pack.run("PDGradRestoreFace", restorer="demo", **given).args[0]
    gan = pack.run("PDGradRestoreFace", restorer="gan-prior", **given).args[0]
    assert gan.shape == own.shape == (1, 64, 64, 3)
    assert not torch.allclose(own, gan, atol=1e-2)
