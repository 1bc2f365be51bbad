"""The contraction nodes, alone and wired into the sampler."""

import json

import pytest
import torch
from host_double import Interrupted

SIZE = 32
FIT = {"scale": 2, "iterations": 3, "until": 0}


@pytest.fixture
def sample(pack, loaded):
    def run(image, contraction, **settings):
        values = {"steps": 3, "tau": 300, **settings}
        return pack.run(
            "PDGradDDPMSampler",
            prior=loaded.prior,
            image=image,
            contraction=contraction,
            **values,
        ).args

    return run


def psi(pack, image, factor):
    """Return the low frequencies of the host's images, as the core sees them."""
    filters = pack.module("pdgrad_core.contractions.filters")
    return filters.LowPassFilter("bicubic", factor)(image.clone().movedim(-1, 1))


def test_the_result_keeps_the_image_s_low_frequencies(pack, faces, sample):
    image, other = faces(2, SIZE), faces(2, SIZE, seed=3)
    image = 0.5 + 0.1 * (image - 0.5)
    contraction = pack.run("PDGradContraction", image=image, factor=8.0).args[0]
    with_it, without = sample(other, contraction)[0], sample(other, None)[0]
    far, near = (
        (psi(pack, one, 8) - psi(pack, image, 8)).abs().mean() for one in (without, with_it)
    )
    assert near < 0.25 * far


def test_contractions_chain_in_their_order(pack, faces):
    first = pack.run("PDGradContraction", image=faces(1, SIZE), factor=4.0).args[0]
    second = pack.run("PDGradContraction", image=faces(1, SIZE), factor=16.0, previous=first).args[
        0
    ]
    assert [one.factor for one in second.filters] == [4.0, 16.0]
    assert [one.factor for one in first.filters] == [4.0]


def test_a_mask_leaves_the_prior_alone_where_it_is_white(pack, faces):
    with torch.inference_mode():
        mask = torch.zeros(1, SIZE, SIZE)
        mask[..., 16:] = 1
    contraction = pack.run("PDGradContraction", image=faces(1, SIZE), mask=mask).args[0]
    module = pack.module("pdgrad_core.diffusion.sampler")
    x0hat = torch.zeros(1, 3, SIZE, SIZE)
    found = contraction.filters[0](x0hat, module.StepContext(x0hat, 500, 5))
    assert not found[..., 16:].any()
    assert found[..., :16].any()


@pytest.mark.parametrize("fit", ["before", "along"])
def test_self_supervised_super_resolution(pack, faces, sample, fit):
    small = faces(2, 16)
    with torch.inference_mode():
        enlarged, contraction, losses = pack.run(
            "PDGradSelfSupervisedSR", image=small, fit=fit, **FIT
        ).args
    assert enlarged.shape == (2, SIZE, SIZE, 3)
    assert not enlarged.is_inference()
    assert [len(curve) for curve in json.loads(losses)] == ([4, 4] if fit == "before" else [1, 1])
    restored, trace = sample(enlarged, contraction)
    assert restored.isfinite().all()
    assert all(("srm.loss" in row) == (fit == "along") for row in trace.rows)
    assert torch.equal(sample(enlarged, contraction)[0], restored)


def test_the_fit_shows_its_progress_and_can_be_cancelled(pack, faces):
    pack.run("PDGradSelfSupervisedSR", image=faces(2, 16), **FIT)
    assert [value for value, total, _ in pack.host.progress] == list(range(6))
    pack.host.progress.clear()
    pack.host.interrupt_after = 2
    with pytest.raises(Interrupted):
        pack.run("PDGradSelfSupervisedSR", image=faces(2, 16), **FIT)


def test_another_size_is_refused_in_words(pack, faces, sample):
    contraction = pack.run("PDGradContraction", image=faces(1, 16)).args[0]
    with pytest.raises(pack.error("InvalidInputError"), match="32x32"):
        sample(faces(1, SIZE), contraction)


def test_unknown_choices_are_refused_before_anything_runs(pack):
    node = pack.nodes["PDGradContraction"]
    assert "bicubic" in node.validate_inputs(kernel="bicubik")
    assert node.validate_inputs(kernel=None) is True
    chosen = {"fit": "after", "objective": None, "cfm": None, "skip": None, "kernel": None}
    assert "before" in pack.nodes["PDGradSelfSupervisedSR"].validate_inputs(**chosen)
