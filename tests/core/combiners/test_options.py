"""A combiner's own parameters, given by name: to the combiner, to a recipe, on the command line."""

import pytest

from pdgrad_core.combiners import make_combiner
from pdgrad_core.errors import InvalidInputError, UnknownNameError
from pdgrad_core.guidance.terms import surgeries_of
from pdgrad_core.recipes import RECIPES, GuideImages
from pdgrad_core.settings import Settings


def test_a_whole_number_may_come_as_a_float():
    combiner = make_combiner("torchjd_pcgrad", {"seed": 7.0})
    assert combiner.seed == 7
    assert isinstance(combiner.seed, int)
    assert make_combiner("torchjd_pcgrad").seed == 0


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("pdgrad", {"seed": 1}, "The combiner 'pdgrad' has no parameter 'seed'; it has none."),
        ("torchjd_mgda", {"sede": 1}, "has no parameter 'sede'; it has seed."),
        ("torchjd_mgda", {"seed": 0.5}, "seed must be a whole number, not 0.5."),
        ("torchjd_mgda", {"seed": -1}, "seed must be a number from 0 to"),
    ],
)
def test_an_option_it_does_not_have_is_refused(name, options, message):
    with pytest.raises(InvalidInputError, match=message):
        make_combiner(name, options)
    with pytest.raises(InvalidInputError, match=message):
        Settings("pdgrad", combiner=name, combiner_options=options).resolved()


def test_an_unknown_combiner_is_refused_with_a_near_one():
    with pytest.raises(UnknownNameError, match="projection"):
        make_combiner("projektion")


def test_a_recipe_hands_them_on_to_each_of_its_surgeries(images_of):
    settings = Settings("pdgrad", combiner="torchjd_pcgrad", combiner_options={"seed": 3})
    surgeries = list(surgeries_of(settings.resolved().guidance(images_of)))
    assert [surgery.combiner.seed for surgery in surgeries] == [3, 3]
    assert surgeries[0].combiner is not surgeries[1].combiner


def test_options_without_a_combiner_are_refused():
    with pytest.raises(InvalidInputError, match="choose a combiner too"):
        Settings("pgdiff-reference", combiner_options={"seed": 1}).resolved()
    with pytest.raises(InvalidInputError, match="has no gradient surgery whose method could be"):
        Settings("none", combiner_options={"seed": 1}).resolved()


def test_rows_do_not_share_their_options():
    assert RECIPES["pdgrad"].combiner_options is not RECIPES["a1"].combiner_options


@pytest.fixture
def images_of():
    from networks import images

    from pdgrad_core.losses.color_statistics import CELEBA_HQ

    y, coarse, reference = (images(1, 32, seed) for seed in range(3))
    return GuideImages(y, coarse, (reference,), None, CELEBA_HQ)
