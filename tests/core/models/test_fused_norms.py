"""A kernel in place of the U-Net's norms: where it stands in, and what follows when it fails."""

import pytest
import torch
import torch.nn.functional as F
from golden import tiny_prior
from networks import images

from pdgrad_core.diffusion.unet import GroupNorm
from pdgrad_core.errors import InvalidInputError
from pdgrad_core.models.fused_norms import TritonNorms, fuse_norms


def kernel_that_counts(calls):
    """Return what the kernel returns, by PyTorch."""

    def kernel(x, groups, weight, bias, eps, scale=None, shift=None, activate=True):
        calls.append((scale is not None, activate))
        h = F.group_norm(x, groups, weight, bias, eps)
        if scale is not None:
            h = torch.addcmul(shift, h, 1 + scale)
        return F.silu(h) if activate else h

    return kernel


@pytest.fixture
def given():
    prior = tiny_prior()
    return prior, images(2, 64, seed=1)


def test_every_norm_of_the_network_goes_through_it(given):
    prior, x_t = given
    expected = prior(x_t, 300).prediction
    calls = []
    prior.fused_norms = TritonNorms(prior.network, kernel_that_counts(calls))
    assert torch.equal(prior(x_t, 300).prediction, expected)
    norms = [one for one in prior.network.modules() if isinstance(one, torch.nn.GroupNorm)]
    assert all(isinstance(one, GroupNorm) for one in norms)
    assert len(calls) == len(norms)
    assert {activate for _, activate in calls} == {True, False}  # attention's have no SiLU
    assert any(scaled for scaled, _ in calls)
    assert prior.notes == ()


def test_gradients_go_through_pytorchs_own(given):
    prior, x_t = given
    calls = []
    TritonNorms(prior.network, kernel_that_counts(calls))
    leaf = x_t.clone().requires_grad_()
    prior(leaf, 300).prediction.sum().backward()
    assert leaf.grad is not None
    assert not calls


@pytest.mark.parametrize("later", [0, 5])
def test_a_kernel_that_fails_is_left_in_one_sentence(given, later, caplog):
    prior, x_t = given
    expected = prior(x_t, 300).prediction
    calls = []
    works = kernel_that_counts(calls)

    def kernel(*arguments, **options):
        if len(calls) == later:
            raise LookupError("no such card\nand a trace")
        return works(*arguments, **options)

    prior.fused_norms = TritonNorms(prior.network, kernel)
    for _ in range(2):
        assert torch.equal(prior(x_t, 300).prediction, expected)
    assert len(calls) == later
    (said,) = prior.notes
    assert said == (
        "The norms' kernels do not work here (no such card), so PyTorch's own compute them."
    )
    assert [one.getMessage() for one in caplog.records] == [said]


def test_full_memory_is_no_fault_of_the_kernel(given):
    prior, x_t = given

    def kernel(*_arguments, **_options):
        raise torch.OutOfMemoryError("full")

    TritonNorms(prior.network, kernel)
    with pytest.raises(torch.OutOfMemoryError):
        prior(x_t, 300)


def test_a_cpu_is_told_what_is_needed(given):
    with pytest.raises(InvalidInputError, match="need a CUDA device, and the prior is on cpu"):
        fuse_norms(given[0])
