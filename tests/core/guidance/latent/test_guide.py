"""dL/dz against autograd through the whole chain, and the shifted estimate in closed form."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from networks import images, in_float64, small_arcface
from small_decoder import SmallDecoder
from tolerances import assert_same, rounding

from pdgrad_core.alignment import align_face, face_from_landmarks
from pdgrad_core.alignment.face import FFHQ_TEMPLATE, invert
from pdgrad_core.alignment.warp import warp
from pdgrad_core.diffusion.sampler import Guided, StepContext
from pdgrad_core.errors import InvalidInputError, NonFiniteError
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.guidance.latent import (
    Decoder,
    LatentGuidance,
    View,
    views_of_faces,
    views_of_pictures,
)
from pdgrad_core.guidance.strengths import make_strength
from pdgrad_core.guidance.terms import Sum, Term
from pdgrad_core.losses.identity import IdentityLoss
from pdgrad_core.losses.pixel import PixelLoss

TERMS = 4000
"""Products summed through decoder, crop and features and back, about."""


def latents(batch=1, channels=4, height=24, width=32, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, channels, height, width, generator=generator).double()


def turned_face(photo, size_px=32, scale=0.035, turn=0.3, middle=(34.0, 22.0)):
    """A face of about this place, turned, cut out of a photo."""
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = (FFHQ_TEMPLATE - FFHQ_TEMPLATE.mean(0)) @ rotation.T * scale + np.array(middle)
    return align_face(photo, face_from_landmarks(points, *photo.shape[-2:]), size_px)


def both_losses(target, networks):
    expression = Sum(
        (
            Term("arc", IdentityLoss("low"), target[:, :, :32, :32]),
            Term("pixels", PixelLoss(), target[:, :, :32, :32], weight=1e-3),
        )
    )
    return compile_guidance(expression, networks)


def loss_of(crops, target, arcface):
    """The same losses for autograd."""
    goal = target[:, :, :32, :32].expand_as(crops)
    total = 1e-3 * (crops - goal).square().sum()
    loss = IdentityLoss("low")
    taps = loss.taps(arcface)
    features = arcface.features(crops, taps)
    return total + loss(arcface, features, loss.target(arcface, goal)).sum()


CONTEXT = StepContext(torch.zeros(0), 500, 3)


@pytest.mark.parametrize("tiled", [False, True], ids=["at once", "in tiles"])
@pytest.mark.parametrize("blocks", [False, True], ids=["kept", "recomputed"])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_gradient_is_that_of_the_whole_chain(batch, blocks, tiled):
    network, arcface = SmallDecoder().double(), in_float64(small_arcface())
    photo, target = images(1, 64)[..., :48, :].double(), images(1, 48, seed=5).double()
    face = turned_face(photo)
    z = latents(batch)
    views = views_of_faces([[face]], (48, 64), z.shape, 2, windowed=False)
    decoder = Decoder(network, 2, network if blocks else None, tiled)
    guide = LatentGuidance(
        decoder, views, both_losses(target, {"arcface": arcface}), make_strength("dynamic", 0.2)
    )
    found = guide.gradient(z, CONTEXT).gradient

    leaf = z.clone().requires_grad_()
    pixels = network(leaf)
    # The clamp counts for what is seen and not for the gradient.
    pixels = pixels + (pixels.clamp(-1, 1) - pixels).detach()
    crops = torch.cat([warp(one, invert(face.matrix), 32, 32) for one in pixels.split(1)])
    crops = crops + (crops.clamp(-1, 1) - crops).detach()
    (expected,) = torch.autograd.grad(loss_of(crops, target, arcface), leaf)
    assert float(expected.abs().max()) > 0
    assert_same(found, expected, TERMS)


def test_blocks_are_computed_twice_and_left_as_they_were():
    network = SmallDecoder().double()
    z = latents(height=8, width=8)
    for module, times in ((None, 1), (network, 2)):
        guide = LatentGuidance(
            Decoder(network, 2, module),
            views_of_pictures(z.shape),
            lambda x, _: Guided(x),
            make_strength("dynamic", 0.2),
        )
        before = network.blocks[0].calls
        guide.gradient(z, CONTEXT)
        assert network.blocks[0].calls - before == times
        assert "forward" not in network.blocks[0].__dict__


def linear_case():
    """A linear decoder D and the loss |D z - y|^2 / 2 of two pictures."""
    generator = torch.Generator().manual_seed(3)
    matrix = 0.05 * torch.randn(3 * 4, 4, generator=generator).double()
    target = 0.1 * torch.randn(2, 3, 8, 8, generator=generator).double()
    z, x = (0.1 * torch.randn(2, 4, 4, 4, generator=generator).double() for _ in range(2))

    def decode(latents):
        return F.pixel_shuffle(torch.einsum("oc,bchw->bohw", matrix, latents), 2)

    def adjoint(pixels):
        return torch.einsum("oc,bohw->bchw", matrix, F.pixel_unshuffle(pixels, 2))

    return decode, adjoint, target, z, x


@pytest.mark.parametrize("repeats", [1, 3])
def test_the_update_of_a_linear_decoder_is_the_closed_form(repeats):
    decode, adjoint, target, z, x = linear_case()
    guide = LatentGuidance(
        Decoder(decode, 2),
        views_of_pictures(z.shape),
        lambda seen, _: Guided(seen - target),
        make_strength("dynamic", 0.3),
        repeats=repeats,
    )
    expected = z
    length = (x - z).flatten(1).norm(dim=1)[:, None, None, None]
    for _ in range(repeats):
        g = adjoint(decode(expected) - target)
        expected = expected - 0.3 * length * g / g.flatten(1).norm(dim=1)[:, None, None, None]
    rows = []
    found = guide(z, x, CONTEXT, rows.append)
    assert_same(found, expected, 200)
    assert [row["repeat"] for row in rows] == list(range(repeats))
    for row in rows:
        torch.testing.assert_close(row["shift_norm"], 0.3 * row["step_norm"])


def test_nothing_moves_without_strength_or_gradient():
    decode, _, target, z, x = linear_case()

    def shifted(strength, guidance):
        guide = LatentGuidance(
            Decoder(decode, 2),
            views_of_pictures(z.shape),
            guidance,
            make_strength("dynamic", strength),
        )
        return guide(z, x, CONTEXT)

    assert torch.equal(shifted(0.0, lambda seen, _: Guided(seen - target)), z)
    assert torch.equal(shifted(0.5, lambda seen, _: Guided(torch.zeros_like(seen))), z)


def test_a_weight_keeps_the_shift_where_it_is_white():
    decode, _, target, z, x = linear_case()
    weight = torch.zeros(1, 1, 4, 4)
    weight[..., :2] = 1
    guide = LatentGuidance(
        Decoder(decode, 2),
        views_of_pictures(z.shape),
        lambda seen, _: Guided(seen - target),
        make_strength("dynamic", 0.3),
        weight=weight,
    )
    moved = guide(z, x, CONTEXT) - z
    assert torch.equal(moved[..., 2:], torch.zeros_like(moved[..., 2:]))
    length = (x - z).flatten(1).norm(dim=1)
    torch.testing.assert_close(moved.flatten(1).norm(dim=1), 0.3 * length)


def test_pictures_of_a_batch_do_not_know_each_other():
    network = SmallDecoder().double()
    z = latents(3, height=8, width=8)
    goal = images(1, 16, seed=2).double()

    def gradient(part):
        guide = LatentGuidance(
            Decoder(network, 2),
            views_of_pictures(part.shape),
            lambda seen, _: Guided(seen - goal),
            make_strength("dynamic", 0.2),
        )
        return guide.gradient(part, CONTEXT).gradient

    alone = torch.cat([gradient(z[i : i + 1]) for i in range(3)])
    assert_same(gradient(z), alone, TERMS)


def test_two_faces_of_a_picture_add_up():
    decode, adjoint, _, z, _ = linear_case()
    views = [View(0, 0, 0, 4, 2), View(0, 0, 2, 4, 2), View(1, 0, 0, 4, 2)]
    guide = LatentGuidance(
        Decoder(decode, 2), views, lambda seen, _: Guided(seen), make_strength("dynamic", 0.2)
    )
    found = guide.gradient(z, CONTEXT).gradient
    expected = adjoint(decode(z))
    expected[1, :, :, 2:] = 0
    assert_same(found, expected, 200)


def test_where_sixteen_bits_overflow_the_decoder_goes_on_in_float32():
    calls = []

    def decode(dtype):
        def scaled(z):
            calls.append(dtype)
            wide = (z.to(dtype) * 300) * 300  # beyond 65504 where z is above 0.73
            rgb = (wide / 300 / 300).float()[:, :3]
            return rgb.repeat_interleave(2, -1).repeat_interleave(2, -2)

        return scaled

    z = latents(height=4, width=4).float()
    precise = Decoder(decode(torch.float32), 2)
    coarse = Decoder(decode(torch.float16), 2, precise=lambda: precise)
    guide = LatentGuidance(
        coarse, views_of_pictures(z.shape), lambda x, _: Guided(x), make_strength("dynamic", 0.2)
    )
    found = guide.gradient(z, CONTEXT).gradient
    assert calls == [torch.float16, torch.float32]
    expected = torch.zeros_like(z)
    expected[:, :3] = 4 * z[:, :3].clamp(-1, 1)
    assert_same(found, expected, 16)
    guide.gradient(z, CONTEXT)
    assert calls[2:] == [torch.float32]


@pytest.mark.parametrize("size", [1e-12, 1e9])
def test_sixteen_bits_carry_gradients_of_any_size(size):
    z = latents(height=4, width=4).float()
    guide = LatentGuidance(
        Decoder(lambda z: (z.half() / 8).float()[:, :3], 1),
        views_of_pictures(z.shape),
        lambda x, _: Guided(size * torch.ones_like(x)),
        make_strength("dynamic", 0.2),
    )
    found = guide.gradient(z, CONTEXT).gradient[:, :3] / size
    expected, close = torch.full_like(found, 1 / 8), rounding(torch.float16)
    torch.testing.assert_close(found, expected, rtol=close, atol=0)


def test_a_decoder_that_gives_nan_is_an_error():
    z = latents(height=4, width=4)
    guide = LatentGuidance(
        Decoder(lambda z: z[:, :3] * torch.nan, 1),
        views_of_pictures(z.shape),
        lambda x, _: Guided(x),
        make_strength("dynamic", 0.2),
    )
    with pytest.raises(NonFiniteError, match="at timestep 500"):
        guide.gradient(z, CONTEXT)


def test_jitter_is_seeded_moves_with_the_steps_and_keeps_its_range():
    seen = []

    def look(crops, _):
        seen.append(crops)
        return Guided(crops)

    ramp = torch.arange(12.0).expand(1, 3, 12, 12) / 100
    guide = LatentGuidance(
        Decoder(lambda z: z, 1),
        views_of_pictures(ramp.shape),
        look,
        make_strength("dynamic", 0.2),
        jitter_px=2,
        seed=7,
    )
    for index in (0, 1, 2, 3, 0):
        guide.gradient(ramp, StepContext(torch.zeros(0), 500, index))
    # What lies two pixels inside shows by how much the ramp was moved.
    moved = [round(float(100 * (one[0, 0, 5, 5] - ramp[0, 0, 5, 5]))) for one in seen]
    assert moved[0] == moved[-1]
    assert len(set(moved)) > 1
    assert all(abs(one) <= 2 for one in moved)


def test_a_photo_that_is_not_the_sampled_picture_is_refused():
    face = turned_face(images(1, 64)[..., :48, :])
    with pytest.raises(InvalidInputError, match=r"photo of 64x48 pixels.*has 32x24"):
        views_of_faces([[face]], (48, 64), (1, 4, 12, 16), 2)
    with pytest.raises(InvalidInputError, match="of 2 photos, but 3"):
        views_of_faces([[face]] * 2, (48, 64), (3, 4, 24, 32), 2)
    with pytest.raises(InvalidInputError, match="no face"):
        views_of_faces([[]], (48, 64), (3, 4, 24, 32), 2)
