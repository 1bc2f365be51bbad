"""Which pictures belong together, in folders as public sets have them."""

import zlib

import pytest
import torch

from pdgrad_core.errors import ImageError, InvalidInputError
from pdgrad_core.evidence.evaluation.folders import by_references, find_cases, person_of
from pdgrad_core.evidence.evaluation.pictures import Degrading, Pictures
from pdgrad_core.images import save_image


def lay(folder, *names):
    """Write a picture of its own under each name."""
    for name in names:
        seed = zlib.crc32(f"{folder.name}/{name}".encode())
        generator = torch.Generator().manual_seed(seed)
        save_image(torch.rand(1, 3, 16, 16, generator=generator), folder / name)
    return folder


def names_of(case):
    return [path.parent.name + "/" + path.name for path in case.references]


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        (["7_1.png"], ["refs/7_1.png"]),  # one of its own, of the same name
        (["7_1/b.png", "7_1/a.png"], ["7_1/a.png", "7_1/b.png"]),  # several of its own
        (["7/x.png", "7/y.png", "8/z.png"], ["7/x.png", "7/y.png"]),  # a folder of the person
        (["7.png", "8.png"], ["refs/7.png"]),  # one of the person
        (["7_2.png", "7_3.png", "71_1.png"], ["refs/7_2.png", "refs/7_3.png"]),
    ],
)
def test_references_are_found_by_name_or_by_person(tmp_path, references, expected):
    truth, refs = lay(tmp_path / "truth", "7_1.png"), lay(tmp_path / "refs", *references)
    (case,) = find_cases(truth, None, refs)
    assert (case.name, case.person) == ("7_1", "7")
    assert names_of(case) == expected
    (few,) = find_cases(truth, None, refs, most=1)
    assert names_of(few) == expected[:1]


def test_folders_of_people_on_both_sides(tmp_path):
    truth = lay(tmp_path / "lfw", "Ann_Lee/Ann_Lee_0002.jpg", "Bo/Bo_0001.jpg")
    refs = lay(tmp_path / "more", "Ann_Lee/Ann_Lee_0001.jpg", "Bo/Bo_0002.jpg", "Bo/Bo_0003.jpg")
    cases = find_cases(truth, None, refs)
    assert [case.person for case in cases] == ["Ann_Lee", "Bo"]
    assert [len(case.references) for case in cases] == [1, 2]
    assert person_of("17-3") == "17" and person_of("alone") == "alone"
    assert [[case.name for case in some] for some in by_references(cases, 8)] == [
        ["Ann_Lee/Ann_Lee_0002"],
        ["Bo/Bo_0001"],
    ]


def test_the_truth_itself_is_no_reference(tmp_path):
    truth, refs = lay(tmp_path / "truth", "7_1.png"), lay(tmp_path / "refs", "7_2.png")
    (refs / "7_1.png").write_bytes((truth / "7_1.png").read_bytes())
    with pytest.raises(InvalidInputError, match="has no reference"):
        find_cases(truth, None, refs)
    (refs / "7").mkdir()
    (refs / "7_1.png").rename(refs / "7" / "same.png")
    (refs / "7_2.png").rename(refs / "7" / "other.png")
    (case,) = find_cases(truth, None, refs)
    assert names_of(case) == ["7/other.png"]


def test_what_does_not_fit_is_one_sentence(tmp_path):
    truth, bad = lay(tmp_path / "truth", "a.png"), lay(tmp_path / "bad", "a.jpg", "b.jpg")
    with pytest.raises(InvalidInputError, match=r"b\.jpg has no truth"):
        find_cases(truth, bad, None)
    with pytest.raises(InvalidInputError, match="no reference in"):
        find_cases(truth, None, bad / "..")
    with pytest.raises(InvalidInputError, match="is no folder"):
        find_cases(tmp_path / "none", None, None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInputError, match="no picture in"):
        find_cases(tmp_path / "empty", None, None)
    lay(tmp_path / "twice", "a.png", "a.jpg")
    with pytest.raises(InvalidInputError, match="one name"):
        find_cases(tmp_path / "twice", None, None)
    assert [case.truth for case in find_cases(None, bad, None)] == [None, None]


def test_pictures_of_any_size_are_resized_and_the_others_refused(tmp_path):
    save_image(torch.rand(1, 3, 40, 40) * 2 - 1, tmp_path / "one" / "a.png")
    pictures = Pictures(find_cases(tmp_path / "one", None, None), 32, Degrading("pdgrad"))
    pictures.check()
    (case,) = pictures.cases
    assert pictures.truth(case).shape == pictures.degraded(case).shape == (1, 3, 32, 32)
    assert torch.equal(pictures.degraded(case), pictures.degraded(case))
    save_image(torch.zeros(1, 3, 40, 30), tmp_path / "one" / "wide.png")
    with pytest.raises(InvalidInputError, match="no aligned face: 30x40"):
        Pictures(find_cases(tmp_path / "one", None, None), 32, Degrading()).check()
    (tmp_path / "one" / "wide.png").write_text("no picture")
    with pytest.raises(ImageError):
        Pictures(find_cases(tmp_path / "one", None, None), 32, Degrading()).check()


def test_a_case_keeps_its_seed_whichever_others_there_are(tmp_path):
    lay(tmp_path / "few", "b.png")
    lay(tmp_path / "many", "a.png", "b.png")
    few, many = (
        Pictures(find_cases(tmp_path / name, None, None), 16, Degrading("pdgrad", 3))
        for name in ("few", "many")
    )
    assert few.seed_of(few.cases[0]) == many.seed_of(many.cases[1])
