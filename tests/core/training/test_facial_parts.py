"""Facial parts: where they are cut, what is refused, and the shape of what judges them."""

import pytest
import torch

from pdgrad_core.errors import InvalidInputError
from pdgrad_core.gan.discriminator import StyleGANDiscriminator
from pdgrad_core.training.discriminators import PartDiscriminator, freeze_first, standing_by
from pdgrad_core.training.facial_parts import (
    PARTS,
    SIDES,
    crop_parts,
    mirrored_landmarks,
    part_centres,
    template_landmarks,
)


def places(size, count=1):
    """Return pictures whose red is the column and whose green is the row."""
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return torch.stack([columns, rows, rows]).float().expand(count, 3, size, size)


def test_parts_of_a_template_face_are_where_they_are():
    # At 64 px the eyes are at (23.7, 29.6) and (39.4, 29.6), the mouth's middle at (31.7, 46.0).
    centres = part_centres(template_landmarks(2, 64), 64)
    cut = crop_parts(places(64, 2), centres)
    expected = {"left_eye": (18, 29, 24, 35), "right_eye": (34, 45, 24, 35)}
    expected["mouth"] = (22, 41, 36, 55)
    for part, (left, right, top, bottom) in expected.items():
        columns, rows = cut[part][1, :2]
        assert (columns.min(), columns.max(), rows.min(), rows.max()) == (left, right, top, bottom)


def test_every_picture_is_cut_at_its_own_landmarks():
    landmarks = template_landmarks(2, 64).clone()
    landmarks[1] += torch.tensor([3.0, -2.0])
    cut = crop_parts(places(64, 2), part_centres(landmarks, 64))["mouth"]
    assert torch.equal(cut[1, 0], cut[0, 0] + 3)
    assert torch.equal(cut[1, 1], cut[0, 1] - 2)


def test_a_box_at_the_edge_is_moved_inside_and_keeps_its_side():
    landmarks = template_landmarks(1, 64).clone()
    landmarks[:, 0] = torch.tensor([1.0, 62.0])
    cut = crop_parts(places(64), part_centres(landmarks, 64))["left_eye"]
    assert cut.shape[-2:] == (12, 12)
    assert (cut[0, 0].min(), cut[0, 1].max()) == (0, 63)


def test_the_gradient_of_a_cut_reaches_its_own_pixels_only():
    images = torch.zeros(1, 3, 64, 64, requires_grad=True)
    crop_parts(images, part_centres(template_landmarks(1, 64), 64))["mouth"].sum().backward()
    assert images.grad.sum() == 3 * 20 * 20
    assert images.grad[0, :, 36:56, 22:42].min() == 1


def test_sixty_eight_points_stand_for_the_same_parts():
    points = torch.zeros(1, 68, 2)
    points[0, 36:42] = torch.tensor([20.0, 30.0])
    points[0, 36, 0], points[0, 39, 0] = 17.0, 23.0
    points[0, 42:48] = torch.tensor([44.0, 30.0])
    points[0, 48], points[0, 54] = torch.tensor([24.0, 50.0]), torch.tensor([40.0, 52.0])
    centres = part_centres(points, 64)
    assert centres["left_eye"][0].tolist() == [20, 30]
    assert centres["right_eye"][0].tolist() == [44, 30]
    assert centres["mouth"][0].tolist() == [32, 51]


@pytest.mark.parametrize("count", [5, 68])
def test_mirrored_twice_is_unchanged_and_left_stays_left(count):
    points = torch.randint(64, (2, count, 2)).float()
    assert torch.equal(mirrored_landmarks(mirrored_landmarks(points, 64), 64), points)
    if count == 5:
        landmarks = mirrored_landmarks(template_landmarks(1, 64), 64)
        assert landmarks[0, 0, 0] < landmarks[0, 1, 0]
        assert landmarks[0, 3, 0] < landmarks[0, 4, 0]


def test_landmarks_of_68_points_mirror_onto_their_counterparts():
    # The x of a symmetric face: whoever lies at the middle's left lies as far at its right.
    order = mirrored_landmarks(torch.arange(68.0).view(1, 68, 1).expand(1, 68, 2), 1)[0, :, 1]
    found = order.long().tolist()
    assert (found[0], found[8], found[17], found[30], found[31]) == (16, 8, 26, 30, 35)
    assert (found[36], found[39], found[41], found[48], found[51]) == (45, 42, 46, 54, 51)
    assert (found[55], found[60], found[62], found[67]) == (59, 64, 62, 65)


@pytest.mark.parametrize("bad", [(-1.0, 20.0), (20.0, 64.0), (float("nan"), 20.0)])
def test_landmarks_outside_the_picture_are_refused(bad):
    landmarks = template_landmarks(3, 64).clone()
    landmarks[2, 1] = torch.tensor(bad)
    with pytest.raises(InvalidInputError, match=r"put the right eye at .* outside the picture"):
        part_centres(landmarks, 64)


@pytest.mark.parametrize("shape", [(2, 6, 2), (5, 2), (2, 5, 3)])
def test_landmarks_of_another_kind_are_refused(shape):
    with pytest.raises(InvalidInputError, match=r"Expected landmarks \(B, 5, 2\)"):
        part_centres(torch.zeros(shape), 64)


def test_a_part_is_judged_by_a_map_of_one_channel():
    judge = PartDiscriminator((16, 16, 24))
    for size in (64, 512):
        for part in PARTS:
            side = round(SIDES[part] * size)
            assert judge(torch.zeros(2, 3, side, side)).shape == (2, 1, side // 4, side // 4)
    with pytest.raises(InvalidInputError, match="three widths"):
        PartDiscriminator((16, 16))


@pytest.mark.parametrize(
    ("count", "frozen"),
    [
        (0, set()),
        (1, {"0"}),
        (2, {"0", "1.conv1"}),
        (3, {"0", "1.conv1", "1.conv2", "1.skip"}),
        (5, {"0", "1", "2"}),
    ],
)
def test_freezing_takes_the_first_convolutions(count, frozen):
    network = StyleGANDiscriminator((16, 16, 16, 16))
    names = freeze_first(network, count)
    assert names == [name for name, p in network.named_parameters() if not p.requires_grad]
    expected = {
        name
        for name, _ in network.named_parameters()
        if any(name.startswith(f"convs.{part}.") for part in frozen)
    }
    assert set(names) == expected


def test_more_convolutions_than_there_are_are_refused():
    with pytest.raises(InvalidInputError, match=r"freeze must be from 0 to 5, .* 16x16 pixels"):
        freeze_first(StyleGANDiscriminator((16, 16, 16)), 6)


def test_who_stands_by_gets_no_gradient_and_what_is_frozen_stays_so():
    network = StyleGANDiscriminator((16, 16))
    freeze_first(network, 1)
    before = [p.requires_grad for p in network.parameters()]
    image = torch.randn(1, 3, 8, 8, requires_grad=True)
    with standing_by(network):
        network(image).sum().backward()
    assert image.grad.abs().sum() > 0
    assert all(p.grad is None for p in network.parameters())
    assert [p.requires_grad for p in network.parameters()] == before
