"""PGDiff's properties by hand: lightness, colour statistics, quality, and their bad inputs."""

import pytest
import torch
from golden import assert_near
from networks import images, small_vgg

from pdgrad_core.errors import InvalidInputError
from pdgrad_core.features.pixels import Pixels
from pdgrad_core.losses.adversarial import AdversarialLoss
from pdgrad_core.losses.color_statistics import CELEBA_HQ, ColorStatistics, ColorStatisticsLoss
from pdgrad_core.losses.lightness import LightnessLoss
from pdgrad_core.losses.pixel import PixelLoss
from pdgrad_core.losses.squared_perceptual import SquaredPerceptualLoss

PIXELS = Pixels()


def test_lightness_by_hand_and_masked():
    x = {"image": torch.tensor([[0.3, 0.0], [0.6, 0.0], [0.0, 0.9]]).view(1, 3, 1, 2)}
    y = torch.zeros(1, 3, 1, 2)
    loss = LightnessLoss()
    value, g = loss.cotangent(PIXELS, x, loss.target(PIXELS, y))
    assert_near(value, torch.tensor([3 * (0.3**2 + 0.3**2)]), 1e-6)
    assert_near(g["image"], torch.full((1, 3, 1, 2), 0.6), 1e-6)
    masked = LightnessLoss(torch.tensor([0.0, 0.5]).view(1, 1, 1, 2))
    value, g = masked.cotangent(PIXELS, x, loss.target(PIXELS, y))
    assert_near(value, torch.tensor([3 * 0.3**2]), 1e-6)
    assert torch.equal(g["image"][..., 1], torch.zeros(1, 3, 1))


def test_an_image_of_the_right_colours_costs_nothing():
    image = images(1, 16)
    own = ColorStatistics(
        tuple(image.mean((0, 2, 3)).tolist()), tuple(image.std((2, 3)).flatten().tolist())
    )
    value, g = ColorStatisticsLoss(own).cotangent(PIXELS, {"image": image}, {})
    assert value.item() < 1e-5
    assert g["image"].abs().max() < 1e-3


def test_colour_statistics_by_hand():
    # One channel moves from mean 0, deviation 0.5 to mean 0.5, deviation 0.5: 0.5 off everywhere.
    values = torch.tensor([-0.5, 0.5, -0.5, 0.5]) * (3 / 4) ** 0.5
    image = values.view(1, 1, 2, 2).expand(1, 3, 2, 2)
    style = ColorStatistics((0.5, 0.0, 0.0), (0.5, 0.5, 0.5))
    value, g = ColorStatisticsLoss(style, stop_gradient=True).cotangent(
        PIXELS, {"image": image}, {}
    )
    assert_near(value, torch.tensor([4 * 0.25]), 1e-3)
    assert_near(g["image"][:, 0], torch.full((1, 2, 2), -1.0), 1e-3)
    assert g["image"][:, 1:].abs().max() < 1e-3


def test_differentiating_through_adain_leaves_the_mean_alone():
    # AdaIN's result does not depend on x0hat's mean, so only x0hat itself answers for it.
    image = images(1, 8, seed=3) * 0.3
    _, through = ColorStatisticsLoss().cotangent(PIXELS, {"image": image}, {})
    _, stopped = ColorStatisticsLoss(stop_gradient=True).cotangent(PIXELS, {"image": image}, {})
    assert_near(through["image"].mean((2, 3)), stopped["image"].mean((2, 3)), 1e-6)
    assert not torch.allclose(through["image"], stopped["image"], atol=1e-2)


def test_a_style_is_the_average_of_its_pictures():
    first, second = images(1, 16, seed=1), images(1, 24, seed=2) * 0.5
    style = ColorStatistics.of([first, second])
    for found, statistic in ((style.mean, torch.mean), (style.std, torch.std)):
        expected = [statistic(image[0].flatten(1), 1) for image in (first, second)]
        assert_near(torch.tensor(found), (expected[0] + expected[1]) / 2, 2e-3)
    assert ColorStatistics() == CELEBA_HQ


def test_grey_or_missing_pictures_make_no_style():
    grey = images(1, 16)[:, :1].expand(1, 3, 16, 16)
    with pytest.raises(InvalidInputError, match="Picture 2 of the colour style is grey"):
        ColorStatistics.of([images(1, 16), grey])
    with pytest.raises(InvalidInputError, match="at least one picture, not none"):
        ColorStatistics.of([])


@pytest.mark.parametrize("loss", [PixelLoss, LightnessLoss])
def test_a_mask_of_another_size_is_refused_before_sampling(loss):
    with pytest.raises(InvalidInputError, match=r"mask is 8x8 pixels, but the image .* is 16x16"):
        loss(torch.zeros(1, 1, 8, 8)).target(PIXELS, images(1, 16))
    with pytest.raises(InvalidInputError, match="1 where a pixel is missing"):
        loss(torch.zeros(8, 8))


def test_vgg_distances_add_up_over_layers():
    network = small_vgg()
    x, y = images(1, 16, seed=1), images(1, 16, seed=2)
    total = 0.0
    for layer in ("conv1_2", "conv2_2"):
        a, b = network.features(x, [layer])[layer], network.features(y, [layer])[layer]
        total = total + ((a - b) ** 2).sum()
    loss = SquaredPerceptualLoss(("conv1_2", "conv2_2"))
    features = network.features(x, loss.layers)
    value = loss(network, features, loss.target(network, y))
    assert_near(value, total.view(1), 0, rtol=1e-5)
    with pytest.raises(InvalidInputError, match="at least one VGG16 layer"):
        SquaredPerceptualLoss(())


def test_adversarial_by_hand():
    score = {"score": torch.tensor([[0.0], [2.0]])}
    value, g = AdversarialLoss().cotangent(PIXELS, score, {})
    assert_near(value, torch.tensor([0.693147, 0.126928]), 1e-6)
    assert_near(g["score"], torch.tensor([[-0.5], [-0.119203]]), 1e-6)
    value, g = AdversarialLoss("linear").cotangent(PIXELS, score, {})
    assert value.tolist() == [0, -2]
    assert g["score"].flatten().tolist() == [-1, -1]
    with pytest.raises(InvalidInputError, match="needs a discriminator, not 'pixels'"):
        AdversarialLoss().taps(PIXELS)
    with pytest.raises(InvalidInputError, match="logistic, linear"):
        AdversarialLoss("hinge")
