"""The coarse restoration y_c = f(y): loading f, and applying it."""

import copy
from dataclasses import dataclass, replace
from typing import Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.diffusion.noise import seeded_noise
from ..pdgrad_core.diffusion.sampler import Watch
from ..pdgrad_core.embedded import SIZE_PX
from ..pdgrad_core.errors import InvalidInputError
from ..pdgrad_core.images import resize
from ..pdgrad_core.restorers import RESTORERS, Restorer, load_restorer
from ..pdgrad_core.restorers.spandrel_model import SpandrelModel
from ..pdgrad_core.weights.catalogue import CATALOGUE
from . import schema
from .boundary import (
    StepReporter,
    from_host,
    load_networks,
    outside_inference_mode,
    patcher_for,
    run_in_memory,
    stop_if_interrupted,
    to_host,
)
from .checked import CheckedNode
from .node_schema import node_schema
from .picture_checks import check_trained_size
from .sockets import LoadedRestorer, RestorerIO
from .weights import DEMO, choices, embedded_choices, embedded_path, weights_path

NO_RESTORER = "none"


def catalogued() -> dict[str, str]:
    """Return the restorers with published weights, by the weights' names in the catalogue.

    Those that other packs use too come first.
    """
    found = {member.weights: name for name, member in RESTORERS.members.items() if member.weights}
    files = [file for file in CATALOGUE if file.name in found]
    files.sort(key=lambda file: file.category != "facerestore_models")
    return {file.name: found[file.name] for file in files}


def without_weights() -> list[str]:
    """Return the restorers that need no file, beside `none`."""
    return [
        name
        for name, member in RESTORERS.members.items()
        if not member.needs_weights and name != NO_RESTORER
    ]


def embedded() -> dict[str, str]:
    """Return the restorers with embedded weights, by what the node calls them."""
    return embedded_choices("restorer", RESTORERS)


class LoadRestorerNode(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        offered = [*embedded(), NO_RESTORER, *catalogued(), *without_weights()]
        return node_schema(
            node_id="PDGradLoadRestorer",
            display_name="Load Restorer (CodeFormer, GFPGAN)",
            category="PDGrad/loaders",
            description=(
                "Loads the restorer that makes the coarse face from the degraded one: CodeFormer "
                "(the paper's choice), GFPGAN, RestoreFormer, GPEN, PGDiff's RRDB, the embedded "
                "demo, or none, which leaves the face as it is."
            ),
            inputs=[
                schema.choice(
                    "weights",
                    choices(offered, "facerestore_models"),
                    DEMO,
                    "Which restorer. Files in models/facerestore_models are recognised by their "
                    "content; a missing file is explained when the node runs.",
                )
            ],
            outputs=[
                RestorerIO.Output(
                    "restorer",
                    display_name="restorer",
                    tooltip="For Coarse Restore, and for losses that restore their target.",
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, weights: str | None) -> bool | str:
        """Refuse unknown choices before anything runs."""
        return schema.check_choices(cls, weights=weights)

    @classmethod
    def execute(cls, weights: str) -> io.NodeOutput:
        """Load the restorer outside inference mode and put it under the host's care."""
        with outside_inference_mode():
            restorer = _load(weights)
            network = restorer.network
            patcher = patcher_for(network) if network is not None else None
            return io.NodeOutput(LoadedRestorer(restorer, patcher))


def _load(weights: str) -> Restorer:
    if weights in embedded():
        name = embedded()[weights]
        return load_restorer(name, embedded_path("restorer", name))
    if weights in (NO_RESTORER, *without_weights()):
        return load_restorer(weights)
    path = weights_path(weights, "facerestore_models")
    from ..pdgrad_core.gan.reading import restorer_of

    name = catalogued().get(weights) or restorer_of(path) or "spandrel_model"
    return load_restorer(name, path)


class CoarseRestore(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradCoarseRestore",
            display_name="Coarse Restore",
            category="PDGrad/restore",
            description=(
                "Makes the coarse face y_c from the degraded aligned face y. It has the degraded "
                "face's layout, clean but with lost identity; sampling starts from it."
            ),
            inputs=[
                io.Image.Input("image", tooltip="Degraded aligned faces, a batch of any number."),
                io.MultiType.Input(
                    "restorer",
                    [RestorerIO, io.UpscaleModel],
                    tooltip="From Load Restorer, or the core's Load Upscale Model.",
                ),
                schema.parameter_input(SpandrelModel, "fidelity"),
            ],
            outputs=[
                io.Image.Output(
                    "coarse",
                    display_name="coarse",
                    tooltip="Clean faces of the degraded ones' layout, of uncertain identity.",
                )
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, image: Tensor, restorer: Any, fidelity: float) -> io.NodeOutput:
        """Restore a batch with f; a core upscale model's result is brought back to its size."""
        with outside_inference_mode():
            degraded = from_host(image, "The degraded face")
            how = _How(fidelity, cls.hidden.unique_id)
            coarse = run_in_memory(
                "The coarse restoration", lambda: _restored(degraded, restorer, how)
            )
            return io.NodeOutput(to_host(coarse))


@dataclass(frozen=True)
class _How:
    """What restorers may be given beside the face.

    Attributes:
        fidelity: CodeFormer's w.
        node_id: Of the node, for progress.
    """

    fidelity: float
    node_id: str | None


def _restored(degraded: Tensor, loaded: Any, how: _How) -> Tensor:
    if not isinstance(loaded, LoadedRestorer):
        return _upscaled(degraded, loaded, how)
    restorer = brought(loaded, degraded, how.fidelity)
    if not restorer.samples:
        return restorer(degraded)
    # As for a loss's target: one picture, the same in every run.
    noise = seeded_noise(degraded, 0)
    watch = Watch(StepReporter(1, how.node_id), stop_if_interrupted)
    return restorer(degraded, noise=noise, watch=watch)


def brought(loaded: LoadedRestorer, faces: Tensor, fidelity: float) -> Restorer:
    """Return a wire's restorer for working on one image at a time, on the host's device.

    Args:
        loaded: From the wire.
        faces: What it will be applied to, `(B, 3, H, W)`.
        fidelity: CodeFormer's w; others have no use for it.

    Raises:
        InvalidInputError: It works along the sampling, or on faces of another size.
    """
    if loaded.restorer.depends_on_x_t:
        raise InvalidInputError(
            f"The restorer {loaded.restorer.name!r} works along the sampling, not on one image; "
            "choose another in Load Restorer."
        )
    _check_size(loaded.restorer, faces)
    if loaded.patcher is not None:
        load_networks([loaded.patcher])
    # The wire's restorer belongs to every node it is connected to: a copy carries this w.
    restorer = copy.copy(loaded.restorer)
    if hasattr(restorer, "fidelity"):
        restorer.fidelity = fidelity  # type: ignore[attr-defined]
    return restorer


def _check_size(restorer: Restorer, faces: Tensor) -> None:
    """Refuse faces far from the size that a restorer was trained at, where it is known."""
    own = restorer.own_prior
    if own is None and restorer.name != DEMO:
        return
    size_px = SIZE_PX if own is None else own.image_size
    cure = f"choose codeformer or gfpgan in Load Restorer, or align the faces to {size_px} px"
    check_trained_size(faces.shape[-2:], size_px, "The face", cure)


def _upscaled(degraded: Tensor, descriptor: Any, how: _How) -> Tensor:
    """Apply spandrel's descriptor, as the host's Load Upscale Model gives it."""
    network: torch.nn.Module = descriptor.model
    name = descriptor.architecture.id
    loaded = LoadedRestorer(SpandrelModel(network, name), patcher_for(network))
    if name in SpandrelModel.architectures:
        return _restored(degraded, loaded, replace(how, fidelity=0.5))
    device = load_networks([loaded.patcher])
    larger = descriptor((degraded.to(device) + 1) / 2).clone() * 2 - 1
    height, width = degraded.shape[-2:]
    return resize(larger, height, width, "bicubic").clamp(-1, 1)


NODES = [LoadRestorerNode, CoarseRestore]
