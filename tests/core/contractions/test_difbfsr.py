"""DifBFSR's contraction: fitted before the steps or along them, with eta where it is wanted."""

import pytest
import torch
from contraction_inputs import at, images
from tolerances import WINDOW, assert_same

from pdgrad_core.contractions.difbfsr import CFM_PLACES, DifBFSR
from pdgrad_core.contractions.filters import LowPassFilter
from pdgrad_core.diffusion.noise import PerImageNoise, per_image_generators
from pdgrad_core.diffusion.prior import PriorOutput
from pdgrad_core.diffusion.sampler import Sampler
from pdgrad_core.diffusion.schedule import Schedule
from pdgrad_core.errors import InvalidInputError


def contraction(batch=1, **values):
    y = images(batch, 16, seed=1)
    options = {"iterations": 3, "scale": 2, "until": 0, **values}
    return DifBFSR(y, generators=per_image_generators(range(batch)), **options)


def test_eq_5_towards_the_fitted_enlargement():
    contract, x0hat = contraction(), images(1, 32)
    yhat = contract.prepare()
    psi = LowPassFilter("bicubic", 2)
    found = contract(x0hat, at(100))
    assert_same(psi(found), psi(yhat), WINDOW)
    assert_same(found - psi(found), x0hat - psi(x0hat), WINDOW)


def test_before_fits_once():
    contract, x0hat = contraction(), images(1, 32)
    contract(x0hat, at(100))
    assert len(contract.losses[0]) == 4
    first = contract.prepare()
    contract.reset()
    contract(x0hat, at(50))
    assert contract.prepare() is first
    assert contract.record == {}


def test_along_fits_at_each_step_but_not_at_its_repeats():
    contract, x0hat = contraction(batch=2, fit="along", iterations_per_step=2), images(2, 32)
    for step, (t, repeat) in enumerate([(9, 0), (9, 1), (5, 0)]):
        contract(x0hat, at(t, repeat))
        assert [len(curve) for curve in contract.losses] == [[3, 3], [3, 3], [5, 5]][step]
    assert contract.record["srm.loss"].shape == (2,)
    contract.reset()
    contract(x0hat, at(9))
    assert len(contract.losses[0]) == 3


def test_along_equals_before_after_as_many_updates():
    along = contraction(fit="along", iterations_per_step=1)
    for t in (3, 2, 1):
        along(images(1, 32), at(t))
    assert torch.equal(along.prepare(), contraction().prepare())


def test_an_interrupted_fit_starts_over():
    contract = contraction()

    def stop(done, _total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        contract.prepare(stop)
    assert torch.equal(contract.prepare(), contraction().prepare())
    assert len(contract.losses[0]) == 4


@pytest.mark.parametrize("cfm", CFM_PLACES)
def test_every_place_of_the_learned_filter(cfm):
    contract = contraction(cfm=cfm, iterations=6)
    x0hat = images(1, 32)
    found = contract(x0hat, at(0))
    assert found.isfinite().all()
    fit = contract._fits[0]
    enlarged, output = fit.predict()
    psi = LowPassFilter("bicubic", 2)
    yhat = enlarged if cfm == "printed" else output
    seen = fit.filtered(x0hat) if cfm == "both" else x0hat
    assert_same(found, x0hat + psi(yhat - seen))
    assert torch.equal(enlarged, output) == (cfm == "none")


def test_the_factor_is_the_scale_unless_it_is_chosen():
    assert contraction().factor == 2
    assert contraction(factor=6.0).factor == 6


def test_an_image_s_fit_does_not_depend_on_its_batch():
    both = contraction(batch=2).prepare()
    assert_same(both[:1], contraction().prepare())


class Constant:
    """A prior that is always sure of grey."""

    prediction = "x0"
    variance = "fixed_small"
    schedule = Schedule.linear()

    def __call__(self, x_t, t):
        return PriorOutput(torch.zeros_like(x_t))


@pytest.mark.parametrize("fit", ["before", "along"])
def test_a_run_ends_with_the_photo_s_low_frequencies_and_repeats(fit):
    contract = contraction(fit=fit)
    sampler = Sampler(Constant(), Schedule.linear().plan(700, 4), contractions=[contract])

    def run():
        noise = PerImageNoise(per_image_generators([3]), (3, 32, 32))
        return sampler.run(sampler.start_from(contract.prepare(), noise), noise)

    first = run()
    assert_same(first.image, LowPassFilter("bicubic", 2)(contract.prepare()), 16 * WINDOW)
    assert torch.equal(run().image, first.image)
    traced = ["srm.loss" in row for row in first.trace]
    assert all(traced) if fit == "along" else not any(traced)


@pytest.mark.parametrize(
    "values",
    [
        {"fit": "after"},
        {"scale": 0},
        {"cfm": "some"},
        {"iterations": -1},
        {"iterations_per_step": 0},
    ],
)
def test_unusable_values_are_refused(values):
    with pytest.raises(InvalidInputError):
        contraction(**values)


def test_a_face_of_another_size_is_refused_in_words():
    with pytest.raises(InvalidInputError, match="not 1 of 32x32"):
        contraction()(images(1, 48), at(0))
