"""Windows, crops, tiles, steps and the low-pass on latents."""

import numpy as np
import pytest
import torch
from networks import images
from small_decoder import SmallDecoder
from tolerances import assert_same

from pdgrad_core.alignment import align_face, face_from_landmarks, take_as_aligned
from pdgrad_core.alignment.face import FFHQ_TEMPLATE
from pdgrad_core.alignment.warp import warp
from pdgrad_core.contractions.low_pass import LowPass
from pdgrad_core.diffusion.sampler import StepContext
from pdgrad_core.errors import InvalidInputError
from pdgrad_core.guidance.latent import (
    GuidedSteps,
    decode_in_tiles,
    in_latents,
    views_of_faces,
)
from pdgrad_core.guidance.latent.decoding import clamped


def small_face(photo, middle, size_px=32, scale=0.05):
    points = (FFHQ_TEMPLATE - 256) * scale + np.array(middle)
    return align_face(photo, face_from_landmarks(points, *photo.shape[-2:]), size_px)


def test_a_crop_of_the_window_is_the_crop_of_the_picture():
    picture = images(1, 128).double()
    photo = picture.float()
    for middle in ((64.0, 64.0), (20.0, 30.0), (112.0, 100.0)):
        face = small_face(photo, middle)
        (view,) = views_of_faces([[face]], (128, 128), (1, 4, 64, 64), 2)
        assert view.height < 64 and view.width < 64
        rows, columns = 2 * view.top, 2 * view.left
        part = picture[..., rows : rows + 2 * view.height, columns : columns + 2 * view.width]
        # Antialiasing of a part cut elsewhere may begin its blocks elsewhere; here none is needed.
        torch.testing.assert_close(view.cut(part, 2).float(), face.crop, atol=2e-5, rtol=0)


def test_a_window_holds_its_face_with_a_margin_and_stays_in_the_picture():
    photo = images(1, 128)
    face = small_face(photo, (20.0, 100.0))
    (view,) = views_of_faces([[face]], (128, 128), (1, 4, 64, 64), 2)
    # The crop is 512 x 0.05 = 25.6 px wide around (20, 100): 7.2 to 32.8 and 87.2 to 112.8.
    assert (view.top, view.left) == (43 - 8, 0)
    assert (view.height, view.width) == (64 - 35, 17 + 8)
    (narrow,) = views_of_faces([[face]], (128, 128), (1, 4, 64, 64), 2, margin=2)
    assert (narrow.top, narrow.left) == (43 - 2, 3 - 2)
    assert (narrow.height, narrow.width) == (57 - 43 + 4, 17 - 3 + 4)


def test_a_face_that_fills_the_picture_is_decoded_whole():
    face = take_as_aligned(images(1, 64), 64)
    (view,) = views_of_faces([[face]], (64, 64), (1, 4, 32, 32), 2)
    assert (view.top, view.left, view.height, view.width) == (0, 0, 32, 32)
    pixels = images(1, 64, seed=3)
    torch.testing.assert_close(view.cut(pixels, 2), pixels, atol=1e-5, rtol=0)


def test_what_an_encoder_crops_is_left_out():
    photo = images(1, 67)
    face = small_face(photo, (33.0, 33.0))
    (view,) = views_of_faces([[face]], (67, 67), (1, 4, 8, 8), 8, windowed=False)
    # 67 = 8 x 8 + 3: one pixel is dropped at the left and at the top.
    torch.testing.assert_close(view.cut(photo[..., 1:65, 1:65], 8), face.crop, atol=2e-5, rtol=0)


@pytest.mark.parametrize("density", [0.6, 2.3], ids=["enlarging", "shrinking"])
def test_the_crop_has_its_adjoint(density):
    turn = density * np.array([[0.8, -0.6], [0.6, 0.8]])
    matrix = np.hstack([turn, [[14.0], [3.0]]])
    x = images(1, 40).double().requires_grad_()
    y = images(1, 16, seed=2).double()
    seen = warp(x, matrix, 16, 16)
    (pulled,) = torch.autograd.grad(seen, x, y)
    assert_same((seen.detach() * y).sum(), (x.detach() * pulled).sum(), 5000, scale=100.0)


def test_the_clamp_is_seen_and_lets_the_gradient_through():
    x = torch.tensor([-3.0, 0.25, 1.5]).requires_grad_()
    seen = clamped(x)
    (pulled,) = torch.autograd.grad(seen, x, torch.ones(3))
    assert seen.tolist() == [-1.0, 0.25, 1.0]
    assert pulled.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("size", [(20, 30), (9, 50), (8, 8)])
def test_tiles_of_a_local_decoder_are_the_picture(size):
    z = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0)).double()

    def decode(part):
        return part.repeat_interleave(4, -1).repeat_interleave(4, -2)

    assert_same(decode_in_tiles(decode, z, 4, tile=12, overlap=4), decode(z), 16)


def test_tiles_of_a_network_are_close_to_the_picture():
    network = SmallDecoder().double()
    z = torch.randn(1, 4, 20, 30, generator=torch.Generator().manual_seed(0)).double()
    whole = network(z)
    apart = (decode_in_tiles(network, z, 2, tile=14, overlap=6) - whole).abs().mean()
    assert 0 < apart < 0.2 * whole.abs().mean()  # group norms are of a tile


def test_steps_follow_the_schedule():
    sigmas = [10.0, 6.0, 3.0, 1.0, 0.5, 0.0]
    steps = GuidedSteps(sigmas, start=6.0, end=1.0, every=2)
    assert [steps.index(one) for one in (10.0, 7.0, 6.0 * (1 + 1e-6), 3.0, 2.0, 0.5, 0.1)] == [
        *(0, 0, 1, 2, 2, 4, 4)
    ]
    assert [steps.is_guided(one) for one in sigmas[:-1]] == [False, True, False, True, False]
    assert steps.total == 2
    assert GuidedSteps(sigmas).total == 5
    assert GuidedSteps(sigmas, start=0.9, end=0.6).total == 0


def test_an_unknown_schedule_counts_calls():
    steps = GuidedSteps([], every=3)
    assert [steps.is_guided(1.0, calls) for calls in range(5)] == [True, False, False, True, False]
    assert steps.total == 0


CONTEXT = StepContext(torch.zeros(0), 400, 0)


@pytest.mark.parametrize("noisy", [0.0, 16.0])
def test_without_a_latent_space_the_low_pass_is_the_pixels_one(noisy):
    image, x = images(1, 32), images(2, 32, seed=4)
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., :8] = 1
    pixels = LowPass(image, mask, factor=4.0, noisy_factor=noisy, weight=0.5)
    (latent,) = in_latents([pixels], lambda one: one, 1)
    torch.testing.assert_close(latent(x, CONTEXT), pixels(x, CONTEXT))


def test_the_low_pass_counts_in_cells_and_keeps_its_target():
    image = images(1, 64)
    (found,) = in_latents(
        [LowPass(image, factor=32.0, until=100)], lambda one: one[..., ::8, ::8], 8
    )
    assert found.factor == 4.0
    z = image[..., ::8, ::8]
    assert torch.equal(found(z, CONTEXT), z)
    other = images(1, 8, seed=9)
    assert not torch.equal(found(other, CONTEXT), other)
    assert found(other, StepContext(torch.zeros(0), 99, 0)) is other


def test_a_low_pass_of_another_size_or_kind_is_refused():
    (found,) = in_latents([LowPass(images(1, 64))], lambda one: one[..., ::8, ::8], 8)
    with pytest.raises(InvalidInputError, match=r"latents of \(3, 8, 8\), but 1 of \(3, 8, 9\)"):
        found(torch.zeros(1, 3, 8, 9), CONTEXT)
    with pytest.raises(InvalidInputError, match="needs the pixels"):
        in_latents([lambda x, _: x], lambda one: one, 8)
