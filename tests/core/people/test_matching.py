"""Who is who: one person once, strangers unknown, what the user said kept."""

import itertools

import pytest
import torch

from pdgrad_core.errors import InvalidInputError
from pdgrad_core.people import (
    ErrorRates,
    Person,
    Portrait,
    Probes,
    Similarities,
    assign,
    guide_of,
    match_faces,
    match_report,
    person_from,
)


def unit(*values):
    found = torch.tensor(values, dtype=torch.float32)
    return found / found.norm()


def portrait(embedding, source="photo.jpg", pose=None, sharpness=0.5):
    return Portrait(source, torch.zeros(1, 3, 8, 8), embedding, pose, sharpness)


def people():
    return [
        Person("Anna", (portrait(unit(1.0, 0, 0)),)),
        Person("Bert", (portrait(unit(0, 1.0, 0)),)),
    ]


def matched(rows, known=None, threshold=0.4, said=None):
    known = known or people()
    probes = Probes(torch.stack(rows))
    alike = Similarities.of(probes, [None] * len(rows), known)
    return match_faces(alike, known, threshold, said)


def test_the_sum_of_a_photo_counts_not_the_first_face():
    # Alone both faces are nearest to the first person; together 0.8 + 0.6 beats 0.9 + 0.1.
    cosines = torch.tensor([[0.9, 0.6], [0.8, 0.1]])
    assert assign(cosines, 0.05) == [1, 0]


@pytest.mark.parametrize("seed", range(20))
def test_no_other_assignment_is_worth_more(seed):
    generator = torch.Generator().manual_seed(seed)
    cosines = torch.rand(3, 3, generator=generator) * 2 - 1
    threshold = 0.2

    def worth(choice):
        return sum(
            threshold if person is None else float(cosines[row, person])
            for row, person in enumerate(choice)
        )

    choices = [
        choice
        for choice in itertools.product([None, 0, 1, 2], repeat=3)
        if len({p for p in choice if p is not None}) == sum(p is not None for p in choice)
    ]
    assert worth(assign(cosines, threshold)) == pytest.approx(max(map(worth, choices)))


def test_below_the_threshold_a_face_is_unknown():
    assert assign(torch.tensor([[0.39, 0.1]]), 0.4) == [None]
    assert assign(torch.tensor([[0.41, 0.1]]), 0.4) == [0]
    assert assign(torch.zeros(2, 0), 0.4) == [None, None]
    assert assign(torch.zeros(0, 2), 0.4) == []


def test_a_person_is_on_a_photo_once():
    first, second = matched([unit(1, 0.2, 0), unit(1, 0.1, 0)])
    assert (first.name, second.name) == ("", "Anna")
    assert first.nearest == "Anna"


def test_the_margin_is_the_lead_over_the_next_person():
    (match,) = matched([unit(0.8, 0.6, 0)])
    assert match.name == "Anna"
    assert match.similarity == pytest.approx(0.8)
    assert match.margin == pytest.approx(0.2)
    assert match.nearest == "Bert"


def test_what_the_user_said_stands_and_takes_the_person():
    faces = [unit(1, 0, 0), unit(0.9, 0.1, 0)]
    first, second = matched(faces, said=["bert", None])
    assert (first.name, first.by_hand, second.name) == ("Bert", True, "Anna")
    first, second = matched(faces, said=[None, "Anna"])
    assert (first.name, second.name) == ("", "Anna")
    unknown, left = matched(faces, said=["?", "-"])
    assert unknown.person is None
    assert not unknown.leave
    assert left.leave


def test_a_name_that_nobody_has_is_refused():
    with pytest.raises(InvalidInputError, match="nobody named 'Carl'"):
        matched([unit(1, 0, 0)], said=["Carl"])


def test_two_people_of_one_name_are_refused():
    twice = [Person("Zoë", (portrait(unit(1.0, 0)),)), Person("zoe\u0308", (portrait(unit(0, 1)),))]
    with pytest.raises(InvalidInputError, match="Two people are named"):
        matched([unit(1, 0)], twice)


@pytest.mark.parametrize("name", ["", "  ", "a\nb"])
def test_a_name_is_a_line(name):
    with pytest.raises(InvalidInputError, match="name of one line"):
        person_from(name, [portrait(unit(1, 0))])


def test_a_person_without_a_photo_is_refused():
    with pytest.raises(InvalidInputError, match="no reference photo"):
        person_from("Anna", [])


def test_portraits_count_by_pose_and_sharpness():
    front = portrait(unit(1, 0), "front.jpg", (0.0, 0.5), 0.4)
    side = portrait(unit(1, 0), "side.jpg", (0.3, 0.5), 0.4)
    blurred = portrait(unit(1, 0), "blurred.jpg", (0.0, 0.5), 0.1)
    person = Person("Anna", (front, side, blurred))
    # Two spreads away: exp(-2); a quarter as sharp: 1/4.
    parts = [1.0, 0.1353352832, 0.25]
    expected = [part / sum(parts) for part in parts]
    assert person.weights_for((0.0, 0.5)) == pytest.approx(expected)
    # Nothing is known of the face's pose: only sharpness counts.
    assert person.weights_for(None) == pytest.approx([4 / 9, 4 / 9, 1 / 9])


def test_a_guide_has_the_persons_weight():
    first, second = portrait(unit(1, 0), sharpness=0.3), portrait(unit(1, 0), sharpness=0.1)
    known = [Person("Anna", (first, second), weight=2.0)]
    (match,) = matched([unit(1, 0)], known)
    guide = guide_of(match, known)
    assert guide.weights == pytest.approx((1.5, 0.5))
    assert len(guide.references) == 2


def test_the_report_says_who_how_sure_and_which_photos():
    rates = ErrorRates((0.5, 0.01), (0.0, 0.8), "hand-made")
    text = match_report(matched([unit(0.8, 0.6, 0), unit(0, 0, 1)]), people(), 0.4, rates)
    head, first, second = text.splitlines()
    assert head == "1 of 2 faces recognised, at a cosine above 0.40"
    assert (
        "Anna, cosine 0.80; fewer than 1 of 100 strangers is as alike; +0.20 before Bert" in first
    )
    assert "guided by photo.jpg 100%" in first
    assert "unknown; nearest is" in second


def test_the_threshold_shares_the_chance_among_people():
    rates = ErrorRates((0.1, 0.01, 0.001), (0.2, 0.4, 0.6), "hand-made")
    assert rates.threshold(0.1) == pytest.approx(0.2)
    # Ten people at 1% each: 1 - 0.99^10.
    assert rates.threshold(1 - 0.99**10, 10) == pytest.approx(0.4)
    # Beyond what was measured, along the last line.
    assert rates.threshold(1e-4) == pytest.approx(0.8)
    assert rates.chance(0.3) == pytest.approx(10**-1.5)
    with pytest.raises(InvalidInputError, match="false_accept"):
        rates.threshold(0.0)


def test_measured_rates_are_quantiles():
    rates = ErrorRates.measured(torch.linspace(0, 1, 1001), (0.5, 0.1), "a line")
    assert rates.cosines == pytest.approx((0.5, 0.9))
