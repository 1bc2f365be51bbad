"""The GAN prior as a whole: what it gives, what moves it, and which layers can be asked for."""

import pytest
import torch
import torch.nn.functional as F
from networks import images
from recipe import fill_equalised
from tolerances import assert_same, terms_of

from pdgrad_core.errors import InvalidInputError
from pdgrad_core.gan.config import GANPriorConfig, gan_prior_config, stylegan_widths
from pdgrad_core.gan.discriminator import StyleGANDiscriminator
from pdgrad_core.gan.generator import StyleGenerator
from pdgrad_core.gan.network import GANPriorNetwork
from pdgrad_core.gan.resampling import Blur, Double, blur_kernel, spread_convolution

WIDTHS = (12, 12, 8, 6)


def network(**options):
    torch.manual_seed(0)
    made = GANPriorNetwork(GANPriorConfig(WIDTHS, 16, 2, **options)).double()
    for module in made.modules():
        if type(module).__name__ == "NoiseBranch":
            module.weight.data.fill_(1.0)
    return made


@pytest.mark.parametrize("mmrb", [True, False])
@pytest.mark.parametrize("decoder", [True, False])
def test_every_scale_is_given(mmrb, decoder):
    made = network(mmrb=mmrb, decoder=decoder)
    found = made.restoration(images(2, 32).double())
    assert found.image.shape == (2, 3, 32, 32)
    assert found.w.shape == (2, 16)
    assert [tuple(h.shape[1:]) for h in found.features] == [
        (12, 4, 4), (12, 8, 8), (8, 16, 16), (6, 32, 32)
    ]  # fmt: skip
    sides = [4, 8, 16, 32] if decoder else []
    assert [tuple(p.shape) for p in found.pictures] == [(2, 3, s, s) for s in sides]
    assert torch.equal(made(images(2, 32).double()), found.image)


def test_gradients_reach_every_parameter():
    made = network()
    for block in made.mmrb.values():
        torch.nn.init.normal_(block.fuse[0].weight)
    found = made.restoration(images(2, 32).double())
    (found.image.square().mean() + sum(p.square().mean() for p in found.pictures)).backward()
    lifeless = [name for name, p in made.named_parameters() if not p.grad.abs().max() > 0]
    assert lifeless == []


def test_the_gradient_is_the_images():
    made = fill_equalised(network()).double()
    face, direction = images(1, 32).double().requires_grad_(), images(1, 32, seed=5).double()
    (slope,) = torch.autograd.grad(made(face).square().sum(), face)
    with torch.no_grad():
        ahead, behind = (made(face + d * direction).square().sum() for d in (1e-6, -1e-6))
    expected = (ahead - behind) / 2e-6
    torch.testing.assert_close((slope * direction).sum(), expected, rtol=1e-5, atol=1e-6)


def test_batch_mates_do_not_matter():
    made, faces = network(), images(3, 32).double()
    with torch.no_grad():
        together, alone = made(faces), made(faces[1:2])
    assert_same(together[1:2], alone, terms_of(made))


def test_path_lengths_and_r1_can_be_differentiated_twice():
    generator = StyleGenerator(WIDTHS, 16, 2).double()
    noise = generator.draw_noise(2, torch.Generator().manual_seed(0))
    w = generator.map(torch.randn(2, 16, dtype=torch.float64))
    image = generator(w, noise)
    (length,) = torch.autograd.grad(image.sum(), w, create_graph=True)
    length.square().sum().backward()
    assert generator.convs[0].conv.weight.grad.abs().max() > 0
    judge = StyleGANDiscriminator(WIDTHS[::-1]).double()
    real = images(2, 32).double().requires_grad_()
    (pull,) = torch.autograd.grad(judge(real, jointly=True).sum(), real, create_graph=True)
    pull.square().sum().backward()
    assert judge.convs[1].conv1[0].weight.grad.abs().max() > 0


def test_a_generator_draws_its_noise_from_the_generator_alone():
    made = StyleGenerator(WIDTHS, 16, 2)
    first, again = (made.draw_noise(2, torch.Generator().manual_seed(3)) for _ in range(2))
    assert [tuple(n.shape[1:]) for n in first] == made.noise_shapes
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_demodulation_keeps_unit_variance():
    made = StyleGenerator((64, 64, 64), 16, 2).double()
    generator = torch.Generator().manual_seed(1)
    convolution = made.convs[1].conv
    x = torch.randn(8, 128, 32, 32, generator=generator, dtype=torch.float64)
    style = torch.randn(8, 16, generator=generator, dtype=torch.float64)
    inside = convolution(x, style)[..., 1:-1, 1:-1]
    assert inside.std().item() == pytest.approx(1, abs=0.05)


def direct(x, kernel, up, pad):
    """Zeros between the pixels, zeros around, and the flipped filter, one sum at a time."""
    b, c, h, w = x.shape
    spread = x.new_zeros(b, c, h * up, w * up)
    spread[..., ::up, ::up] = x
    padded = F.pad(spread, (pad[0], pad[1], pad[0], pad[1]))
    side = padded.shape[-1] - 3
    found = x.new_zeros(b, c, side, side)
    for i in range(4):
        for j in range(4):
            window = padded[..., i : i + side, j : j + side]
            found += kernel[3 - i, 3 - j] * window
    return found


def test_low_passes_by_direct_sums():
    x = images(2, 9).double()
    for padding in (1, 2):
        blur = Blur(padding).double()
        expected = direct(x, blur.kernel, 1, (padding, padding))
        torch.testing.assert_close(blur(x), expected, rtol=0, atol=1e-13)
    double = Double().double()
    expected = direct(x, double.kernel, 2, (2, 1))
    torch.testing.assert_close(double(x), expected, rtol=0, atol=1e-13)
    assert blur_kernel().sum() == 1
    flat = torch.ones(1, 1, 6, 6).double()
    assert torch.equal(double(flat)[..., 2:-2, 2:-2], torch.ones(1, 1, 8, 8).double())


def test_four_convolutions_are_the_transposed_one():
    x, weight = torch.randn(2, 5, 4, 6).double(), torch.randn(7, 5, 3, 3).double()
    expected = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
    assert_same(spread_convolution(x, weight), expected, weight[0].numel())


def test_a_face_alone_is_restored_alike_with_and_without_a_gradient():
    made, face = fill_equalised(network()).double(), images(1, 32).double()
    with torch.no_grad():
        plain = made(face)
    assert_same(made(face).detach(), plain, terms_of(made))


@pytest.mark.parametrize("size", [0, 8, 48, 100, 2048, -64])
def test_sides_that_are_no_power_of_two_are_refused(size):
    with pytest.raises(InvalidInputError, match=f"power of two from 16 to 1024 pixels, not {size}"):
        stylegan_widths(size)
    with pytest.raises(InvalidInputError):
        gan_prior_config(size, (8, 8, 8))


def test_wrong_widths_are_refused():
    with pytest.raises(InvalidInputError, match=r"64 pixels take 5 widths, .* not 3"):
        gan_prior_config(64, (8, 8, 8))
    with pytest.raises(InvalidInputError, match="must be even, not 7"):
        gan_prior_config(32, (8, 7, 8, 8))
    assert gan_prior_config(32, (9, 7, 8, 9), mmrb=False).image_size == 32
    assert gan_prior_config(32, (9, 8, 8, 9)).mmrb
    with pytest.raises(InvalidInputError, match="1 or more"):
        gan_prior_config(32, (8, 0, 8, 8))


def test_the_table_of_widths_is_stylegan2s():
    assert stylegan_widths(1024) == (512, 512, 512, 512, 512, 256, 128, 64, 32)
    assert stylegan_widths(256, 1) == (512, 512, 512, 512, 256, 128, 64)
    assert stylegan_widths(64, 2, 0.0625) == (32, 32, 32, 32, 32)
