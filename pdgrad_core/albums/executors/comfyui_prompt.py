"""A photo's faces as a prompt for ComfyUI: Restore Face for each, with its own references."""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ...errors import InvalidInputError
from ...images import from_picture, to_unit
from ...matched import without_references
from ...models.sets import DEMO
from ...parameters import parameters_of
from ...people import Guide
from ...pictures.decoding import decode
from ...pictures.formats import format_of
from ...pictures.kept import Kept
from ...pictures.writing import write_picture
from ...restorers.spandrel_model import SpandrelModel
from ...settings import Settings
from ..model_choice import ModelChoice

CARRIED = ("steps", "tau", "strength", "keep_grey")
"""The recipe's numbers that Restore Face has inputs for."""

_FIDELITY = next(one.default for one in parameters_of(SpandrelModel) if one.name == "fidelity")

Upload = Callable[[str, bytes], str]


@dataclass(frozen=True)
class FacePrompt:
    """Writes prompts.

    Attributes:
        settings: Of faces with references.
        models: What the hosts are to load.
    """

    settings: Settings
    models: ModelChoice

    def __post_init__(self) -> None:
        left = sorted(set(self.settings.values) - set(CARRIED))
        if left:
            raise InvalidInputError(
                f"Restore Face has no input for {', '.join(left)}, so a ComfyUI host cannot be "
                "asked for it; leave it out, or use this machine or --ray."
            )
        own = self.settings.resolved().prior_kind
        if self.models.prior not in (None, own):
            raise InvalidInputError(
                f"Restore Face takes the recipe's own prior ({own}), not {self.models.prior}; "
                "leave --prior out."
            )
        for name in ("steps", "tau", "strength"):
            if self.settings.values.get(name) == 0:
                raise InvalidInputError(
                    f"{name} 0 is the recipe's own for Restore Face; leave out."
                )

    def write(
        self, crops: Tensor, guides: list[Guide], upload: Upload
    ) -> tuple[dict[str, Any], list[str]]:
        """Return a prompt and the nodes that show the faces, in their order.

        Args:
            crops: `(faces, 3, S, S)` in [-1, 1].
            guides: One per face.
            upload: Gives a picture to the host and returns its name there.
        """
        nodes: dict[str, Any] = {}

        def add(kind: str, **inputs: Any) -> str:
            nodes[str(len(nodes) + 1)] = {"class_type": kind, "inputs": inputs}
            return str(len(nodes))

        def load(crop: Tensor) -> list[Any]:
            data = png(crop)
            name = f"{hashlib.sha256(data).hexdigest()[:32]}.png"
            return [add("PDGradLoadPhoto", photo=upload(name, data)), 0]

        shown: list[str] = []
        for crop, guide in zip(crops.split(1), guides, strict=True):
            inputs = self._inputs(guide)
            inputs["photo"] = load(crop)
            if inputs["reference_weights"]:
                batch = load(guide.references[0])
                for reference in guide.references[1:]:
                    batch = [add("ImageBatch", image1=batch, image2=load(reference)), 0]
                inputs["references"] = batch
            restored = add("PDGradRestoreFace", **inputs)
            shown.append(add("PreviewImage", images=[restored, 0]))
        return nodes, shown

    def _inputs(self, guide: Guide) -> dict[str, Any]:
        """Return Restore Face's inputs but for its pictures."""
        settings = self.settings if guide.known else without_references(self.settings)
        row = settings.resolved()
        # What is said has to be said: the node's own 0 means other numbers for the demo models.
        numbers = {name: row.values().get(name) or 0 for name in ("steps", "tau", "strength")}
        demo = self.models.models == DEMO
        fidelity = self.models.fidelity
        weights = guide.weights if row.needs_reference else ()
        return {
            "recipe": row.name,
            "models": DEMO if demo else "photos",
            "seed": settings.seed,
            **numbers,
            "fidelity": _FIDELITY if fidelity is None else fidelity,
            "restorer": self.models.restorer or "the recipe's own",
            "photo_is": "aligned face",
            "faces": "largest",
            "keep_grey": bool(settings.values.get("keep_grey", True)),
            "reference_weights": ", ".join(f"{weight:.6g}" for weight in weights),
            "precision": self.models.precision,
            "speed_up": self._speed_up(),
        }

    def _speed_up(self) -> str:
        """Return what Restore Face calls the way in which networks are made faster."""
        if self.models.compiled:
            return "compile"
        return "replay" if self.models.replayed else "none"


def png(image: Tensor) -> bytes:
    """Return a picture, `(1, 3, H, W)` in [-1, 1], as a PNG of 16 bits a channel."""
    values = (to_unit(image)[0].clamp(0, 1) * 65535).round().cpu().numpy().astype(np.uint16)
    with tempfile.TemporaryDirectory(prefix="pdgrad-") as folder:
        path = Path(folder) / "face.png"
        write_picture(path, format_of(path), values, Kept())
        return path.read_bytes()


def face_from(data: bytes, size_px: int) -> Tensor:
    """Return a face that a host has shown, `(1, 3, S, S)` in [-1, 1].

    Raises:
        InvalidInputError: It has another size.
    """
    with tempfile.TemporaryDirectory(prefix="pdgrad-") as folder:
        path = Path(folder) / "face.png"
        path.write_bytes(data)
        image = from_picture(decode(path))
    if image.shape[-2:] != (size_px, size_px):
        raise InvalidInputError(
            f"A ComfyUI host gave back a face of {image.shape[-1]}x{image.shape[-2]}, not "
            f"{size_px} px; it has other models."
        )
    return image
