"""An objective's options from words."""

import pytest

from pdgrad_core.errors import InvalidInputError, UnknownNameError
from pdgrad_core.training.option_words import read_options

DEFAULTS = {"p": 1, "scale": 24.0, "prediction": "x0", "mmrb": True}


def test_each_word_has_its_defaults_type():
    words = ["p=2", "scale=3", "prediction=eps", "mmrb=off"]
    found = read_options(words, DEFAULTS)
    assert found == {"p": 2, "scale": 3.0, "prediction": "eps", "mmrb": False}
    assert [type(value) for value in found.values()] == [int, float, str, bool]
    assert read_options([], DEFAULTS) == {}
    assert read_options(["prediction=a=b"], DEFAULTS) == {"prediction": "a=b"}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("p", "NAME=VALUE, not 'p'"),
        ("p=two", "a whole number, not 'two'"),
        ("scale=x", "takes a number, not 'x'"),
        ("mmrb=yes", "on or off, not 'yes'"),
    ],
)
def test_a_wrong_word_is_named(word, said):
    with pytest.raises(InvalidInputError, match=said):
        read_options([word], DEFAULTS)


def test_an_unknown_option_is_named_with_the_known_ones():
    with pytest.raises(UnknownNameError, match="pp"):
        read_options(["pp=1"], DEFAULTS)
