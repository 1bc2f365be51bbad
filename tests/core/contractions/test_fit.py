"""Fitting SRM and CFM to one image: it learns, in turns, reproducibly, and never runs away."""

import pytest
import torch
from tolerances import assert_same

from pdgrad_core.contractions.fit import (
    OBJECTIVES,
    SKIPS,
    Fit,
    FitSettings,
    advance_fits,
    start_fits,
)
from pdgrad_core.contractions.srm import CFM, SRM
from pdgrad_core.diffusion.noise import per_image_generators
from pdgrad_core.errors import InvalidInputError


def image(batch=1, size=16, seed=0):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, 3, size // 4, size // 4, generator=generator) * 1.6 - 0.8
    return torch.nn.functional.interpolate(coarse, size=(size, size), mode="bilinear")


def fit(seed=0, **values):
    settings = FitSettings(**{"width": 16, "scale": 2, **values})
    return Fit(image(), settings, torch.Generator().manual_seed(seed))


def weights(network):
    return [value.clone() for value in network.state_dict().values()]


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_the_networks_shapes(scale):
    y = image(2, 8)
    assert SRM(scale, width=8)(y).shape == (2, 3, 8 * scale, 8 * scale)
    assert CFM(8)(y).shape == y.shape


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("skip", SKIPS)
def test_the_loss_falls(objective, skip):
    found = fit(objective=objective, skip=skip, last_scale=1.0)
    found.advance(30)
    enlarged, output = found.predict()
    assert len(found.losses) == 31
    assert min(found.losses) < 0.5 * found.losses[0]
    assert output.shape == enlarged.shape == (1, 3, 32, 32)
    assert output.abs().max() <= 1
    assert not output.requires_grad and not output.is_inference()


def test_a_fitted_enlargement_shrinks_to_the_image():
    found = fit(scale=4, last_scale=1.0, skip="features", cfm=False)
    before = found.predict()[0]
    found.advance(60)
    shrunk = [found._filter.shrink(one) for one in (before, found.predict()[0])]
    errors = [(one - image()).square().mean() for one in shrunk]
    assert errors[1] < 0.1 * errors[0]


def test_phi_and_eta_are_updated_in_turn():
    found = fit()
    for turn in range(4):
        phi, eta = weights(found._srm), weights(found._cfm)
        found.advance()
        assert same(phi, weights(found._srm)) == (turn % 2 == 1)
        assert same(eta, weights(found._cfm)) == (turn % 2 == 0)


def test_without_a_filter_every_update_is_the_enlarger_s():
    found = fit(cfm=False)
    eta = weights(found._cfm)
    for _ in range(3):
        phi = weights(found._srm)
        found.advance()
        assert not same(phi, weights(found._srm))
    assert same(eta, weights(found._cfm))
    enlarged, output = found.predict()
    assert torch.equal(enlarged, output)


def test_the_seed_decides_and_the_global_generator_is_left_alone():
    before = torch.random.get_rng_state()
    first, second, other = fit(1), fit(1), fit(2)
    for one in (first, second, other):
        one.advance(3)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first.predict()[1], second.predict()[1])
    assert not torch.equal(first.predict()[1], other.predict()[1])


def test_a_fit_works_in_inference_mode_and_gives_the_same():
    outside = fit()
    outside.advance(3)
    with torch.inference_mode():
        y = image() * 1
        inside = Fit(y, FitSettings(width=16, scale=2), torch.Generator().manual_seed(0))
        inside.advance(3)
        _, output = inside.predict()
    assert not output.is_inference()
    assert torch.equal(output, outside.predict()[1])


def test_a_fit_works_where_gradients_are_switched_off():
    with torch.no_grad():
        found = fit()
        found.advance(2)
    assert len(found.losses) == 2


def test_a_diverging_fit_stops_and_keeps_its_best_state():
    found = fit(srm_rate=1.0, cfm_rate=1.0)
    start = found.predict()[1]
    found.advance(50)
    assert found.diverged
    assert len(found.losses) < 51
    best = found.losses.index(min(found.losses))
    assert torch.equal(found.predict()[1], start) == (best == 0)
    assert found.predict()[1].isfinite().all()
    losses = list(found.losses)
    found.advance(5)
    assert found.losses == losses


def test_the_state_of_lowest_loss_is_what_is_predicted():
    found = fit(last_scale=1.0, srm_rate=0.05, cfm_rate=0.05)
    seen = []
    for _ in range(20):
        seen.append(found.predict()[1])
        found.advance()
    seen.append(found.predict()[1])
    best = found.losses.index(min(found.losses))
    assert all(torch.equal(one, seen[best]) for one in seen[best:])


def test_asking_for_predictions_changes_nothing():
    asked, left = fit(), fit()
    for _ in range(4):
        asked.predict()
        asked.advance()
    left.advance(4)
    assert torch.equal(asked.predict()[1], left.predict()[1])
    assert asked.losses == left.losses


def test_the_filter_is_that_of_the_best_state():
    found = fit(last_scale=1.0)
    found.advance(10)
    found.predict()
    enlarged, output = found._best
    assert_same(found.filtered(enlarged), output)
    current = weights(found._cfm)
    found.filtered(enlarged)
    assert same(current, weights(found._cfm))


def test_progress_is_reported_and_can_end_the_fit():
    fits = start_fits(image(2), FitSettings(width=8, scale=2), per_image_generators([0, 1]))
    calls = []
    advance_fits(fits, 3, lambda done, total: calls.append((done, total)))
    assert calls == [(i, 6) for i in range(6)]

    def stop(done, _total):
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        advance_fits(fits, 3, stop)


@pytest.mark.parametrize(
    "values",
    [{"scale": 0}, {"objective": "mse"}, {"skip": "none"}, {"iterations": -1}, {"srm_rate": 2.0}],
)
def test_unusable_settings_are_refused(values):
    with pytest.raises(InvalidInputError):
        FitSettings(**values)


def test_every_image_needs_a_generator():
    with pytest.raises(InvalidInputError, match="each of the 2 images"):
        start_fits(image(2), FitSettings(), per_image_generators([0]))
    with pytest.raises(InvalidInputError, match="NaN"):
        start_fits(image() * float("nan"), FitSettings(), per_image_generators([0]))
