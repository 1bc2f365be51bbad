"""Two recognisers of photos: dlib's, differentiable, and faceres; and dlib itself."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from packages import DLIB_MEAN
from torch import Tensor, nn

from pdgrad_core.checkpoints import load_checkpoint
from pdgrad_core.features.arcface import ArcFace
from pdgrad_core.features.base import Features
from pdgrad_core.features.iresnet import EMBEDDING
from pdgrad_core.images import resize

DLIB_PX = 150
DLIB_CROP = ((0.4265, -0.0029, -34.5), (0.0029, 0.4265, -57.6))
"""From the aligned 512 template's pixels to those of dlib's chip."""

FACERES_PX = 224
FACERES_BOX = (0.10, 0.10, 0.90, 0.95)
"""Left, top, right, bottom of what faceres sees of the aligned face."""

LOW_TAPS = ("conv32_down", "conv32_3", "conv64_3")


class DlibNetwork(nn.Module):
    """dlib's 29-layer residual network, a plain reading of its published structure.

    Args:
        tensors: From `packages.dlib_tensors`.
    """

    blocks = (
        *("conv32_1", "conv32_2", "conv32_3"),
        *("conv64_down", "conv64_1", "conv64_2", "conv64_3"),
        *("conv128_down", "conv128_1", "conv128_2"),
        *("conv256_down", "conv256_1", "conv256_2", "conv256_down_out"),
    )

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        super().__init__()
        for name, value in tensors.items():
            self.register_buffer(name.replace(".", "_"), value)

    def forward(self, face: Tensor, taps: Sequence[str]) -> Features:
        """Return features of `(B, 3, 150, 150)` in [-1, 1]; nothing deeper than asked is run."""
        mean = face.new_tensor(DLIB_MEAN).view(1, 3, 1, 1)
        h = ((face + 1) * 127.5 - mean) / 256
        h = F.max_pool2d(F.relu(self._conv("conv32_down", h, 2, 0)), 3, 2)
        found = {"conv32_down": h}
        for name in self.blocks:
            if all(tap in found for tap in taps):
                return {tap: found[tap] for tap in taps}
            h = self._block(name, h)
            found[name] = h
        found[EMBEDDING] = F.linear(h.mean((2, 3)), self.get_buffer("fc_weight"))
        return {tap: found[tap] for tap in taps}

    def _block(self, name: str, h: Tensor) -> Tensor:
        down = "down" in name
        out = F.relu(self._conv(f"{name}.conv1", h, 2 if down else 1, 0 if down else 1))
        out = self._conv(f"{name}.conv2", out, 1, 1)
        if not down:
            return F.relu(out + h)
        short = F.avg_pool2d(h, 2)
        rows, columns = (a - b for a, b in zip(short.shape[2:], out.shape[2:], strict=True))
        out = F.pad(out, (0, columns, 0, rows))
        missing = out.shape[1] - short.shape[1]
        return F.relu(out + F.pad(short, (0, 0, 0, 0, 0, missing)))

    def _conv(self, name: str, h: Tensor, stride: int, padding: int) -> Tensor:
        key = name.replace(".", "_")
        kernel, bias = self.get_buffer(f"{key}_weight"), self.get_buffer(f"{key}_bias")
        return F.conv2d(h, kernel, bias, stride, padding)


class DlibIdentity(ArcFace):
    """dlib's recogniser as the network that guides, behind a fixed crop of the template.

    Its embeddings of different people lie within a narrow cone; the mean embedding of training
    people is subtracted, so that cosines mean what an ArcFace's do.

    Args:
        network: dlib's.
        mean: Mean embedding of other people, `(128,)`; None for embeddings as they are.
    """

    low_taps = LOW_TAPS
    image_size = DLIB_PX

    def __init__(self, network: DlibNetwork, mean: Tensor | None = None) -> None:
        self.network = network.eval().requires_grad_(False)
        self.mean = mean

    @property
    def taps(self) -> Sequence[str]:
        """Names of all taps."""
        return ("conv32_down", *DlibNetwork.blocks, EMBEDDING)

    @property
    def module(self) -> nn.Module:
        """See `FeatureNetwork`."""
        return self.network

    def features(self, image: Tensor, taps: Sequence[str]) -> Features:
        """See `FeatureNetwork`."""
        self.check_taps(taps)
        return self.network_features(crop(image, DLIB_CROP, DLIB_PX), taps)

    def network_features(self, face: Tensor, taps: Sequence[str]) -> Features:
        """See `ArcFace`."""
        found = self.network(face, taps)
        if self.mean is not None and EMBEDDING in found:
            found[EMBEDDING] = found[EMBEDDING] - self.mean
        return found


def crop(image: Tensor, to_chip: Sequence[Sequence[float]], side: int) -> Tensor:
    """Return the chip `(B, 3, side, side)` of aligned faces, sampled bilinearly.

    Args:
        image: `(B, 3, H, H)`.
        to_chip: Affine map from the 512 template's pixels to the chip's.
        side: Of the chip.
    """
    square = torch.eye(3, dtype=torch.float64)
    square[:2] = torch.tensor(to_chip, dtype=torch.float64)
    # grid_sample's coordinates run from -1 to 1 over a side's outer edges.
    chip = torch.tensor([[side / 2, 0, side / 2 - 0.5], [0, side / 2, side / 2 - 0.5], [0, 0, 1]])
    face = torch.tensor([[256, 0, 255.5], [0, 256, 255.5], [0, 0, 1]]).double()
    theta = (face.inverse() @ square.inverse() @ chip.double())[:2].to(image)
    grid = F.affine_grid(
        theta.expand(len(image), 2, 3), [len(image), 3, side, side], align_corners=False
    )
    return F.grid_sample(image, grid, padding_mode="border", align_corners=False)


class FaceRes(nn.Module):
    """faceres's MobileNet, a plain reading of its graph; embeds faces in [-1, 1].

    Args:
        tensors: From `packages.faceres_tensors`, and "mean".
    """

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        super().__init__()
        for name, value in tensors.items():
            self.register_buffer(name.replace(".", "_"), value)

    @torch.no_grad()
    def forward(self, image: Tensor) -> Tensor:
        """Return embeddings `(B, 1024)`."""
        side = image.shape[-1]
        left, top, right, bottom = (round(part * side) for part in FACERES_BOX)
        h = (resize(image[..., top:bottom, left:right], FACERES_PX, FACERES_PX) + 1) * 127.5
        h = self._conv("conv1", h, 2)
        for block in range(1, 14):
            h = self._conv(f"dw{block}", h, 2 if block in (2, 4, 6, 12) else 1, depthwise=True)
            h = self._conv(f"pw{block}", h, 1)
        return h.mean((2, 3))

    def _conv(self, name: str, h: Tensor, stride: int, depthwise: bool = False) -> Tensor:
        kernel, bias = self.get_buffer(f"{name}_weight"), self.get_buffer(f"{name}_bias")
        if kernel.shape[-1] == 3:
            # TensorFlow's SAME: what is odd is added below and to the right.
            h = F.pad(h, (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1))
        groups = h.shape[1] if depthwise else 1
        return F.conv2d(h, kernel, bias, stride, groups=groups).clamp(0, 6)


class DlibItself:
    """dlib's own program and weights on the same fixed crop, without gradients.

    Args:
        path: `dlib_face_recognition_resnet_model_v1.dat`.
        mean: Mean embedding of other people, `(128,)`.
    """

    def __init__(self, path: Path, mean: Tensor) -> None:
        import dlib  # from the package dlib-bin

        self.network: Any = dlib.face_recognition_model_v1(str(path))
        self.mean = mean

    def __call__(self, image: Tensor) -> Tensor:
        """Return embeddings `(B, 128)` of faces in [-1, 1]."""
        chips = ((crop(image, DLIB_CROP, DLIB_PX) + 1) * 127.5).round().clamp(0, 255)
        found = [
            torch.tensor(list(self.network.compute_face_descriptor(chip.numpy())))
            for chip in chips.permute(0, 2, 3, 1).to(torch.uint8).contiguous()
        ]
        return torch.stack(found) - self.mean


def load_dlib(path: Path) -> DlibIdentity:
    """Return the guide from what `prepare` wrote."""
    tensors = dict(load_checkpoint(path).tensors)
    mean = tensors.pop("mean", None)
    return DlibIdentity(DlibNetwork(tensors), mean)


def load_faceres(path: Path) -> FaceRes:
    """Return faceres from what `prepare` wrote."""
    return FaceRes(dict(load_checkpoint(path).tensors)).eval()
