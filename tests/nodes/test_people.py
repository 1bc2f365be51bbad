"""Person, Match People, and people at Restore Face: each face by its own person's photos."""

import pytest
import torch

from pdgrad_core.faces.examples import draw_example
from pdgrad_core.faces.group import draw_group
from pdgrad_core.images import to_unit

QUICK = {"steps": 2, "tau": 300, "seed": 3}


@pytest.fixture
def trained(pack, monkeypatch):
    """The pack with the embedded networks that know drawn people."""
    from pdgrad_core.embedded import WEIGHTS

    monkeypatch.setattr(pack.module("pdgrad_core.embedded"), "WEIGHTS", WEIGHTS)
    pack.module("nodes.restore_face_models").load_set.cache_clear()
    yield pack
    pack.module("nodes.restore_face_models").load_set.cache_clear()


def example(name):
    return to_unit(draw_example(name).image)


def person(pack, name, picture, others=None, **inputs):
    given = {"name": name, "references": picture, "others": others, **inputs}
    given = {key: [value] for key, value in given.items() if value is not None}
    return pack.run("PDGradPerson", **given).args[0]


def two_people(pack):
    anna = person(pack, "Anna", example("left person of the group"))
    return person(pack, "Bert", example("right person of the group"), anna)


def match(pack, **inputs):
    group = draw_example("bad group photo")
    given = {
        "photo": to_unit(group.image),
        "people": two_people(pack),
        "features": pack.run("PDGradLoadFeatures").args[0],
        "landmarks": group.landmarks,
        "size_px": 64,
        **inputs,
    }
    return pack.run("PDGradMatchPeople", **given)


def test_people_stand_in_a_row(pack):
    people = two_people(pack)
    assert [one.name for one in people] == ["Anna", "Bert"]
    assert [one.weight for one in people] == [1.0, 1.0]


def test_a_list_of_photos_of_several_sizes_is_one_person(pack, faces):
    given = {"name": ["Anna"], "references": [faces(2, size=64), faces(1, size=80)]}
    (anna,) = pack.run("PDGradPerson", **given).args[0]
    assert [tuple(photo.shape[-2:]) for photo in anna.photos] == [(64, 64), (64, 64), (80, 80)]


def test_the_right_people_are_found_and_the_one_between_is_unknown(trained):
    restorer = trained.run("PDGradLoadRestorer").args[0]
    crops, placement, references, guides, report, names = match(trained, restorer=restorer).args
    assert crops.shape == references.shape == (3, 64, 64, 3)
    assert placement.count == 3
    assert names.shape == to_unit(draw_example("bad group photo").image).shape
    lines = report.splitlines()
    assert lines[0].startswith("2 of 3 faces recognised")
    assert lines[1].startswith("0: Anna")
    assert lines[2].startswith("1: unknown")
    assert lines[3].startswith("2: Bert")
    assert [guide.weights for guide in guides.faces] == [(1.0,), (0.0,), (1.0,)]
    torch.testing.assert_close(references[0], example("left person of the group")[0])


def test_corrections_stand(pack):
    found = match(pack, corrections="0: bert\n1: ?\n2: -")
    assert found.args[4].splitlines()[1].startswith("0: Bert")
    assert "left alone" in found.args[4].splitlines()[3]
    with pytest.raises(Exception, match="nobody named 'Carl'"):
        match(pack, corrections="0: Carl")
    with pytest.raises(Exception, match="a face 7, but there are 3"):
        match(pack, corrections="7: Anna")
    with pytest.raises(Exception, match="lines such as"):
        match(pack, corrections="Anna")


def test_two_people_of_one_name_and_a_reference_of_two_are_refused(pack):
    twice = person(pack, "anna", example("same person"), two_people(pack))
    with pytest.raises(Exception, match="Two people are named"):
        match(pack, people=twice)
    group = draw_group((10, 12), (5, 7), 128)
    wrong = person(pack, "Both", to_unit(group.image))
    with pytest.raises(Exception, match=r"Both, photo 1 \(2 faces\)"):
        match(pack, people=wrong)


def test_guides_at_the_losses_pull_each_face_to_its_own_person(pack, loaded):
    crops, _, references, guides, *_ = match(pack, corrections="0: Bert\n1: ?\n2: Anna").args

    def sampled(image, own):
        loss = pack.run(
            "PDGradLossBuilder", features=loaded.features, image=image, level="high", guides=own
        ).args[0]
        given = {"prior": loaded.prior, "image": crops, "guidance": loss, **QUICK}
        return pack.run("PDGradDDPMSampler", **given).args[0]

    together = sampled(references, guides)
    by_hand = sampled(references, None)
    # One reference per face: the same as wiring it, but for the face that nobody pulls.
    torch.testing.assert_close(together[[0, 2]], by_hand[[0, 2]], atol=1e-4, rtol=0)
    assert not torch.allclose(together[1], by_hand[1], atol=1e-3)


def restore(pack, landmarks, **inputs):
    photo = to_unit(draw_example("bad group photo").image)
    given = {"photo": photo, "landmarks": landmarks, "models": "demo", **QUICK, **inputs}
    return pack.run("PDGradRestoreFace", **given)


def test_restore_face_guides_each_face_by_its_own_person(trained):
    lines = draw_example("bad group photo").landmarks.splitlines()
    both = "\n".join([lines[0], lines[2]])
    out = restore(trained, both, faces="left-to-right", people=two_people(trained))
    image, coarse, _ = out.args
    assert coarse.shape[0] == 2
    text = out.ui["text"][0]
    assert "0: Anna" in text
    assert "1: Bert" in text
    alone = [
        restore(trained, line, faces="0", references=example(f"{side} person of the group")).args[0]
        for line, side in ((lines[0], "left"), (lines[2], "right"))
    ]
    half = image.shape[2] // 2
    # A batch rounds otherwise than one face, and 8-bit levels are what anybody sees.
    torch.testing.assert_close(image[:, :, :half], alone[0][:, :, :half], atol=1 / 255, rtol=0)
    torch.testing.assert_close(image[:, :, half:], alone[1][:, :, half:], atol=1 / 255, rtol=0)


def test_faces_of_nobody_known_are_left_alone_if_wished(trained):
    example_ = draw_example("bad group photo")
    options = {"faces": "left-to-right", "people": two_people(trained)}
    kept = restore(trained, example_.landmarks, unknown_faces="left alone", **options)
    assert kept.args[1].shape[0] == 2
    third = kept.args[0].shape[2] // 3
    middle = (slice(None), slice(None), slice(third + 20, 2 * third - 20))
    assert torch.equal(kept.args[0][middle], to_unit(example_.image)[middle])
    all_of_them = restore(trained, example_.landmarks, **options)
    assert all_of_them.args[1].shape[0] == 3
    middle_line = example_.landmarks.splitlines()[1]
    with pytest.raises(Exception, match="None of the faces is one of these people"):
        restore(trained, middle_line, unknown_faces="left alone", **options)
