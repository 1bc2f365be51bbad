"""What metrics look through: networks that guided nothing, and a sentence where one is missing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import CheckpointError, MissingDependencyError
from ...features.arcface import ArcFace, load_arcface
from ...features.vgg import HEAD_TAPS, PerceptualNetwork, load_perceptual
from ...losses.perceptual import LPIPSDistance
from ...metrics import METRICS, Metric
from ...models.scorers import Scorers
from ...models.sets import ModelSet
from ...true_float32 import true_float32
from ...weights.catalogue import weight_file
from ...weights.folders import locate
from ...weights.integrity import sha256_of
from .landmark_network import load_landmarks
from .lpips_alex import ALEXNET_FILE, ALEXNET_URL, load_alex_distance

Tool = Callable[..., Tensor]


@dataclass(frozen=True)
class Unavailable:
    """Why a tool is not here, as one line that says what is missing."""

    why: str


@dataclass
class Tools:
    """Makes metrics by name, and knows what those lack that it cannot make.

    Attributes:
        models: What restores; its networks may not score what they guided.
        folders: Where further networks are looked for.
        guiding: Names of the feature networks through which a recipe of this evaluation guides.
        scorers: The networks of a small set that never guided; None for published ones.
        guides_may_score: Whether a network that guided scores all the same.
        scorer_paths: Their files, "arcface" and "vgg".
    """

    models: ModelSet
    folders: Sequence[Path] = ()
    guiding: Sequence[str] = ()
    scorers: Scorers | None = None
    guides_may_score: bool = False
    scorer_paths: Mapping[str, Path] = field(default_factory=dict[str, Path])
    _known: dict[str, Tool | Unavailable] = field(default_factory=dict[str, Any], repr=False)
    _files: dict[str, tuple[Path, ...]] = field(default_factory=dict[str, Any], repr=False)

    def metrics(self, names: Sequence[str]) -> tuple[dict[str, Metric], dict[str, str]]:
        """Return the metrics that can be had, and for each other one a line on what is missing.

        Args:
            names: Keys in `METRICS`.

        Raises:
            UnknownNameError: There is no such metric.
        """
        made: dict[str, Metric] = {}
        missing: dict[str, str] = {}
        for name in names:
            member: Any = METRICS[name]
            if member.needs == "nothing":
                made[name] = member()
                continue
            tool = self._tool(member.needs)
            if isinstance(tool, Unavailable):
                missing[name] = tool.why
            else:
                made[name] = member(tool)
        return made, missing

    def _tool(self, needs: str) -> Tool | Unavailable:
        if needs not in self._known:
            try:
                self._known[needs] = _MAKERS[needs](self)
            except (CheckpointError, MissingDependencyError) as error:
                self._known[needs] = Unavailable(str(error).splitlines()[0])
        return self._known[needs]

    def fingerprint(self, needs: str) -> str:
        """Return what tells scores through one network from those through another.

        Args:
            needs: As `Metric.needs`; the tool has been made.
        """
        return ",".join(sha256_of(path)[:16] for path in self._files.get(needs, ()))

    def note(self, needs: str, *paths: Path) -> None:
        """Remember the files that a tool was read from."""
        self._files[needs] = paths

    @property
    def device(self) -> torch.device:
        """Where everything is."""
        return self.models.device

    def recogniser(self, needs: str) -> ArcFace | Unavailable:
        """Return an identity network that guided nothing here."""
        if self.scorers is not None:
            self.note(needs, self.scorer_paths["arcface"])
            return self.scorers.arcface
        path = self._apart("arcface", ArcFace.weights)
        if isinstance(path, Unavailable):
            return path
        self.note(needs, path)
        return load_arcface(path, self.device)

    def perceptual(self, needs: str) -> PerceptualNetwork | Unavailable:
        """Return a VGG16 with LPIPS's heads that guided nothing here."""
        if self.scorers is not None:
            self.note(needs, self.scorer_paths["vgg"])
            return self.scorers.perceptual
        path = self._apart("vgg", ("vgg16",))
        if isinstance(path, Unavailable):
            return path
        self.note(needs, path)
        return load_perceptual(path, device=self.device)

    def _apart(self, role: str, names: Sequence[str]) -> Path | Unavailable:
        """Return the first file of these that did not guide, or what is missing."""
        guide = self.models.paths.get(role) if role in self.guiding else None
        files = [weight_file(name) for name in names]
        here = [path for path in (locate(file, self.folders) for file in files) if path is not None]
        apart = [path for path in here if guide is None or not path.samefile(guide)]
        if apart:
            return apart[0]
        if guide is not None and self.guides_may_score:
            return guide
        if guide is None:
            return Unavailable(f"needs {files[0].file_name}; pdgrad weights fetch {files[0].name}")
        other = next((file for file in files if guide.name not in file.file_names), None)
        get = f"add {other.file_name} (pdgrad weights fetch {other.name}), or " if other else ""
        return Unavailable(
            f"{guide.name} guides, and what guides must not score; {get}allow it with "
            "--guides-may-score"
        )


def _embedding(tools: Tools) -> Tool | Unavailable:
    found = tools.recogniser("embedding")
    return found if isinstance(found, Unavailable) else found.embed


def _distance(tools: Tools) -> Tool | Unavailable:
    found = tools.perceptual("distance")
    return found if isinstance(found, Unavailable) else LPIPSDistance(found)


def _features(tools: Tools) -> Tool | Unavailable:
    found = tools.perceptual("features")
    return found if isinstance(found, Unavailable) else partial(_pooled, found)


@true_float32()
@torch.no_grad()
def _pooled(network: PerceptualNetwork, image: Tensor) -> Tensor:
    """Return VGG16's last compared features, averaged over the picture, `(B, D)`."""
    tap = HEAD_TAPS[-1]
    return network.features(image, [tap])[tap].mean((2, 3))


def _landmarks(tools: Tools) -> Tool | Unavailable:
    file = weight_file("awing")
    path = locate(file, tools.folders)
    if path is None:
        return Unavailable(f"needs {file.file_name}; pdgrad weights fetch {file.name}")
    tools.note("landmarks", path)
    return load_landmarks(path, tools.device)


def _alex_distance(tools: Tools) -> Tool | Unavailable:
    for folder in tools.folders:
        path = folder / ALEXNET_FILE
        if path.is_file():
            tools.note("alex_distance", path)
            return load_alex_distance(path, tools.device)
    return Unavailable(f"needs {ALEXNET_FILE} in a folder of models, from {ALEXNET_URL}")


_MAKERS: Mapping[str, Callable[[Tools], Tool | Unavailable]] = {
    "embedding": _embedding,
    "distance": _distance,
    "alex_distance": _alex_distance,
    "landmarks": _landmarks,
    "features": _features,
}
"""By `Metric.needs`."""
