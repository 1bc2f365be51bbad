"""Finding faces with RetinaFace."""

import math
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import Self

from ..checkpoints import load_checkpoint, load_strict
from ..dependencies import require_alone
from ..errors import InvalidInputError
from ..images import check_finite, check_image, resize
from ..parameters import Param
from ..true_float32 import true_float32
from .face import Face

# RetinaFace's anchors: stride of each feature map and the two box sides at each of its positions.
ANCHORS = ((8, (16, 32)), (16, (64, 128)), (32, (256, 512)))

# Scales of the network's outputs: positions in units of 0.1 anchor sides, sizes in exp(0.2 l).
POSITION_SCALE, SIZE_SCALE = 0.1, 0.2

BGR_MEAN = (104.0, 117.0, 123.0)

OVERLAP = 0.4
"""Boxes that share more than this fraction of their union are one face."""

MAX_SIDE_PX = 2150
"""The network is never given a longer side."""


class FaceDetector:
    """RetinaFace (ResNet-50), with facexlib's network.

    Source: Deng et al. 2020, as facexlib carries it.
    Deviations: the photo is brought to one size first, as CodeFormer does, because the largest
        anchors are 512 px; the box arithmetic is our own.

    Args:
        network: `(1, 3, H, W)` BGR of 0..255 less the mean -> boxes `(1, N, 4)`, class
            probabilities `(1, N, 2)`, landmarks `(1, N, 10)`.
        threshold: Lowest score of a face, from 0 to 1.
        short_side_px: The shorter side is brought to this many pixels first; None keeps the size.
    """

    def __init__(
        self, network: nn.Module, threshold: float = 0.97, short_side_px: int | None = 640
    ) -> None:
        Param(0.0, 1.0).check("threshold", threshold)
        if short_side_px is not None:
            Param(64, MAX_SIDE_PX, 1, "px").check("short_side_px", short_side_px)
        self.network = network.eval().requires_grad_(False)
        self.threshold = threshold
        self.short_side_px = short_side_px

    def to(self, device: torch.device | str) -> Self:
        """Move the network and return the detector itself."""
        with torch.inference_mode(False):
            self.network.to(device)
        return self

    @true_float32()
    def __call__(self, photo: Tensor, threshold: float | None = None) -> list[Face]:
        """Find the faces of one photo.

        Args:
            photo: `(1, 3, H, W)` in [-1, 1].
            threshold: Lowest score for this photo, instead of the detector's own.

        Returns:
            The faces in the photo's pixels, the surest first; none is no error here.

        Raises:
            InvalidInputError: Not one finite image.
        """
        threshold = self.checked(photo, threshold)
        with torch.inference_mode(False), torch.no_grad():
            home = next(self.network.parameters())
            image = self.resized(
                photo.to(home.device, torch.float32, copy=True), self.short_side_px
            )
            height, width = image.shape[-2:]
            mean = torch.tensor(BGR_MEAN, device=image.device).view(1, 3, 1, 1)
            bgr = ((image + 1) * 127.5).flip(1) - mean
            outputs = self.network(bgr.to(home.dtype))
        boxes, scores, landmarks = (output[0].float().cpu() for output in outputs)
        for values in (boxes, scores, landmarks):
            check_finite(values, "What the face detector found", "check its weights")
        ratio = torch.tensor([photo.shape[-1] / width, photo.shape[-2] / height])
        return _faces(boxes, scores[:, 1], landmarks, (height, width), ratio, threshold)

    def checked(self, photo: Tensor, threshold: float | None) -> float:
        """Return the threshold for a photo, if both can be used; see `__call__`."""
        check_image(photo, "The photo")
        if photo.shape[0] != 1:
            raise InvalidInputError(f"Expected one photo, found a batch of {photo.shape[0]}.")
        threshold = self.threshold if threshold is None else threshold
        Param(0.0, 1.0).check("threshold", threshold)
        return threshold

    @staticmethod
    def resized(photo: Tensor, short_side_px: int | None) -> Tensor:
        """Return a photo whose shorter side has so many pixels, its longer one not too many."""
        height, width = photo.shape[-2:]
        factor = short_side_px / min(height, width) if short_side_px else 1.0
        factor = min(factor, MAX_SIDE_PX / max(height, width))
        return resize(photo, max(1, round(height * factor)), max(1, round(width * factor)))


def load_detector(
    path: Path | str,
    device: torch.device | str = "cpu",
    threshold: float = 0.97,
    short_side_px: int | None = 640,
) -> FaceDetector:
    """Make a detector with the weights of `detection_Resnet50_Final.pth`; nothing is downloaded.

    Args:
        path: The weight file.
        device: Where it is to work.
        threshold: Lowest score of a face, from 0 to 1.
        short_side_px: The photo's shorter side is brought to this many pixels; None keeps it.

    Raises:
        CheckpointError: The file is missing, damaged, unsafe, or of another network.
        MissingDependencyError: facexlib is not installed.
    """
    checkpoint = load_checkpoint(path)
    with torch.inference_mode(False):
        network = retinaface_network()
        load_strict(network, checkpoint, "the face detector RetinaFace (ResNet-50)")
        return FaceDetector(network, threshold, short_side_px).to(device)


def retinaface_network() -> nn.Module:
    """Return facexlib's RetinaFace with random weights.

    facexlib's own `init_detection_model` would download weights; its class does not.
    """
    facexlib = require_alone(
        "facexlib.detection.retinaface", "facexlib", "Face detection", unused=["cv2"]
    )
    with warnings.catch_warnings():
        # It calls torchvision with an argument that has been renamed since.
        warnings.simplefilter("ignore")
        return facexlib.RetinaFace(network_name="resnet50", half=False, device="cpu")


def anchors(height: int, width: int) -> Tensor:
    """Return RetinaFace's anchor boxes for an input size.

    Returns:
        `(N, 4)` float32: centre x and y, width, height, pixels; by feature map, row, column, size.
    """
    levels: list[Tensor] = []
    for stride, sides in ANCHORS:
        y = (torch.arange(math.ceil(height / stride)) + 0.5) * stride
        x = (torch.arange(math.ceil(width / stride)) + 0.5) * stride
        rows, columns, side = torch.meshgrid(
            y, x, torch.tensor(sides, dtype=torch.float32), indexing="ij"
        )
        levels.append(torch.stack([columns, rows, side, side], dim=-1).reshape(-1, 4))
    return torch.cat(levels)


def _faces(
    boxes: Tensor,
    scores: Tensor,
    landmarks: Tensor,
    size: tuple[int, int],
    ratio: Tensor,
    threshold: float,
) -> list[Face]:
    """Turn the network's numbers into faces.

    Args:
        boxes: `(N, 4)`.
        scores: `(N,)`, probability of a face.
        landmarks: `(N, 10)`.
        size: Height and width of the network's input.
        ratio: `(2,)` photo pixels per input pixel, x and y.
        threshold: Lowest score.
    """
    from torchvision.ops import nms

    sure = scores > threshold
    anchor, boxes, scores, landmarks = (
        values[sure] for values in (anchors(*size), boxes, scores, landmarks)
    )
    centre = anchor[:, :2] + boxes[:, :2] * POSITION_SCALE * anchor[:, 2:]
    sides = anchor[:, 2:] * torch.exp(boxes[:, 2:] * SIZE_SCALE)
    boxes = torch.cat([centre - sides / 2, centre + sides / 2], dim=1) * ratio.repeat(2)
    points = landmarks.reshape(-1, 5, 2) * POSITION_SCALE * anchor[:, None, 2:]
    points = (points + anchor[:, None, :2]) * ratio
    # `nms` returns the surest first.
    return [
        Face(
            (float(b[0]), float(b[1]), float(b[2]), float(b[3])),
            float(score),
            p.numpy().astype(np.float64),
        )
        for b, score, p in (
            (boxes[i], scores[i], points[i]) for i in nms(boxes, scores, OVERLAP).tolist()
        )
    ]
