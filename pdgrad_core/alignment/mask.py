"""Which part of a crop goes back into the photo."""

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import Self

from ..checkpoints import load_checkpoint, load_strict
from ..dependencies import require_alone
from ..images import check_image, resize
from ..true_float32 import true_float32

PARSER_SIZE_PX = 512

# ParseNet's 19 classes are those of CelebAMask-HQ: 0 background, 1-12 skin and features, 13 hair,
# 14 hat, 15 earring, 16 necklace, 17 neck, 18 cloth. The face with its hair goes back.
PASTED_CLASSES = (*range(1, 14), 15)

# Softness of the mask at 512 px: facexlib blurs twice by 11 px.
SOFTNESS_PX = 11.0 * math.sqrt(2.0)


class FaceParser:
    """ParseNet: the outline of face and hair in an aligned crop, softened.

    Source: facexlib's ParseNet, as CodeFormer and GFPGAN use it for pasting.
    Deviations: none but the order of blurring and resizing.

    Args:
        network: `(B, 3, 512, 512)` in [-1, 1] -> class scores `(B, 19, 512, 512)` and an image.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network.eval().requires_grad_(False)

    def to(self, device: torch.device | str) -> Self:
        """Move the network and return the parser itself."""
        with torch.inference_mode(False):
            self.network.to(device)
        return self

    @true_float32()
    def __call__(self, crop: Tensor) -> Tensor:
        """Return the mask `(B, 1, S, S)`, 0 to 1, float32 on the CPU, for crops `(B, 3, S, S)`."""
        check_image(crop, "The crop")
        height, width = crop.shape[-2:]
        with torch.inference_mode(False), torch.no_grad():
            home = next(self.network.parameters())
            image = crop.to(home.device, home.dtype, copy=True)
            classes = self.network(resize(image, PARSER_SIZE_PX, PARSER_SIZE_PX))[0].argmax(1).cpu()
        inside = torch.isin(classes, torch.tensor(PASTED_CLASSES))[:, None].float()
        return resize(_softened(inside), height, width).clamp(0, 1)


def load_parser(path: Path | str, device: torch.device | str = "cpu") -> FaceParser:
    """Make a parser with the weights of `parsing_parsenet.pth`; nothing is downloaded.

    Raises:
        CheckpointError: The file is missing, damaged, unsafe, or of another network.
        MissingDependencyError: facexlib is not installed.
    """
    checkpoint = load_checkpoint(path)
    with torch.inference_mode(False):
        network = parsenet_network()
        load_strict(network, checkpoint, "the face parser ParseNet")
        return FaceParser(network).to(device)


def parsenet_network() -> nn.Module:
    """Return facexlib's ParseNet with random weights."""
    facexlib = require_alone("facexlib.parsing.parsenet", "facexlib", "Parsing a face")
    return facexlib.ParseNet(in_size=PARSER_SIZE_PX, out_size=PARSER_SIZE_PX, parsing_ch=19)


def feather(distance_px: Tensor, width_px: float) -> Tensor:
    """Return a weight that rises smoothly from 0 at the edge to 1 at `width_px` inside it.

    Args:
        distance_px: Distance inside the edge, negative outside, any shape.
        width_px: Width of the soft edge, 0 for a hard one.
    """
    if width_px <= 0:
        return (distance_px > 0).float()
    ramp = (distance_px / width_px).clamp(0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def _softened(mask: Tensor) -> Tensor:
    radius = math.ceil(3 * SOFTNESS_PX)
    offset = torch.arange(-radius, radius + 1, dtype=torch.float32)
    window = torch.exp(-0.5 * (offset / SOFTNESS_PX) ** 2)
    row = (window / window.sum()).view(1, 1, 1, -1)
    mask = F.conv2d(mask, row, padding=(0, radius))
    return F.conv2d(mask, row.transpose(-1, -2), padding=(radius, 0))
