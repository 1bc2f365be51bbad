"""YuNet: a face detector of 76,000 parameters, whose weights come with the package."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checkpoints import load_checkpoint, load_strict
from ..true_float32 import true_float32
from .detect import OVERLAP, FaceDetector
from .face import Face

WEIGHTS = Path(__file__).with_name("yunet_n.safetensors")

STRIDES = (8, 16, 32)
"""Input pixels per position of the three feature maps."""

SIDES_PX = (640, 320, 160, 80)
"""Shorter sides at which a photo is looked at: the network knows faces of 10 to about 300 px."""

OWN_THRESHOLD = 0.6
"""The network's score that is worth as much as 0.97 of RetinaFace's."""

# One threshold has to serve both detectors: 0.6 ** _EXPONENT = 0.97.
_EXPONENT = float(np.log(0.97) / np.log(OWN_THRESHOLD))


SAME_FACE = 0.5
"""Boxes of several sizes that share more than this fraction of their union are averaged."""

SURENESS = 4
"""Power of the network's score by which they are weighted."""


class Separable(nn.Module):
    """A convolution across channels, one across 3x3 pixels, and ReLU unless it is the last."""

    def __init__(self, inputs: int, outputs: int, last: bool = False) -> None:
        super().__init__()
        self.across = nn.Conv2d(inputs, outputs, 1)
        self.spatial = nn.Conv2d(outputs, outputs, 3, padding=1, groups=outputs)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, inputs, H, W)` to `(B, outputs, H, W)`."""
        x = self.spatial(self.across(x))
        return x if self.last else F.relu(x)


class Level(nn.Module):
    """What is predicted on one feature map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shared = Separable(channels, channels)
        self.face = Separable(channels, 1, last=True)
        self.object = Separable(channels, 1, last=True)
        self.box = Separable(channels, 4, last=True)
        self.points = Separable(channels, 10, last=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return scores `(B, N)`, boxes `(B, N, 4)` and points `(B, N, 10)`, by row and column."""
        x = self.shared(x)
        scores = self.face(x).sigmoid() * self.object(x).sigmoid()
        rows = (value.flatten(2).transpose(1, 2) for value in (scores, self.box(x), self.points(x)))
        scores, boxes, points = rows
        return scores[..., 0], boxes, points


class YuNet(nn.Module):
    """The network "yunet_n", its batch norms folded into the convolutions.

    Source: Wu, Peng and Yu, YuNet: A Tiny Millisecond-level Face Detector (2023).
    Deviations: none.
    """

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.stem_separable = Separable(16, 16)
        widths = [(16, channels), *[(channels, channels)] * 4]
        self.stages = nn.ModuleList(
            nn.Sequential(Separable(inputs, inputs), Separable(inputs, outputs))
            for inputs, outputs in widths
        )
        self.lateral = nn.ModuleList(Separable(channels, channels) for _ in STRIDES)
        self.levels = nn.ModuleList(Level(channels) for _ in STRIDES)

    def forward(self, bgr: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Return what each level predicts.

        Args:
            bgr: `(B, 3, H, W)` of 0..255, height and width multiples of 32.
        """
        x = F.max_pool2d(self.stem_separable(F.relu(self.stem(bgr))), 2)
        maps: list[Tensor] = []
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number >= 2:
                maps.append(x)
            if number in (1, 2, 3):
                x = F.max_pool2d(x, 2)
        for number in (2, 1):
            maps[number] = self.lateral[number](maps[number])
            maps[number - 1] = maps[number - 1] + F.interpolate(maps[number], scale_factor=2.0)
        maps[0] = self.lateral[0](maps[0])
        return [level(one) for level, one in zip(self.levels, maps, strict=True)]


class YuNetDetector(FaceDetector):
    """Faces by YuNet, looked for at several sizes of the photo.

    Source: Wu, Peng and Yu, YuNet: A Tiny Millisecond-level Face Detector (2023).
    Deviations: several sizes, because one misses large and badly degraded faces, and what they find
        of one face is averaged; scores are raised to a power, so that the threshold means what it
        means to RetinaFace.

    Args:
        network: `YuNet`.
        threshold: Lowest score of a face, from 0 to 1.
        short_side_px: The shorter side of the largest size looked at; None keeps the photo's.
    """

    network: YuNet

    def __init__(
        self, network: YuNet, threshold: float = 0.97, short_side_px: int | None = 640
    ) -> None:
        super().__init__(network, threshold, short_side_px)

    def __call__(self, photo: Tensor, threshold: float | None = None) -> list[Face]:
        """See `FaceDetector`."""
        from torchvision.ops import box_iou, nms

        threshold = self.checked(photo, threshold)
        largest = self.short_side_px or min(photo.shape[-2:])
        sides = [largest, *(side for side in SIDES_PX if side < largest)]
        found = [self.predictions(photo, side) for side in sides]
        boxes, scores, points = (torch.cat(values) for values in zip(*found, strict=True))
        sure = scores > threshold
        boxes, scores, points = boxes[sure], scores[sure], points[sure]
        kept = nms(boxes, scores, OVERLAP)
        own = scores ** (SURENESS / _EXPONENT)
        weights = own * (box_iou(boxes[kept], boxes) > SAME_FACE)
        weights = weights / weights.sum(1, keepdim=True)
        mean_boxes = (weights @ boxes).tolist()
        mean_points = (weights @ points.flatten(1)).view(-1, 5, 2).numpy().astype(np.float64)
        return [
            Face((left, top, right, bottom), float(scores[i]), where)
            for i, (left, top, right, bottom), where in zip(
                kept.tolist(), mean_boxes, mean_points, strict=True
            )
        ]

    @true_float32()
    def predictions(self, photo: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return boxes `(N, 4)`, scores `(N,)` and points `(N, 5, 2)` in the photo's pixels."""
        with torch.inference_mode(False), torch.no_grad():
            home = next(self.network.parameters())
            image = self.resized(photo.to(home.device, torch.float32, copy=True), side)
            height, width = image.shape[-2:]
            bgr = ((image + 1) * 127.5).flip(1)
            bgr = F.pad(bgr, (0, -width % STRIDES[-1], 0, -height % STRIDES[-1]))
            outputs = self.network(bgr.to(home.dtype))
        ratio = torch.tensor([photo.shape[-1] / width, photo.shape[-2] / height])
        rows = bgr.shape[-2]
        return decode(outputs, (rows, bgr.shape[-1]), ratio)


def decode(
    outputs: list[tuple[Tensor, Tensor, Tensor]], size: tuple[int, int], ratio: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Turn the network's numbers into boxes, scores and points.

    Args:
        outputs: Of `YuNet`, one image.
        size: Height and width of the network's input.
        ratio: `(2,)` photo pixels per input pixel, x and y.
    """
    boxes: list[Tensor] = []
    scores: list[Tensor] = []
    points: list[Tensor] = []
    for stride, level in zip(STRIDES, outputs, strict=True):
        score, box, point = (value[0].float().cpu() for value in level)
        rows = torch.arange(size[0] // stride) * stride
        columns = torch.arange(size[1] // stride) * stride
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        place = torch.stack([x, y], dim=-1).reshape(-1, 2).float()
        centre = place + box[:, :2] * stride
        half = box[:, 2:].exp() * stride / 2
        boxes.append(torch.cat([centre - half, centre + half], dim=1) * ratio.repeat(2))
        points.append((place[:, None] + point.reshape(-1, 5, 2) * stride) * ratio)
        scores.append(score.clamp(0, 1) ** _EXPONENT)
    return torch.cat(boxes), torch.cat(scores), torch.cat(points)


def load_yunet(
    path: Path | str | None = None,
    device: torch.device | str = "cpu",
    threshold: float = 0.97,
    short_side_px: int | None = 640,
) -> YuNetDetector:
    """Make the small detector.

    Args:
        path: Its weight file; None for the one that comes with the package.
        device: Where it is to work.
        threshold: Lowest score of a face, from 0 to 1, on RetinaFace's scale.
        short_side_px: The shorter side of the largest size looked at; None keeps the photo's.

    Raises:
        CheckpointError: The file is missing, damaged, or of another network.
    """
    checkpoint = load_checkpoint(path or WEIGHTS)
    with torch.inference_mode(False):
        network = YuNet()
        load_strict(network, checkpoint, "the face detector YuNet")
        detector = YuNetDetector(network, threshold, short_side_px)
        detector.to(device)
        return detector
