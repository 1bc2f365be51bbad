"""The terms of the GAN prior's objective that compare a restored face with the true one."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..embedded import SIZE_PX, demo_weights
from ..errors import InvalidInputError
from ..features.arcface import ArcFace, load_arcface
from ..features.vgg import HEAD_TAPS, PerceptualNetwork, load_perceptual
from ..images import resize

_TINY = 1e-12
"""Keeps the slope of a root finite where two features are equal."""


def pyramid_loss(pictures: Sequence[Tensor], true: Tensor) -> Tensor:
    """Return the mean over the decoder's scales of the mean absolute error at each.

    Source: GAN prior section 3.1, after GFPGAN's pyramid restoration loss.
    Deviations: the paper gives no weight; the mean over scales, times the weight of the result's
        own L1, lets all of them together count as much as the result.

    Args:
        pictures: Of each scale, `(B, 3, s, s)`.
        true: `(B, 3, S, S)`, which is shrunk to each.
    """
    sizes = [picture.shape[-1] for picture in pictures]
    targets = [true if size == true.shape[-1] else resize(true, size, size) for size in sizes]
    errors = [(made - aim).abs().mean() for made, aim in zip(pictures, targets, strict=True)]
    return torch.stack(errors).mean()


class ContentTerms:
    """The frozen networks of two terms, and the terms.

    Source: GAN prior eqs. 14 and 15.
    Deviations: the paper names neither VGG's layers nor the norms' scale. Layers are LPIPS's five,
        each distance is a root mean square; the embeddings' is a mean absolute difference, as
        GFPGAN's, taken of embeddings of unit mean square, so that no network's own scale counts.

    Args:
        perceptual: VGG16, or None where the term is not wanted.
        identity: ArcFace, or None likewise.
    """

    def __init__(self, perceptual: PerceptualNetwork | None, identity: ArcFace | None) -> None:
        self.perceptual = perceptual
        self.identity = identity

    def feature_matching(self, made: Tensor, true: Tensor) -> Tensor:
        """Return the sum over layers of the distance between VGG's features; eq. 14."""
        assert self.perceptual is not None
        with torch.no_grad():
            aims = self.perceptual.features(true, HEAD_TAPS)
        found = self.perceptual.features(made, HEAD_TAPS)
        squares = [(found[tap] - aims[tap]).square().flatten(1).mean(1) for tap in HEAD_TAPS]
        return torch.stack([(square + _TINY).sqrt().mean() for square in squares]).sum()

    def face_preserving(self, made: Tensor, true: Tensor) -> Tensor:
        """Return the mean absolute difference of the embeddings; eq. 15."""
        assert self.identity is not None
        tap = self.identity.embedding_tap
        with torch.no_grad():
            aim = self.identity.features(true, [tap])[tap]
        return (_unit(self.identity.features(made, [tap])[tap]) - _unit(aim)).abs().mean()


def open_content_terms(
    vgg: str, arcface: str, wanted: tuple[bool, bool], size: int, device: torch.device
) -> ContentTerms:
    """Load the networks of the terms that are wanted.

    Args:
        vgg: File of VGG16; empty for the embedded one, which knows drawn faces.
        arcface: File of ArcFace; likewise.
        wanted: Whether there is a feature-matching and a face-preserving term.
        size: Side of the pictures.
        device: Where the networks are put.

    Raises:
        InvalidInputError: No file is told for pictures that the embedded networks do not know.
        CheckpointError: A file is missing, damaged, or of another network.
    """
    of_vgg = _file("vgg", vgg, "feature_matching", size) if wanted[0] else None
    of_arcface = _file("arcface", arcface, "face_preserving", size) if wanted[1] else None
    return ContentTerms(
        load_perceptual(of_vgg, device=device) if of_vgg else None,
        load_arcface(of_arcface, device) if of_arcface else None,
    )


def _file(role: str, told: str, term: str, size: int) -> Path:
    if told:
        return Path(told)
    if size > SIZE_PX:
        raise InvalidInputError(
            f"The term {term} at {size} pixels needs the weights of a network for photos, and the "
            f"embedded one knows drawn faces of {SIZE_PX}; give the option {role}=FILE, or "
            f"{term}=0."
        )
    return demo_weights(role)


def _unit(embedding: Tensor) -> Tensor:
    """Scale each embedding to unit mean square."""
    return embedding * (embedding.square().mean(1, keepdim=True) + _TINY).rsqrt()
