"""The training loop: one page for every kind of network.

Progress is counted in images. What a step draws depends on the seed and on the images seen alone,
so a run that was interrupted continues exactly as if it had not been.
"""

import json
import logging
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import CorruptCheckpointError, InvalidInputError
from ..files import write_whole
from ..images import save_image
from .config import TrainingConfig
from .dataset import FaceSource
from .objectives import OBJECTIVES
from .sheet import tile

logger = logging.getLogger(__name__)

STATE_FILE = "state.pt"
STATS_FILE = "stats.jsonl"
REPORT_IMAGES = 2_000


def is_run_file(name: str) -> bool:
    """Return whether a run may write a file of this name into its folder."""
    return name in (STATE_FILE, STATS_FILE) or name.startswith("samples_")


class Trainer:
    """A training run: the objective, which holds all that is trained, and how far it is.

    Args:
        config: The run's numbers.
        faces: Training pictures.
        device: Where the objective's networks are trained.
    """

    def __init__(
        self, config: TrainingConfig, faces: FaceSource, device: torch.device | str = "cpu"
    ) -> None:
        self.config = config
        self.faces = faces
        self.device = torch.device(device)
        self.objective = OBJECTIVES[config.objective](config, faces)
        self.objective.start(self.device)
        self.images = 0

    @property
    def done(self) -> bool:
        """Whether the run has its full length."""
        return self.images >= self.config.total_images

    def step(self) -> dict[str, Tensor]:
        """Train on one batch and return its losses, detached."""
        generator = step_generator(self.config.seed, self.images)
        batch = self.faces.draw(generator, self.config.batch_size).to(self.device)
        losses = self.objective.step(batch, self.images, generator)
        self.images += self.config.batch_size
        self.objective.update_average(self.images)
        return {name: value.detach() for name, value in losses.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a continued run needs."""
        return {"images": self.images, **self.objective.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a saved state."""
        self.objective.load_state_dict(state)
        self.images = int(state["images"])

    def save(self, folder: Path) -> None:
        """Write the state into a folder, whole or not at all."""
        write_whole(folder / STATE_FILE, lambda path: torch.save(self.state_dict(), path))

    def resume(self, folder: Path) -> bool:
        """Continue from a folder's state; returns whether there was one.

        Raises:
            CorruptCheckpointError: The state cannot be read, or is another network's.
        """
        path = folder / STATE_FILE
        if not path.is_file():
            return False
        try:
            self.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        except Exception as error:  # damaged bytes surface as many types inside the unpickler
            raise CorruptCheckpointError(
                f"{path} is not a state of this training run ({str(error).splitlines()[0]}); "
                "choose another --out, or remove it to start anew."
            ) from error
        return True


def train(
    trainer: Trainer, held_out: FaceSource, folder: Path, minutes: float | None = None
) -> None:
    """Train to the end of the run, or for some minutes; continues what the folder holds.

    The folder receives `state.pt`, `stats.jsonl` (one line a report) and
    `samples_<images>.png` at every snapshot.

    Args:
        trainer: A fresh run.
        held_out: Pictures of other persons, for validation.
        folder: Where the run lives.
        minutes: Stop, with a snapshot, after so long.

    Raises:
        InvalidInputError: The loss is NaN or infinite.
        CorruptCheckpointError: The folder holds another run's state.
    """
    if trainer.resume(folder):
        logger.info("continuing after %d images", trainer.images)
    folder.mkdir(parents=True, exist_ok=True)
    config = trainer.config
    begin = time.monotonic()
    for report in _reports(trainer, begin, minutes):
        _append(folder / STATS_FILE, report)
        last = trainer.done or _over(begin, minutes)
        if last or _crossed(trainer.images, report["new_images"], config.snapshot_images):
            snapshot(trainer, held_out, folder)


def _reports(trainer: Trainer, begin: float, minutes: float | None) -> Iterator[dict[str, Any]]:
    """Take steps, and yield the mean of every so many images' losses."""
    while not trainer.done and not _over(begin, minutes):
        start, since = trainer.images, time.monotonic()
        sums: dict[str, Tensor] = {}
        counts: Counter[str] = Counter()  # some losses are not of every step
        while trainer.images - start < REPORT_IMAGES and not trainer.done:
            for name, value in trainer.step().items():
                sums[name] = sums.get(name, torch.zeros_like(value)) + value
                counts[name] += 1
        means = {name: float(value) / counts[name] for name, value in sums.items()}
        if not np.isfinite(list(means.values())).all():
            raise InvalidInputError(
                f"The loss is not finite after {trainer.images} images; lower the learning rate."
            )
        new = trainer.images - start
        yield {
            "images": trainer.images,
            "new_images": new,
            **means,
            "learning_rate": trainer.config.learning_rate_at(trainer.images),
            "images_per_second": new / (time.monotonic() - since),
        }


def snapshot(trainer: Trainer, held_out: FaceSource, folder: Path) -> dict[str, float]:
    """Save the state, validate the average, draw its sheet; returns the figures."""
    trainer.save(folder)
    average = trainer.objective.average.module
    with torch.no_grad():
        figures = trainer.objective.validate(average, held_out)
        rows = trainer.objective.sheet(average, held_out)
    _append(folder / STATS_FILE, {"images": trainer.images, "validation": figures})
    save_image(tile(rows), folder / f"samples_{trainer.images:09d}.png")
    return figures


def step_generator(seed: int, images: int) -> torch.Generator:
    """Return the CPU generator of the step that begins after so many images."""
    state = np.random.SeedSequence([seed, images]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]) >> 1)


def describe(config: TrainingConfig) -> str:
    """Return the configuration as one line of JSON."""
    return json.dumps(asdict(config), sort_keys=True)


def _crossed(images: int, new: int, every: int) -> bool:
    """Return whether a multiple of `every` lies among the last `new` images."""
    return images // every > (images - new) // every


def _over(begin: float, minutes: float | None) -> bool:
    return minutes is not None and time.monotonic() - begin > 60 * minutes


def _append(path: Path, row: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
