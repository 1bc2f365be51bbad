"""What guides a face: references' weights as text, and references of several faces in one batch."""

import pytest
import torch

from pdgrad_core.errors import InvalidInputError
from pdgrad_core.people import Guide, stacked, weights_from_text


@pytest.mark.parametrize(
    ("text", "references", "weights"),
    [
        ("3, 1", 2, (0.75, 0.25)),
        (" 2,2 ,\t4\n", 3, (0.25, 0.25, 0.5)),
        ("0, 1e-3", 2, (0.0, 1.0)),
        ("1e6, 1e6", 2, (0.5, 0.5)),
        ("7", 1, (1.0,)),
        ("", 4, (0.25, 0.25, 0.25, 0.25)),
        (" \n", 1, (1.0,)),
        ("", 0, ()),
    ],
)
def test_weights_are_shares(text, references, weights):
    assert weights_from_text(text, references) == pytest.approx(weights, abs=0)


@pytest.mark.parametrize(
    "text",
    ["1", "1, 1, 1", "1, 1,", "1; 1", "1 1", "a, b", "-1, 2", "0, 0", "nan, 1", "inf, 1", "1e7, 1"],
)
def test_other_weights_are_refused_with_an_example(text):
    with pytest.raises(InvalidInputError, match=r"of 2 references.*as in 1, 1, not") as told:
        weights_from_text(text, 2)
    assert repr(text) in str(told.value)


def test_a_face_with_fewer_references_has_one_again_that_counts_nothing():
    first, second, third = (torch.full((1, 3, 4, 4), value) for value in (0.1, 0.2, 0.3))
    references, weights = stacked(
        [Guide((first, second), (0.6, 0.4)), Guide((third,), (1.0,))],
    )
    assert [batch[:, 0, 0, 0].tolist() for batch in references] == [
        pytest.approx([0.1, 0.3]),
        pytest.approx([0.2, 0.3]),
    ]
    torch.testing.assert_close(weights, torch.tensor([[0.6, 1.0], [0.4, 0.0]]))


@pytest.mark.parametrize("guides", [[], [Guide()]])
def test_a_face_without_a_reference_is_refused(guides):
    with pytest.raises(InvalidInputError, match="needs a reference"):
        stacked(guides)
