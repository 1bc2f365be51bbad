"""Compiled networks: the same gradients as without, also where the host forbids autograd."""

import pytest
import torch
from golden import tiny_prior
from networks import images, small_networks
from tolerances import assert_same, terms_of

from pdgrad_core.diffusion.sampler import StepContext
from pdgrad_core.errors import MissingDependencyError
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.models.compilation import (
    CompiledNetwork,
    check_compiler,
    compile_networks,
    replay_networks,
)
from pdgrad_core.recipes import GuideImages
from pdgrad_core.recipes.pdgrad import PDGradRecipe

CPU = torch.device("cpu")


def trunks(networks):
    return networks["arcface"].network, networks["vgg"].trunk


def gradients(networks):
    x0hat, coarse, reference = (images(2, 64, seed=seed) for seed in range(3))
    expression = PDGradRecipe().guidance(GuideImages(coarse, coarse, (reference,)))
    guidance = compile_guidance(expression, networks)
    return guidance.gradients(x0hat, StepContext(x0hat, 350, 50))


def test_compiled_gradients_are_the_eager_ones_inside_inference_mode():
    try:
        check_compiler(CPU)
    except MissingDependencyError as error:
        pytest.skip(str(error))
    expected = gradients(small_networks())
    compiled = small_networks()
    compile_networks(compiled)
    with torch.inference_mode():
        found = gradients(compiled)
    for ours, theirs in zip(found, expected, strict=True):
        assert_same(ours, theirs, 2 * terms_of(*trunks(compiled)))  # the same forward, same gates


def test_where_nothing_compiles_the_error_says_what_to_install(monkeypatch):
    def fail(_function):
        raise RuntimeError("No working C++ compiler found\nmore lines")

    monkeypatch.setattr(torch, "compile", fail)
    networks = small_networks()
    with pytest.raises(MissingDependencyError, match=r"\(No working C\+\+ compiler found\); inst"):
        compile_networks(networks)
    assert not any(network.compiled for network in networks.values())


def test_a_network_that_cannot_be_compiled_runs_as_it_is_and_says_so_once(caplog):
    attempts = []

    def failing(_network, **_options):
        def compiled(*_inputs):
            attempts.append(1)
            raise ValueError("no such instruction\nmore lines")  # as Triton's errors, of any type

        return compiled

    network = torch.nn.Linear(3, 2)
    compiled = CompiledNetwork(network, failing)
    for factor in (1.0, 2.0):
        x = factor * torch.ones(1, 3)
        assert torch.equal(compiled(x), network(x))
    assert len(attempts) == 1
    (record,) = caplog.records
    assert "cannot be compiled here (no such instruction), so it runs as it is" in record.message


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), KeyboardInterrupt])
def test_full_memory_and_an_interrupt_are_no_failure_to_compile(error, caplog):
    def failing(_network, **_options):
        def compiled(*_inputs):
            raise error

        return compiled

    with pytest.raises((torch.OutOfMemoryError, KeyboardInterrupt)):
        CompiledNetwork(torch.nn.Linear(3, 2), failing)(torch.ones(1, 3))
    assert not caplog.records


def test_nothing_is_recorded_on_a_cpu():
    networks, prior = small_networks(), tiny_prior()
    replay_networks(networks, prior)
    assert prior.replay is None and prior.compiled is None
    assert all(network.replayed for network in networks.values())
