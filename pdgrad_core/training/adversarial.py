"""What a generator and its discriminators are trained with: losses and penalties of scores.

A score is a logit: above 0 where a picture is taken for a true one. Scores may be one per picture
or a map of them; a loss is the mean over all.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def generator_loss(scores: Tensor) -> Tensor:
    """Return the mean of softplus(-D(G(z))): the non-saturating loss of the generator.

    Source: Goodfellow et al. 2014, section 3; Karras et al. 2020 (StyleGAN2); GAN prior eq. 11.

    Args:
        scores: Of made pictures, any shape.
    """
    return F.softplus(-scores).mean()


def discriminator_loss(true: Tensor, made: Tensor) -> Tensor:
    """Return the means of softplus(-D(x)) and softplus(D(G(z))), added: the cross entropy.

    Source: as `generator_loss`.

    Args:
        true: Scores of true pictures, any shape.
        made: Scores of made ones.
    """
    return F.softplus(-true).mean() + F.softplus(made).mean()


def gradient_penalty(scores: Tensor, images: Tensor) -> Tensor:
    """Return R1 without its weight: the mean over true pictures of |dD(x)/dx|^2 / 2.

    Source: Mescheder et al. 2018, eq. 9.

    Args:
        scores: Of the images, one per picture or a map that is summed.
        images: `(B, 3, H, W)`, which require gradients.

    Returns:
        A scalar that can be differentiated again.
    """
    (slope,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return slope.square().flatten(1).sum(1).mean() / 2


def path_lengths(images: Tensor, styles: Tensor, noise: Tensor) -> Tensor:
    """Return |J^T y| of every picture: how far it moves along a random direction with its style.

    Source: Karras et al. 2020 (StyleGAN2), eq. 4 and appendix B: y is divided by the root of the
        number of pixels; with a style for each layer, squares are averaged over layers.

    Args:
        images: `(B, 3, H, W)`, made from the styles.
        styles: w, `(B, D)` or `(B, L, D)`.
        noise: y, standard normal, of the images' shape.

    Returns:
        `(B,)`, which can be differentiated again.
    """
    height, width = images.shape[-2:]
    along = (images * noise).sum() / math.sqrt(height * width)
    (slope,) = torch.autograd.grad(along, styles, create_graph=True)
    squares = slope.square().sum(-1)
    return (squares if squares.ndim == 1 else squares.mean(1)).sqrt()


def path_length_penalty(lengths: Tensor, mean: Tensor) -> Tensor:
    """Return the mean square of the lengths' distance from their running mean a; eq. 4.

    Args:
        lengths: `(B,)`.
        mean: A scalar, which is taken as a constant.
    """
    return (lengths - mean.detach()).square().mean()
