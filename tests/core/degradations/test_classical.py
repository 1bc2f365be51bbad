import io
import math

import numpy as np
import pytest
import torch
from PIL import Image
from tolerances import WINDOW, assert_same

from pdgrad_core.degradations import classical


def random_image(height=24, width=20, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, height, width, generator=generator) * 2 - 1


def test_gaussian_window_by_hand():
    window = classical.gaussian_kernel_1d(1.0, 3)
    side = math.exp(-0.5)
    expected = [side / (1 + 2 * side), 1 / (1 + 2 * side), side / (1 + 2 * side)]
    assert window.tolist() == pytest.approx(expected, rel=1e-6)


def test_gaussian_of_width_zero_is_the_identity():
    image = random_image()
    window = classical.gaussian_kernel_1d(0.0, 5)
    assert window.tolist() == [0, 0, 1, 0, 0]
    assert torch.equal(classical.blur_separable(image, window), image)


@pytest.mark.parametrize(
    "kernel",
    [
        classical.gaussian_kernel_2d((3.0, 1.0), 30.0, 21),
        classical.gaussian_kernel_2d((2.0, 0.0), 0.0, 9),
        classical.motion_kernel(15.0, 33.0, 41),
        classical.motion_kernel(41.0, 135.0, 41),
        classical.motion_kernel(1.0, 0.0, 3),
    ],
    ids=["gaussian", "line", "motion", "longest motion", "no motion"],
)
def test_kernels_sum_to_one_and_are_point_symmetric(kernel):
    assert kernel.sum().item() == pytest.approx(1.0, abs=1e-6)
    assert (kernel >= 0).all()
    assert_same(kernel, kernel.flip(0, 1))


def test_gaussian_kernel_axes():
    flat = classical.gaussian_kernel_2d((4.0, 1.0), 0.0, 41)
    upright = classical.gaussian_kernel_2d((4.0, 1.0), 90.0, 41)
    offset = torch.arange(41) - 20.0
    assert (flat.sum(0) * offset**2).sum().item() == pytest.approx(16.0, rel=1e-3)
    assert (flat.sum(1) * offset**2).sum().item() == pytest.approx(1.0, rel=1e-3)
    assert_same(flat, upright.T)


def test_motion_kernel_by_hand():
    # Straight along x from -1 to 1, each position shared by its two neighbours.
    kernel = classical.motion_kernel(3.0, 0.0, 5)
    assert kernel[[0, 1, 3, 4]].sum().item() == pytest.approx(0.0, abs=1e-6)
    assert kernel[2].tolist() == pytest.approx([0, 0.25, 0.5, 0.25, 0], abs=1e-6)
    assert_same(classical.motion_kernel(3.0, 90.0, 5), kernel.T, scale=1.0)


def test_fourier_and_separable_blur_agree():
    image = random_image()
    window = classical.gaussian_kernel_1d(2.0, 11)
    direct = classical.blur_separable(image, window)
    fourier = classical.blur(image, window[:, None] * window[None])
    assert_same(direct, fourier, WINDOW)


def test_blur_moves_nothing():
    image = torch.zeros(1, 3, 31, 31)
    image[..., 15, 12] = 1.0
    kernel = classical.motion_kernel(7.0, 20.0, 9)
    blurred = classical.blur(image, kernel)
    assert_same(blurred[0, 0, 11:20, 8:17], kernel, scale=1.0)


@pytest.mark.parametrize("size", [(16, 16), (3, 5), (1, 1)])
def test_kernels_larger_than_the_image_keep_a_flat_image(size):
    image = torch.full((1, 3, *size), 0.3)
    window = classical.gaussian_kernel_1d(15.0, 41)
    assert_same(classical.blur_separable(image, window), image, 2 * 41)
    kernel = classical.gaussian_kernel_2d((15.0, 4.0), 40.0, 41)
    assert_same(classical.blur(image, kernel), image, 41 * 41)


def test_edges_are_mirrored_about_the_edge_pixel():
    row = torch.arange(4.0).expand(1, 3, 1, 4)
    padded = classical._mirrored(row, 5)
    assert padded[0, 0, 0].tolist() == [1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2]


def test_noise_has_the_stated_width():
    image = torch.zeros(1, 3, 128, 128)
    noisy = classical.add_noise(image, 10.0, torch.Generator().manual_seed(0))
    assert (noisy.std() * 127.5).item() == pytest.approx(10.0, rel=0.02)


def test_jpeg_is_pillows():
    image = random_image()
    pixels = ((image[0].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=40, subsampling="4:2:0")
    expected = np.asarray(Image.open(file)) / 127.5 - 1
    found = classical.compress(image, 40)[0].permute(1, 2, 0).numpy()
    assert np.allclose(found, expected, atol=1e-6)


def test_plain_linear_shrinking_by_hand():
    # OpenCV's convention: by four, the mean of the two middle samples, without low-pass.
    row = torch.tensor([0.0, 0.2, 0.6, 0.9, 0.0, 0.0, 1.0, 0.5]).expand(1, 3, 8, 8)
    small = classical.resize_to(row, 2, 2, "bilinear", antialias=False)
    assert small[0, 0, 0].tolist() == pytest.approx([0.4, 0.5])
