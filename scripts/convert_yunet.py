"""Convert YuNet's published weights into the file that comes with the package.

    python scripts/convert_yunet.py yunet_n.pth pdgrad_core/alignment/yunet_n.safetensors

`yunet_n.pth` is `weights/yunet_n.pth` of https://github.com/ShiqiYu/libfacedetection.train
(Apache-2.0). Batch norms are folded into the convolutions before them.
"""

import argparse
import hashlib
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

EPSILON = 1e-5
"""BatchNorm2d's own."""

HEADS = {"face": "cls", "object": "obj", "box": "bbox", "points": "kps"}
"""What a level predicts: our name, and theirs."""


def main() -> None:
    """Read the arguments, convert, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="weights/yunet_n.pth")
    parser.add_argument("target", type=Path, help="the .safetensors file to write")
    args = parser.parse_args()
    tensors = torch.load(args.source, weights_only=True, map_location="cpu")["state_dict"]
    metadata = {
        "pdgrad.origin": "https://github.com/ShiqiYu/libfacedetection.train weights/yunet_n.pth",
        "pdgrad.origin_sha256": hashlib.sha256(args.source.read_bytes()).hexdigest(),
        "pdgrad.licence": "Apache-2.0",
        "pdgrad.command": "python scripts/convert_yunet.py",
    }
    save_file(converted(tensors), args.target, metadata)


def converted(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors by our names."""
    ours: dict[str, Tensor] = {}
    ours |= _folded(theirs, "stem", "backbone.model0.conv1", "backbone.model0.bn1")
    ours |= _separable(theirs, "stem_separable", "backbone.model0.conv2")
    for stage in range(5):
        for half in range(2):
            source = f"backbone.model{stage + 1}.conv{half + 1}"
            ours |= _separable(theirs, f"stages.{stage}.{half}", source)
    for level in range(3):
        ours |= _separable(theirs, f"lateral.{level}", f"neck.lateral_convs.{level}")
        shared = f"bbox_head.multi_level_share_convs.{level}.0"
        ours |= _separable(theirs, f"levels.{level}.shared", shared)
        for name, source in HEADS.items():
            head = f"bbox_head.multi_level_{source}.{level}"
            ours |= _separable(theirs, f"levels.{level}.{name}", head)
    return ours


def _separable(theirs: dict[str, Tensor], name: str, source: str) -> dict[str, Tensor]:
    across = {
        f"{name}.across.{part}": theirs[f"{source}.conv1.{part}"] for part in ("weight", "bias")
    }
    return across | _folded(theirs, f"{name}.spatial", f"{source}.conv2", f"{source}.bn")


def _folded(theirs: dict[str, Tensor], name: str, conv: str, norm: str) -> dict[str, Tensor]:
    weight, bias = theirs[f"{conv}.weight"].double(), theirs[f"{conv}.bias"].double()
    if f"{norm}.weight" in theirs:
        scale = theirs[f"{norm}.weight"].double()
        scale = scale / (theirs[f"{norm}.running_var"].double() + EPSILON).sqrt()
        weight = weight * scale.view(-1, 1, 1, 1)
        bias = (bias - theirs[f"{norm}.running_mean"].double()) * scale
        bias = bias + theirs[f"{norm}.bias"].double()
    return {f"{name}.weight": weight.float(), f"{name}.bias": bias.float()}


if __name__ == "__main__":
    main()
