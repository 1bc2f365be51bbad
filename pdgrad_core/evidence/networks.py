"""The networks of a study: a set that restores, and scorers that were trained apart from it."""

from pathlib import Path

import torch

from ..diffusion.prior import load_prior
from ..embedded import ROLES, WEIGHTS, Scorers, demo_weights
from ..errors import CheckpointNotFoundError, InvalidInputError
from ..features.arcface import load_arcface
from ..features.vgg import load_perceptual
from ..models.sets import DEMO, ModelSet
from ..restorers import load_restorer
from ..weights.integrity import sha256_of

_SCORED_APART = (("arcface", "scorer-arcface"), ("vgg", "scorer-vgg"))


def load_networks(
    folder: Path | None = None, device: torch.device | str = "cpu"
) -> tuple[ModelSet, Scorers]:
    """Load the six small networks of `scripts/train.py`.

    Args:
        folder: Where they lie under the embedded ones' names; None for the embedded ones.
        device: Where they are put.

    Returns:
        Prior, guiding feature networks and coarse restorer; and the scorers.

    Raises:
        CheckpointNotFoundError: A file is missing.
        InvalidInputError: A scorer is the very network that guides.
    """
    paths = {role: _path(role, folder) for role in ROLES}
    for guide, scorer in _SCORED_APART:
        if sha256_of(paths[guide]) == sha256_of(paths[scorer]):
            raise InvalidInputError(
                f"{paths[scorer].name} is the same network as {paths[guide].name}: what guides "
                "must not score. Train the scorer apart, from another seed."
            )
    with torch.inference_mode(False):
        models = ModelSet(
            prior=load_prior(paths["prior"], device),
            features={
                "arcface": load_arcface(paths["arcface"], device),
                "vgg": load_perceptual(paths["vgg"], device=device),
            },
            restorer=load_restorer(DEMO, paths["restorer"], device),
            paths=paths,
            name=DEMO,
        )
        scorers = Scorers(
            load_arcface(paths["scorer-arcface"], device),
            load_perceptual(paths["scorer-vgg"], device=device),
        )
    return models, scorers


def _path(role: str, folder: Path | None) -> Path:
    if folder is None or folder == WEIGHTS:
        return demo_weights(role)
    path = folder / ROLES[role]
    if not path.is_file():
        raise CheckpointNotFoundError(
            f"There is no {path.name} in {folder}; train it with: "
            f"python scripts/train.py {path.stem} --images drawn --out runs/{path.stem} "
            f"--export {path}"
        )
    return path
