"""The laboratory's networks as `pdgrad evaluate` takes models: prior, restorer, guides, scorers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import packages
import torch
from pose import POINTS
from recognisers import DlibIdentity, DlibItself, load_dlib, load_faceres
from shift_tolerant import load_alex
from torch import Tensor

from pdgrad_core.diffusion.priors import load_prior
from pdgrad_core.evidence.evaluation.methods import Method
from pdgrad_core.evidence.evaluation.model_sets import ModelSets
from pdgrad_core.evidence.evaluation.tools import Tools
from pdgrad_core.features.vgg import load_perceptual
from pdgrad_core.metrics import METRICS, Metric
from pdgrad_core.metrics.identity import Deg, DegReference
from pdgrad_core.metrics.lpips import LPIPS
from pdgrad_core.models.sets import ModelSet
from pdgrad_core.recipes import Recipe
from pdgrad_core.restorers import load_restorer
from pdgrad_core.weights.integrity import sha256_of

PRIOR, COARSE = "prior.safetensors", "coarse.safetensors"
GUIDE, VGG = "dlib.safetensors", "vgg.safetensors"
FACERES, ALEX = "faceres.safetensors", "alex.safetensors"
DLIB = "dlib_face_recognition_resnet_model_v1.dat"


@METRICS.register("lpips_alt")
class PerceptualStandIn(LPIPS):
    """stlpips's Alex distance, at 128 px."""

    label = "stlpips (Alex)"


@METRICS.register("deg_faceres")
class DegFaceRes(Deg):
    """The angle by faceres, which never guides."""

    label = "angle, faceres"


@METRICS.register("deg_dlib")
class DegDlib(Deg):
    """The angle by dlib itself, whose network guides."""

    label = "angle, dlib"


@METRICS.register("to_reference_faceres")
class ToReferenceFaceRes(DegReference):
    """The angle to the reference by faceres."""

    label = "angle to reference, faceres"


@METRICS.register("to_reference_dlib")
class ToReferenceDlib(DegReference):
    """The angle to the reference by dlib itself."""

    label = "angle to reference, dlib"


SCORED_BY = {
    "lpips_alt": ALEX,
    "deg_faceres": FACERES,
    "to_reference_faceres": FACERES,
    "deg_dlib": DLIB,
    "to_reference_dlib": DLIB,
}
"""File of the network that each of the laboratory's metrics looks through."""

METRIC_NAMES = ("psnr", *SCORED_BY)


@dataclass
class LaboratoryModels(ModelSets):
    """The networks of a folder that `prepare` wrote; see `ModelSets`."""

    def __call__(self, method: Method) -> ModelSet:  # noqa: ARG002
        """Return the one set that restores all methods' faces."""
        if None not in self._sets:
            self._sets[None] = load_laboratory(
                Path(str(self.models)), self.device, self.restorer or "demo"
            )
        return self._sets[None]

    def tools(self, recipes: Sequence[Recipe], guides_may_score: bool) -> Tools:  # noqa: ARG002
        """Return what scores."""
        return LaboratoryTools(self(Method("coarse")), (Path(str(self.models)),))


class LaboratoryTools(Tools):
    """Makes the laboratory's metrics; those that need no network are the product's own."""

    needed: ClassVar[dict[str, str]] = {}

    def metrics(self, names: Sequence[str]) -> tuple[dict[str, Metric], dict[str, str]]:
        """See `Tools`; nothing is missing here."""
        (folder,) = self.folders
        made: dict[str, Metric] = {}
        for name in names:
            member: Any = METRICS[name]
            made[name] = member(_tool(folder, SCORED_BY[name])) if name in SCORED_BY else member()
        return made, {}

    def fingerprint(self, needs: str) -> str:
        """Return one for all of the laboratory's scorers; see `Tools`."""
        if needs == "nothing":
            return ""
        return ",".join(_digest(self.folders[0] / name) for name in (ALEX, FACERES, DLIB))


@cache
def _digest(path: Path) -> str:
    return sha256_of(path)[:8]


@cache
def _tool(folder: Path, name: str) -> Callable[..., Tensor]:
    path = folder / name
    if name == ALEX:
        return load_alex(path)
    # Angles of embeddings as they are: no mean is taken off.
    return _Remembering(
        load_faceres(path) if name == FACERES else DlibItself(path, torch.zeros(128))
    )


def face_embedding(folder: Path, name: str) -> Callable[..., Tensor]:
    """Return a recogniser that never guides, from its file's name."""
    return _tool(folder, name)


class _Remembering:
    """Embeds each picture once: a truth is compared with every method's result."""

    def __init__(self, embed: Callable[[Tensor], Tensor]) -> None:
        self.embed = embed
        self.known: dict[bytes, Tensor] = {}

    def __call__(self, image: Tensor) -> Tensor:
        key = image.numpy().tobytes()
        if key not in self.known:
            self.known[key] = self.embed(image)
        return self.known[key]


def load_laboratory(
    folder: Path, device: torch.device | str = "cpu", restorer: str = "demo"
) -> ModelSet:
    """Return prior, coarse restorer and guides.

    Args:
        folder: With the files that `prepare` wrote.
        device: Where they are put.
        restorer: Key in `RESTORERS`; "demo" is the laboratory's own, another is read from a file
            of its name, trained on the same photos, that was put into the folder.
    """
    coarse = COARSE if restorer == "demo" else f"{restorer}.safetensors"
    names = {"prior": PRIOR, "restorer": coarse, "arcface": GUIDE, "vgg": VGG}
    paths = {role: folder / name for role, name in names.items()}
    with torch.inference_mode(False):
        return ModelSet(
            prior=load_prior(paths["prior"], device),
            features={
                "arcface": load_dlib(paths["arcface"]),
                "vgg": load_perceptual(paths["vgg"], device=device),
            },
            restorer=load_restorer(restorer, paths["restorer"], device),
            paths=paths,
            name="laboratory",
        )


def prepare(folder: Path, unpacked: Mapping[str, Path], trained: Path, faces: Tensor) -> None:
    """Write the folder that everything else reads.

    Args:
        folder: To be written, outside the project.
        unpacked: Folders of the unpacked packages: "face-api", "human-models", "stlpips" and
            "face-recognition-models".
        trained: Folder of the prior and the coarse restorer.
        faces: Of training people, `(N, 3, H, H)` in [-1, 1]: their mean embedding is the guide's
            origin.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    for name in (PRIOR, COARSE):
        (folder / name).write_bytes((trained / name).read_bytes())
    guide = packages.dlib_tensors(unpacked["face-api"] / "model")
    bare = DlibIdentity(_network(guide))
    guide["mean"] = torch.cat([bare.embed(part) for part in faces.split(32)]).mean(0)
    weights = unpacked["stlpips"] / "stlpips_pytorch" / "weights" / "vST0.0"
    made = {
        GUIDE: guide,
        FACERES: packages.faceres_tensors(unpacked["human-models"] / "models"),
        VGG: packages.vgg_tensors(weights / "vgg_shift_tolerant.pth"),
        ALEX: packages.alex_tensors(weights / "alex_shift_tolerant.pth"),
    }
    for name, tensors in made.items():
        save_file(tensors, folder / name)
    for name in (DLIB, POINTS):
        (source,) = unpacked["face-recognition-models"].rglob(name)
        (folder / name).write_bytes(source.read_bytes())


def _network(tensors: Mapping[str, Tensor]) -> Any:
    from recognisers import DlibNetwork

    return DlibNetwork(dict(tensors))
