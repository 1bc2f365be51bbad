"""Which detector is used: RetinaFace where its weights are, else the small one."""

import logging
from pathlib import Path

import torch

from ..errors import MissingDependencyError
from .detect import FaceDetector, load_detector
from .yunet import load_yunet

logger = logging.getLogger(__name__)


def best_detector(
    retinaface: Path | None,
    device: torch.device | str = "cpu",
    threshold: float = 0.97,
    short_side_px: int | None = 640,
) -> FaceDetector:
    """Load RetinaFace, or YuNet where that is not here, and log which.

    Args:
        retinaface: `detection_Resnet50_Final.pth`; None where it is not here.
        device: Where the detector is to work.
        threshold: Lowest score of a face, from 0 to 1; both detectors are held to one scale.
        short_side_px: The photo's shorter side is brought to this many pixels; None keeps it.

    Raises:
        CheckpointError: A file that is here is damaged, unsafe, or of another network.
    """
    why = "detection_Resnet50_Final.pth (RetinaFace) is not here"
    if retinaface is not None:
        try:
            detector = load_detector(retinaface, device, threshold, short_side_px)
        except MissingDependencyError as error:
            why = f"RetinaFace cannot be used: {error}"
        else:
            logger.info("Faces are found by RetinaFace (%s).", retinaface.name)
            return detector
    logger.info("Faces are found by YuNet, which comes with this package; %s.", why)
    return load_yunet(None, device, threshold, short_side_px)
