"""A replayed run gives the pixels of the eager one, by a stand-in that freezes as a graph does.

The stand-in traces the function into its operations, with the numbers of Python that it met, and
runs these for every further call: what a CUDA graph would do wrong, it does wrong too.
"""

import pytest
import torch
from golden import tiny_prior
from networks import images, small_networks
from tiny_idm import tiny_idm
from torch.fx.experimental.proxy_tensor import make_fx

from pdgrad_core.combiners import COMBINERS
from pdgrad_core.diffusion.noise import seeded_noise
from pdgrad_core.diffusion.sampler import Sampler
from pdgrad_core.errors import NonFiniteGradientError
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.guidance.replayed import ReplayedGuidance, replayed_where_asked
from pdgrad_core.guidance.strengths import make_strength
from pdgrad_core.guidance.terms import Masked, Sum, Surgery, Term
from pdgrad_core.losses.perceptual import PerceptualLoss
from pdgrad_core.losses.pixel import PixelLoss
from pdgrad_core.recipes import GuideImages
from pdgrad_core.recipes.pdgrad import PDGradRecipe
from pdgrad_core.replay import Replay

SIZE = 32
Y, REFERENCE = images(2, SIZE, seed=1), images(2, SIZE, seed=2)


def traced(function, inputs):
    function(*inputs)
    graph = make_fx(lambda *given: function(*given))(*inputs)
    return lambda *given: tuple(one.clone() for one in graph(*given))


def said(caplog):
    """What was logged of replaying; torch's tracing logs much of its own."""
    return [one.getMessage() for one in caplog.records if one.name == "pdgrad_core.replay"]


def moving(context):
    """A target that depends on the state, as a restorer's that is asked at each step."""
    return (Y + 0.1 * context.x_t).clamp(-1, 1)


def masked():
    mask = torch.zeros(1, 1, SIZE, SIZE)
    mask[..., :9] = 1
    pivot = Term("pivot", PixelLoss(), moving)
    other = Masked(Term("other", PerceptualLoss(), REFERENCE, 3.0), mask)
    surgery = Surgery("both", pivot, other, COMBINERS["pdgrad"]())
    return Sum((surgery, Term("more", PixelLoss(), Y)), (1.0, 0.5))


EXPRESSIONS = {
    "pdgrad": lambda: PDGradRecipe().guidance(GuideImages(Y, Y, (REFERENCE,))),
    "moving, masked": masked,
    "one gradient": lambda: Term("only", PixelLoss(), moving),
}


def sampler_with(guidance):
    prior = tiny_prior()
    return Sampler(
        prior=prior,
        schedule=prior.schedule.plan(900, 3),
        guidance=guidance,
        strength=make_strength("dynamic", 0.2),
        gradient_steps=2,
    )


def sampled(sampler):
    return sampler.run(images(2, SIZE, seed=3), seeded_noise(Y, 5))


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_replayed_run_is_the_eager_one_to_the_bit(name, caplog):
    networks = small_networks()
    eager = compile_guidance(EXPRESSIONS[name](), networks)
    expected = sampled(sampler_with(eager))
    again = ReplayedGuidance(compile_guidance(EXPRESSIONS[name](), networks), traced)
    found = sampled(sampler_with(again))
    assert not said(caplog)
    assert again.notes == found.notes == ()
    assert not again.replay._recorded  # its memory is given back when the run is over
    assert torch.equal(found.image, expected.image)
    for ours, theirs in zip(found.trace, expected.trace, strict=True):
        assert list(ours) == list(theirs)
        assert all(torch.equal(torch.as_tensor(ours[k]), torch.as_tensor(theirs[k])) for k in ours)


def test_the_prior_too(caplog):
    plain, again = tiny_prior(), tiny_prior()
    again.replay = Replay("prior", again.evaluate, traced)
    for t in (900, 20):
        x_t = images(2, SIZE, seed=t)
        with torch.no_grad():
            assert torch.equal(again(x_t, t).prediction, plain(x_t, t).prediction)
    assert not said(caplog)
    again.to(dtype=torch.float64)
    assert not again.replay._recorded


def test_a_prior_whose_weights_were_moved_is_recorded_anew_at_the_next_run(caplog):
    prior, recordings = tiny_prior(), []

    def record(function, inputs):
        recordings.append(inputs[0].shape)
        return traced(function, inputs)

    prior.replay = Replay("prior", prior.evaluate, record, prior.network.parameters)
    sampler = Sampler(prior, prior.schedule.plan(900, 3))
    expected = sampler.run(Y, seeded_noise(Y, 5)).image
    assert torch.equal(sampler.run(Y, seeded_noise(Y, 5)).image, expected)
    assert len(recordings) == 1  # the weights lie where they lay
    for parameter in prior.network.parameters():  # as a host moves them, past our `to`
        parameter.data = parameter.data.clone()
    assert torch.equal(sampler.run(Y, seeded_noise(Y, 5)).image, expected)
    assert len(recordings) == 2
    assert not said(caplog)


def test_idm_is_replayed_for_whatever_face_it_was_told_of(caplog):
    plain, again = tiny_idm(), tiny_idm()
    again.replay = Replay("prior", again.evaluate, traced, again.network.parameters)
    for face in (Y, REFERENCE):
        with torch.no_grad():
            found = again.conditioned_on(face)(REFERENCE, 300).prediction
            assert torch.equal(found, plain.conditioned_on(face)(REFERENCE, 300).prediction)
    assert again.replay.recorded and not said(caplog)


class Fading(COMBINERS["sum"]):
    """A combiner that remembers: its gradient fades from call to call."""

    def __init__(self):
        self.calls = 0

    def reset(self):
        self.calls = 0

    def lengths(self, gram, pivot):
        self.calls += 1
        return super().lengths(gram, pivot) / self.calls


def test_a_combiner_that_remembers_is_asked_at_every_step(caplog):
    def guidance():
        low, high = (Term(name, PixelLoss(), Y) for name in ("low", "high"))
        return compile_guidance(Surgery("both", low, high, Fading()), small_networks())

    expected = sampled(sampler_with(guidance()))
    found = sampled(sampler_with(ReplayedGuidance(guidance(), traced)))
    assert torch.equal(found.image, expected.image) and not said(caplog)


def refuses(function, inputs):
    raise RuntimeError("operation not permitted when stream is capturing\nmore lines")


def freezes(function, inputs):
    kept = function(*inputs)
    return lambda *_given: kept


@pytest.mark.parametrize(
    ("record", "reason"),
    [(refuses, "operation not permitted"), (freezes, "its recording gives other values")],
)
def test_what_cannot_be_replayed_is_computed_as_ever_and_said_once(record, reason, caplog):
    replay = Replay("guidance", lambda x: (2 * x,), record)
    for factor in (1.0, 3.0):
        assert torch.equal(replay(factor * Y)[0], 2 * factor * Y)
    (message,) = said(caplog)
    assert f"guidance cannot be replayed here ({reason}" in message and "\n" not in message
    assert replay.notes == (message,) and not replay.recorded


def test_a_recording_that_succeeds_later_is_not_told_as_failed():
    def record(function, inputs):
        return refuses(function, inputs) if len(inputs[0]) == 2 else traced(function, inputs)

    replay = Replay("prior", lambda x: (2 * x,), record)
    for batch, told in ((2, 1), (1, 0), (2, 1)):
        replay(torch.ones(batch, 3))
        assert len(replay.notes) == told


def test_what_could_not_be_replayed_is_told_by_the_result():
    guidance = compile_guidance(EXPRESSIONS["pdgrad"](), small_networks())
    expected = sampled(sampler_with(guidance))
    sampler = sampler_with(ReplayedGuidance(guidance, refuses))
    sampler.prior.replay = Replay("prior", sampler.prior.evaluate, refuses)
    found = sampled(sampler)
    assert torch.equal(found.image, expected.image)
    assert [note.split()[1] for note in found.notes] == ["prior", "guidance"]


def test_other_shapes_are_recorded_anew_and_one_recording_is_kept():
    seen = []

    def record(function, inputs):
        seen.append(inputs[0].shape)
        return lambda *given: function(*given)

    replay = Replay("guidance", lambda x: (2 * x,), record)
    for batch in (1, 1, 2, 2, 1):
        replay(torch.ones(batch, 3))
        assert len(replay._recorded) == 1 and replay.recorded
    assert seen == [(1, 3), (2, 3), (1, 3)]


def test_what_is_not_finite_is_named_as_ever():
    networks = small_networks()
    poisoned = compile_guidance(EXPRESSIONS["pdgrad"](), networks)
    next(networks["vgg"].trunk.parameters()).data.fill_(torch.nan)
    networks["vgg"]._prepared.clear()
    again = ReplayedGuidance(poisoned, traced)
    with pytest.raises(NonFiniteGradientError, match=r"gradient of .*vgg.* at timestep 899"):
        sampled(sampler_with(again))
    assert not again.replay._recorded  # nor does a failed run keep its memory


@pytest.mark.parametrize("how", ["compiled", "replayed"])
def test_one_network_has_to_ask_for_a_replay_and_on_cuda_only(how):
    guidance = compile_guidance(EXPRESSIONS["pdgrad"](), networks := small_networks())
    cuda, cpu = torch.device("cuda"), torch.device("cpu")
    assert replayed_where_asked(guidance, cuda) is guidance
    setattr(networks["vgg"], how, True)  # beside others of another loader
    assert replayed_where_asked(guidance, cpu) is guidance
    assert isinstance(replayed_where_asked(guidance, cuda), ReplayedGuidance)
