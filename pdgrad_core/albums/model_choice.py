"""Which models an album takes, as words that any machine understands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..alignment.paste_settings import PasteSettings
from ..devices import memory_bytes, parse_device, parse_dtype
from ..diffusion.sampler import StepState
from ..models.sets import DEMO, ModelSet, load_model_set
from ..sequences import faces_at_once
from ..settings import Settings
from ..weights.folders import search_folders
from .choices import AlbumChoices
from .executors.local import LocalExecutor

MOST_ON_A_CPU = 4
"""There more faces together gain little, and an interruption would cost all of them."""


@dataclass(frozen=True)
class ModelChoice:
    """The models that are wanted; see `load_model_set`.

    Attributes:
        models: Folder that is searched first, "demo", or None.
        restorer: Name of the coarse restorer.
        prior: Kind of the prior.
        fidelity: CodeFormer's w.
        features: Names of the feature networks.
        device: As `parse_device` takes it.
        dtype: As `parse_dtype` takes it; None for what the precision says.
        precision: Its preset.
        compiled: Whether what gains by it is compiled.
        replayed: Whether, uncompiled, prior and guidance are replayed as CUDA graphs.
    """

    models: str | None
    restorer: str | None
    prior: str | None
    fidelity: float | None
    features: tuple[str, ...]
    device: str = "auto"
    dtype: str | None = None
    precision: str = "auto"
    compiled: bool = False
    replayed: bool = False

    def load(self) -> ModelSet:
        """Return the models.

        Raises:
            CheckpointError: A file is missing or damaged.
        """
        return load_model_set(
            self.models,
            restorer=self.restorer,
            prior=self.prior,
            fidelity=self.fidelity,
            features=self.features,
            device=parse_device(self.device),
            dtype=None if self.dtype is None else parse_dtype(self.dtype),
            precision=self.precision,
            compiled=self.compiled,
            replayed=self.replayed,
        )

    @property
    def folders(self) -> Sequence[Path]:
        """Where further weights lie: the detector's, ParseNet's."""
        demo = self.models == DEMO
        return list(search_folders(None if demo or self.models is None else Path(self.models)))


@dataclass(frozen=True)
class WorkerPlan:
    """All that makes one worker like another.

    Attributes:
        models: What it loads.
        settings: The method.
        choices: How faces are found.
        pasting: How faces are laid back.
        faces_at_once: Faces restored together; None for as many as the memory takes.
        share: Of the device's memory, where several workers have one device.
    """

    models: ModelChoice
    settings: Settings
    choices: AlbumChoices
    pasting: PasteSettings
    faces_at_once: int | None = None
    share: float = 1.0

    def open(self, on_step: Callable[[StepState], None] | None = None) -> LocalExecutor:
        """Load the models and return who works with them.

        Raises:
            PDGradError: Models that are not there, or numbers that do not fit them.
        """
        models = self.models.load()
        self.settings.resolved().sampler(models.prior)  # refuses wrong numbers before any work
        return LocalExecutor.of(
            models,
            self.settings,
            self.choices,
            self.pasting,
            folders=self.models.folders,
            faces_at_once=self.faces_at_once or self._fitting(models),
            on_step=on_step,
        )

    def _fitting(self, models: ModelSet) -> int:
        memory = int(self.share * memory_bytes(models.device))
        fitting = faces_at_once(memory, models.prior.image_size)
        return min(fitting, MOST_ON_A_CPU) if models.device.type == "cpu" else fitting
