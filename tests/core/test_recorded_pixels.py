"""The pixels of every recipe and preset, against a recording on the demo models.

The restorations were recorded before recipes, runs and guidance got the form they have now, with
the same network weights, in float64.
"""

import pytest
import recorded_pixels as pixels


@pytest.fixture(scope="module")
def recorded():
    return pixels.recorded()


@pytest.fixture(scope="module")
def models():
    return pixels.recorded_models()


@pytest.mark.parametrize("name", pixels.CASES)
def test_a_restoration_gives_the_recorded_pixels(models, recorded, name):
    found = pixels.restored(name, models, recorded)
    # Half a step of the recording; its time embedding was in float32, which moved the results by up
    # to 6e-7: another tenth of a step is plenty.
    worst = (found - recorded[name].double() * pixels.STEP).abs().max()
    assert worst <= 0.6 * pixels.STEP


def test_the_recorded_surgeries_had_something_to_settle(recorded):
    of = {name: recorded[name] for name in ("pdgrad", "a1", "a2")}
    for one, other in (("pdgrad", "a1"), ("pdgrad", "a2"), ("a1", "a2")):
        assert (of[one] - of[other]).abs().max() > 100


@pytest.mark.parametrize("preset", pixels.PRESETS)
def test_a_degradation_gives_the_recorded_picture(recorded, preset):
    found = (pixels.degraded(preset, recorded)[0].permute(1, 2, 0) + 1) * 127.5
    # In float32, and JPEG rounds twice: a pixel at the edge of a step may take 8 x 8 others along.
    apart = (found.round() - recorded[f"degraded.{preset}"].float()).abs()
    assert apart.mean() < 0.05
