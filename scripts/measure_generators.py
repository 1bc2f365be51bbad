r"""Compare priors that were trained equally long on different sets.

    python scripts/measure_generators.py --faces drawn64.npz --out idm_generators.csv \
        clean=runs/prior-clean.safetensors flawed=runs/prior-flawed.safetensors ...

For each: the loss on clean held-out faces, and the Frechet distance of its samples to those faces,
in the features of a network that took no part in any training. `--sheet` writes samples, a row a
prior.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pdgrad_core.dependencies import require
from pdgrad_core.diffusion.noise import PerImageNoise, per_image_generators
from pdgrad_core.diffusion.priors import LoadedPrior, load_prior
from pdgrad_core.errors import PDGradError
from pdgrad_core.evidence.report.tables import write_csv
from pdgrad_core.features.vgg import HEAD_TAPS, PerceptualNetwork
from pdgrad_core.images import save_image
from pdgrad_core.models.scorers import load_scorers
from pdgrad_core.outputs import Output, check_outputs
from pdgrad_core.runs import Process, prepare_run
from pdgrad_core.training.config import preset
from pdgrad_core.training.dataset import open_faces
from pdgrad_core.training.objectives import OBJECTIVES
from pdgrad_core.training.sheet import tile

BATCH, SHOWN = 32, 8


class Features(nn.Module):
    """Mean and spread over the picture of a perceptual network's deepest feature maps."""

    def __init__(self, network: PerceptualNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Return `(B, D)` for images `(B, 3, H, W)` in [-1, 1]."""
        with torch.no_grad():
            maps = self.network.features(images, HEAD_TAPS[-1:])[HEAD_TAPS[-1]].float()
        return torch.cat([maps.mean((2, 3)), maps.std((2, 3))], dim=1)


def main() -> None:
    """Read the arguments and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("priors", nargs="+", metavar="NAME=FILE")
    parser.add_argument("--faces", required=True, help="a set whose held-out faces are clean")
    parser.add_argument("--samples", type=int, default=512)
    parser.add_argument("--steps", type=int, default=25, help="DDPM steps of a sample")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.csv")
    parser.add_argument("--sheet", type=Path, metavar="FILE.png")
    args = parser.parse_args()
    files = dict(word.split("=", 1) for word in args.priors if "=" in word)
    if len(files) < len(args.priors):
        parser.error("each prior is given as NAME=FILE")
    try:
        outputs = [Output("--out", args.out)]
        outputs += [Output("--sheet", args.sheet)] if args.sheet else []
        check_outputs(outputs, [Path(path) for path in files.values()])
        compare(args, {name: Path(path) for name, path in files.items()})
    except (PDGradError, OSError) as error:
        sys.exit(f"measure_generators: {error}")


def compare(args: argparse.Namespace, files: dict[str, Path]) -> None:
    """Measure every prior, and write what was found."""
    config = preset("prior")
    faces = open_faces(args.faces, config.image_size, "validation")
    objective = OBJECTIVES[config.objective](config, faces)
    features = Features(load_scorers().perceptual)
    real = faces.first(args.samples).images
    rows: list[dict[str, Any]] = []
    shown: list[Tensor] = []
    for name, path in files.items():
        prior = load_prior(path)
        with torch.no_grad():
            loss = objective.validate(prior.network, faces)["validation_loss"]
        samples = torch.cat([sample(prior, part, args.steps) for part in _seeds(args.samples)])
        distance = frechet(features, real, samples)
        rows.append({"set": name, "n": args.samples, "validation_loss": round(loss, 5),
                     "frechet": round(distance, 3)})  # fmt: skip
        shown.append(samples[:SHOWN])
        print(rows[-1])
    write_csv(rows, args.out)
    if args.sheet:
        save_image(tile(shown), args.sheet)


def sample(prior: LoadedPrior, seeds: list[int], steps: int) -> Tensor:
    """Return samples `(B, 3, S, S)` in [-1, 1], one per seed."""
    size = prior.image_size
    noise = PerImageNoise(per_image_generators(seeds), (3, size, size))
    return prepare_run(Process(tau=1000, steps=steps), prior, noise, None)().image.clamp(-1, 1)


def frechet(features: Features, real: Tensor, samples: Tensor) -> float:
    """Return the Frechet distance of two sets of pictures in a network's features."""
    module = require("torchmetrics.image.fid", "torchmetrics", "the Frechet distance")
    distance = module.FrechetInceptionDistance(feature=features, normalize=True,
                                               input_img_size=tuple(real.shape[1:]))  # fmt: skip
    for images, is_real in ((real, True), (samples, False)):
        for part in images.split(BATCH):
            distance.update(part, real=is_real)
    return float(distance.compute())


def _seeds(count: int) -> list[list[int]]:
    return [list(range(i, min(i + BATCH, count))) for i in range(0, count, BATCH)]


if __name__ == "__main__":
    main()
