"""The terms that the GAN prior's restorer is trained with."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..embedded import SIZE_PX, demo_weights
from ..errors import InvalidInputError
from ..features.arcface import ArcFace, load_arcface
from ..features.vgg import HEAD_TAPS, PerceptualNetwork, load_perceptual
from ..gan.network import Restoration
from ..images import resize
from .adversarial import generator_loss
from .facial_parts import crop_parts
from .gan_prior_module import GANPriorModule

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
    """Terms that compare a restored face with the true one, and the frozen networks of two.

    Source: GAN prior eqs. 14 and 15.
    Deviations: the paper names neither VGG's layers nor the norms' scale. Layers are LPIPS's five,
        each distance is a root mean square; the embeddings' is a mean absolute difference, as
        GFPGAN's, taken of embeddings of unit mean square, so that no network's own scale counts.

    Args:
        perceptual: VGG16, or None where the term is not wanted.
        identity: ArcFace, or None likewise.
        l1: Whether L1 is wanted.
    """

    def __init__(
        self, perceptual: PerceptualNetwork | None, identity: ArcFace | None, l1: bool = True
    ) -> None:
        self.perceptual = perceptual
        self.identity = identity
        self.l1 = l1

    def __call__(self, made: Restoration, true: Tensor) -> dict[str, Tensor]:
        """Return every term that is wanted, by its weight's name.

        Args:
            made: What the restorer made.
            true: The true faces, `(B, 3, S, S)`.
        """
        terms: dict[str, Tensor] = {}
        if self.l1:  # eq. 14
            error = (made.image - true).abs().mean()
            terms["l1"] = error + pyramid_loss(made.pictures, true) if made.pictures else error
        if self.perceptual is not None:
            terms["feature_matching"] = self.feature_matching(self.perceptual, made.image, true)
        if self.identity is not None:
            terms["face_preserving"] = self.face_preserving(self.identity, made.image, true)
        return terms

    def feature_matching(self, network: PerceptualNetwork, made: Tensor, true: Tensor) -> Tensor:
        """Return the sum over layers of the distance between VGG's features; eq. 14."""
        with torch.no_grad():
            aims = network.features(true, HEAD_TAPS)
        found = network.features(made, HEAD_TAPS)
        squares = [(found[tap] - aims[tap]).square().flatten(1).mean(1) for tap in HEAD_TAPS]
        return torch.stack([(square + _TINY).sqrt().mean() for square in squares]).sum()

    def face_preserving(self, network: ArcFace, made: Tensor, true: Tensor) -> Tensor:
        """Return the mean absolute difference of the embeddings; eq. 15."""
        tap = network.embedding_tap
        with torch.no_grad():
            aim = network.features(true, [tap])[tap]
        return (_unit(network.features(made, [tap])[tap]) - _unit(aim)).abs().mean()


def adversarial_terms(
    module: GANPriorModule, made: Tensor, centres: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Return what the judges there are say of restored faces, by the weights' names.

    Args:
        module: Whose discriminators judge.
        made: `(B, 3, S, S)`.
        centres: Of the facial parts; see `part_centres`.
    """
    terms: dict[str, Tensor] = {}
    if module.discriminator is not None:  # eq. 11
        terms["adversarial"] = generator_loss(module.discriminator(made, jointly=True))
    if len(module.parts):  # eq. 12
        cut = crop_parts(made, centres)
        scores = [generator_loss(judge(cut[part])) for part, judge in module.parts.items()]
        terms["local_adversarial"] = torch.stack(scores).sum()
    return terms


def open_content_terms(options: Mapping[str, Any], size: int, device: torch.device) -> ContentTerms:
    """Load the networks of the terms that are wanted.

    Args:
        options: The objective's: the terms' weights, and the files "vgg" and "arcface", empty for
            the embedded networks, which know drawn faces.
        size: Side of the pictures.
        device: Where the networks are put.

    Raises:
        InvalidInputError: No file is told for pictures that the embedded networks do not know.
        CheckpointError: A file is missing, damaged, or of another network.
    """
    named = {
        term: _file(role, options[role], term, size)
        for term, role in (("feature_matching", "vgg"), ("face_preserving", "arcface"))
        if options[term]
    }
    vgg, arcface = named.get("feature_matching"), named.get("face_preserving")
    return ContentTerms(
        load_perceptual(vgg, device=device) if vgg else None,
        load_arcface(arcface, device) if arcface else None,
        options["l1"] > 0,
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
