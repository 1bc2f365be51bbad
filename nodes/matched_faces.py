"""What Match People gives out: crops, what guides each, and pictures with names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.alignment import draw_names
from ..pdgrad_core.people import Guide
from .boundary import to_host
from .sockets import Guides, Placement

if TYPE_CHECKING:
    from ..pdgrad_core.alignment import AlignedFace
    from ..pdgrad_core.people import Match
    from .frames import Frames
    from .known_people import WhoIsWho


def matched_output(
    photos: Frames,
    found: Sequence[Sequence[AlignedFace]],
    who: WhoIsWho,
    matches: Sequence[Sequence[Match]],
) -> io.NodeOutput:
    """Return Match People's outputs.

    Args:
        photos: The batch.
        found: Each photo's faces.
        who: Whom they were compared with.
        matches: Who they are.
    """
    crops = [face.crop for here in found for face in here]
    flat = [match for here in matches for match in here]
    guides = [_usable(guide, crop) for guide, crop in zip(who.guides(flat), crops, strict=True)]
    best = [guide.references[guide.weights.index(max(guide.weights))] for guide in guides]
    names: list[Tensor] = []
    count = 0
    for number, here in enumerate(found):
        labels = [f"{count + i} {label(match)}" for i, match in enumerate(matches[number])]
        names.append(draw_names(photos.photo(number), here, labels))
        count += len(here)
    height, width = photos.given.shape[1:3]
    report = who.report(flat)
    return io.NodeOutput(
        to_host(torch.cat(crops)),
        Placement(tuple(map(tuple, found)), (height, width)),
        to_host(torch.cat(best)),
        Guides(tuple(guides)),
        report,
        to_host(torch.cat(names)),
        ui={"text": [report]},
    )


def label(match: Match) -> str:
    """Return what stands at a face: its person's name and the cosine."""
    return f"{match.name} {match.similarity:.2f}" if match.person is not None else "?"


def _usable(guide: Guide, crop: Tensor) -> Guide:
    """Return what guides a face; an unknown one's own crop, which counts for nothing."""
    return guide if guide.known else Guide((crop,), (0.0,))
