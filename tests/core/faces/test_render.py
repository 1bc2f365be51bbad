"""The renderer: determinism, framing, labels, light, pose, and who is who."""

import pytest
import torch

from pdgrad_core.errors import InvalidInputError
from pdgrad_core.faces.canvas import PARTS
from pdgrad_core.faces.identity import sample_identities, sample_identity
from pdgrad_core.faces.render import render
from pdgrad_core.faces.view import neutral_views, sample_view, sample_views

TEMPLATE_512 = torch.tensor(
    [[193.0, 240.0], [319.0, 240.0], [256.5, 314.0], [201.0, 371.0], [313.0, 371.0]]
)
# Seeds 0..3 at 64 px: means by channel, deviation of the whole picture.
PINNED_MEANS = [
    [-0.2989, -0.2924, -0.4356],
    [0.0268, -0.1214, -0.2149],
    [-0.0847, -0.0978, -0.2090],
    [-0.0816, -0.1101, -0.1418],
]
PINNED_DEVIATIONS = [0.2775, 0.4102, 0.2952, 0.3808]


def close(a, b):
    """Within the stated tolerance: 1e-4 on average, 0.02 but for 0.1% of the values."""
    off = (a - b).abs()
    return off.mean() < 1e-4 and (off > 0.02).float().mean() < 1e-3


@pytest.fixture(scope="module")
def drawn():
    return render(sample_identities(range(24)), sample_views(range(24)), 64)


@pytest.mark.parametrize("size", [64, 128])
def test_shapes_and_range(size):
    result = render(sample_identities([1, 2]), sample_views([3, 4]), size)
    assert result.images.shape == (2, 3, size, size)
    assert result.images.dtype == torch.float32
    assert result.images.min() >= -1.0
    assert result.images.max() <= 1.0
    assert result.landmarks.shape == (2, 5, 2)
    assert result.parts is not None
    assert result.parts.shape == (2, size, size)


def test_values_are_finite_and_use_the_range(drawn):
    assert torch.isfinite(drawn.images).all()
    assert drawn.images.min() < -0.9
    assert drawn.images.max() > 0.8
    assert 0.25 < drawn.images.std() < 0.6


def test_same_seed_same_pixels(drawn):
    again = render(sample_identities(range(24)), sample_views(range(24)), 64)
    assert torch.equal(again.images, drawn.images)


def test_a_row_does_not_depend_on_the_batch(drawn):
    for row in (0, 7, 23):
        alone = render(sample_identity(row), sample_view(row), 64)
        assert close(alone.images[0], drawn.images[row])
        assert torch.allclose(alone.landmarks[0], drawn.landmarks[row], atol=1e-3)
    chunked = render(sample_identities(range(24)), sample_views(range(24)), 64, chunk=5)
    assert close(chunked.images, drawn.images)


def test_pinned_statistics():
    images = render(sample_identities(range(4)), sample_views(range(4)), 64).images
    means = torch.tensor(PINNED_MEANS)
    assert torch.allclose(images.mean((2, 3)), means, atol=2e-3)
    assert torch.allclose(images.std((1, 2, 3)), torch.tensor(PINNED_DEVIATIONS), atol=2e-3)


def test_both_sizes_show_the_same_picture():
    people, views = sample_identities(range(6)), sample_views(range(6))
    views.focus_px.zero_()
    small, large = (render(people, views, size).images for size in (64, 128))
    shrunk = torch.nn.functional.avg_pool2d(large, 2)
    assert (shrunk - small).abs().mean() < 0.03


def test_landmarks_lie_on_the_template(drawn):
    template = TEMPLATE_512 / 8
    distance = (drawn.landmarks - template).norm(dim=-1)
    assert distance.mean() < 1.6
    # The nose leaves the template with the pose, eyes and mouth hardly.
    assert distance[:, [0, 1, 3, 4]].max() < 4.5


def test_a_frontal_face_without_jitter_is_aligned():
    frontal = render(sample_identities(range(16)), neutral_views(16), 128)
    eyes = frontal.landmarks[:, :2].mean((0, 1)) * 4
    mouth = frontal.mouth_centre.mean(0) * 4
    assert torch.allclose(eyes, torch.tensor([256.0, 240.0]), atol=4.0)
    assert torch.allclose(mouth, torch.tensor([257.0, 371.0]), atol=5.0)
    tilt = frontal.landmarks[:, 1, 1] - frontal.landmarks[:, 0, 1]
    assert tilt.abs().max() < 0.5


def test_landmarks_are_where_the_parts_are(drawn):
    masks = drawn.masks()
    bare = sample_identities(range(24)).glasses == 0
    rows = torch.arange(24)
    for point, part in ((0, "eyes"), (1, "eyes"), (2, "nose")):
        x, y = drawn.landmarks[:, point].long().clamp(1, 62).unbind(1)
        near = torch.stack(
            [masks[part][rows, y + dy, x + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        )
        assert near.any(0)[bare].float().mean() > 0.85


def test_masks_partition_the_picture(drawn):
    total = torch.stack([mask.long() for mask in drawn.masks().values()]).sum(0)
    assert torch.equal(total, torch.ones_like(total))
    share = {name: mask.float().mean() for name, mask in drawn.masks().items()}
    for name in PARTS:
        assert share[name] > 0.0005, name
    assert 0.15 < share["skin"] < 0.6
    assert 0.2 < share["background"] < 0.6


def test_parts_are_optional():
    result = render(sample_identity(0), sample_view(0), parts=False)
    assert result.parts is None
    with pytest.raises(InvalidInputError, match="parts=True"):
        result.masks()


def test_light_from_a_side_lights_that_side():
    views = neutral_views(2)
    views.light_direction[0] = torch.tensor([-0.8, -0.2, 0.566])
    views.light_direction[1] = torch.tensor([0.8, -0.2, 0.566])
    result = render(sample_identities([3, 3]), views)
    skin = result.masks()["skin"]
    left = [result.images[i, :, :, :32].mean(0)[skin[i, :, :32]].mean() for i in range(2)]
    right = [result.images[i, :, :, 32:].mean(0)[skin[i, :, 32:]].mean() for i in range(2)]
    assert left[0] > right[0] + 0.15
    assert right[1] > left[1] + 0.15


def test_yaw_moves_the_nose_and_pitch_too():
    views = neutral_views(5)
    views.yaw[:3] = torch.tensor([-0.4, 0.0, 0.4])
    views.pitch[3:] = torch.tensor([-0.25, 0.25])
    points = render(sample_identities([5] * 5), views, parts=False).landmarks
    centre = points[:, [0, 1, 3, 4]].mean(1)
    nose = points[:, 2] - centre
    assert nose[0, 0] < nose[1, 0] - 2
    assert nose[2, 0] > nose[1, 0] + 2
    assert nose[4, 1] > nose[3, 1] + 2


def test_expression_changes_the_mouth_and_eyes():
    views = neutral_views(3)
    views.mouth_open[1] = 1.0
    views.eye_open[2] = 0.0
    masks = render(sample_identities([2] * 3), views, 128).masks()
    mouth, eyes = (masks[k].float().sum((1, 2)) for k in ("mouth", "eyes"))
    assert mouth[1] > 1.4 * mouth[0]
    assert eyes[2] < 0.7 * eyes[0]


def test_people_differ_more_than_their_views():
    """With framing fixed by the template, a person looks more like herself than like another."""
    count = 12
    people = sample_identities(range(count)).repeat(2)
    views = sample_views(range(2 * count), jitter=0.0)
    views.yaw.mul_(0.5)
    images = render(people, views, parts=False).images
    # Large areas of the head: blurred, and without the backdrop at the sides.
    small = torch.nn.functional.avg_pool2d(images, 4)[..., 2:13, 4:12].flatten(1)
    small = small - small.mean(1, keepdim=True)
    distance = torch.cdist(small, small)
    first, second = distance[0::2], distance
    same = torch.tensor([first[i, 2 * i + 1] for i in range(count)])
    other = torch.stack(
        [second[2 * i][[j for j in range(2 * count) if j // 2 != i]] for i in range(count)]
    )
    assert same.mean() < 0.8 * other.mean()


def test_focus_blurs():
    views = neutral_views(2)
    views.focus_px[1] = 0.6
    sharp, soft = render(sample_identities([4, 4]), views, parts=False).images
    detail = [(image[:, 1:] - image[:, :-1]).abs().mean() for image in (sharp, soft)]
    assert detail[1] < 0.85 * detail[0]


def test_output_is_a_normal_tensor_under_inference_mode():
    people, views = sample_identity(0), sample_view(0)
    with torch.inference_mode():
        result = render(people, views)
    assert not result.images.is_inference()


@pytest.mark.parametrize("size", [0, 63, 256])
def test_other_sizes_are_refused(size):
    with pytest.raises(InvalidInputError, match="64 or 128"):
        render(sample_identity(0), sample_view(0), size)


def test_unequal_numbers_are_refused():
    with pytest.raises(InvalidInputError, match="2 identities and 1 views"):
        render(sample_identities([0, 1]), sample_view(0))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_draws_the_same_picture(drawn):
    people, views = sample_identities(range(24)).to("cuda"), sample_views(range(24)).to("cuda")
    assert close(render(people, views).images.cpu(), drawn.images)
