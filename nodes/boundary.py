"""The border between the host and the core: images, inference mode, memory, progress, interrupt."""

import gc
import logging
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import comfy.model_management as management
import comfy.utils
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor, nn

from ..pdgrad_core.errors import PDGradError
from ..pdgrad_core.images import check_image, from_unit, resize, to_pil, to_unit
from .picture_checks import check_picture
from .sockets import Patcher

if TYPE_CHECKING:
    from ..pdgrad_core.diffusion.sampler import Record, StepState

logger = logging.getLogger(__name__)

T = TypeVar("T")

PREVIEW_SIDE_PX = 512
PREVIEW_SECONDS = 0.1
"""Previews are sent no more often than this."""
TRACE_SECONDS = 0.1
"""The trace's numbers are looked at no more often than this; then all that are new are sent."""


class OutOfMemory(PDGradError):  # noqa: N818  (as torch names it)
    """The device's memory did not suffice, even with the host's other models out of it."""


@contextmanager
def outside_inference_mode() -> Generator[None, None, None]:
    """Leave the inference mode in which the host runs nodes.

    A network that is built or loaded in it, and an image that is not cloned outside it, cannot be
    used where gradients are taken; `enable_grad` alone does not help.
    """
    with torch.inference_mode(False), torch.no_grad():
        yield


def from_host(image: Tensor, what: str) -> Tensor:
    """Turn the host's IMAGE `(B, H, W, C)` in [0, 1] into `(B, 3, H, W)` in [-1, 1], copied.

    Args:
        image: As it comes from the wire; an alpha channel is left behind, and the log says so (but
            see `with_alpha_of`).
        what: The image in words, for the error.

    Raises:
        InvalidInputError: No image, one without a face's size, or one with values that are not
            finite or far outside [0, 1]; a resampling's overshoot is cut off.
    """
    check_picture(image, what)
    converted = from_unit(image[..., :3].clone().clamp(0, 1))
    check_image(converted, what)
    return converted


def mask_from_host(mask: Tensor) -> Tensor:
    """Turn the host's MASK `(B, H, W)` or `(H, W)` into `(B, 1, H, W)`, copied."""
    return mask.clone().reshape(-1, 1, *mask.shape[-2:]).float()


def to_host(image: Tensor) -> Tensor:
    """Turn `(B, 3, H, W)` in [-1, 1] into the host's IMAGE on its intermediate device."""
    return to_unit(image).to(management.intermediate_device())


def mask_to_host(mask: Tensor) -> Tensor:
    """Turn `(B, 1, H, W)` from 0 to 1 into the host's MASK on its intermediate device."""
    return mask[:, 0].float().contiguous().to(management.intermediate_device())


def with_alpha_of(source: Tensor, image: Tensor) -> Tensor:
    """Give an IMAGE the transparency of another, where that has any.

    Args:
        source: IMAGE `(B or 1, h, w, C)`; with four channels its last is taken, resized to fit.
        image: IMAGE `(B, H, W, 3)`.
    """
    if source.shape[-1] != 4:
        return image
    height, width = image.shape[1:3]
    alpha = source[..., 3:].movedim(-1, 1).float().clone()
    fitted = resize(alpha, height, width).clamp(0, 1).movedim(1, -1).to(image)
    return torch.cat([image, fitted.expand(len(image), -1, -1, -1)], dim=-1)


def with_pixels_of(source: Tensor, image: Tensor, changed: Tensor) -> Tensor:
    """Give an IMAGE another's own numbers where nothing was changed: conversion rounds them.

    Args:
        source: IMAGE `(B or 1, h, w, C)`; of another size, nothing is taken.
        image: IMAGE `(B, H, W, 3)`.
        changed: MASK `(B, H, W)`, 0 where nothing was changed.
    """
    if source.shape[1:3] != image.shape[1:3]:
        return image
    return torch.where(changed[..., None] > 0, image, source[..., :3].clone().to(image))


def patcher_for(network: nn.Module) -> Patcher:
    """Return the host's handle on a network: it counts, loads, offloads and evicts it."""
    return ModelPatcher(
        network,
        load_device=management.get_torch_device(),
        offload_device=management.unet_offload_device(),
    )


def load_networks(patchers: Sequence[Patcher], activations_bytes: int = 0) -> torch.device:
    """Bring networks to the device on which the host computes, and return it.

    Args:
        patchers: Their handles.
        activations_bytes: What the run needs besides the weights, about.
    """
    with outside_inference_mode():
        management.load_models_gpu(list(patchers), memory_required=activations_bytes)
        for patcher in patchers:
            leave_inference(patcher.model)
    return management.get_torch_device()


def leave_inference(network: nn.Module) -> None:
    """Replace tensors that the host moved in inference mode: no gradient passes through those."""
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.is_inference():
                fresh = nn.Parameter(parameter.detach().clone(), requires_grad=False)
                module.register_parameter(name, fresh)
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_inference():
                setattr(module, name, buffer.clone())


def run_in_memory(what: str, run: Callable[[], T], let_go: Callable[[], None] | None = None) -> T:
    """Call `run`; where memory runs out, free all of the host's models and call it once more.

    Args:
        what: The work in words, for the error.
        run: Must be able to start over: it draws its own noise and loads its own networks.
        let_go: Frees what the host does not count, before the second call.

    Raises:
        OutOfMemory: The second attempt failed too.
    """
    try:
        return run()
    except management.OOM_EXCEPTION as error:
        # Where the host cannot tell, it names every exception out-of-memory.
        if not _is_out_of_memory(error):
            raise
    if let_go is not None:
        let_go()
    management.unload_all_models()
    gc.collect()
    management.soft_empty_cache()
    try:
        return run()
    except management.OOM_EXCEPTION as error:
        if not _is_out_of_memory(error):
            raise
        raise OutOfMemory(
            f"{what} needs more memory than {management.get_torch_device()} has, even with every "
            "other model out of it; use a smaller batch or size, bfloat16 for the prior, or no "
            "speed_up."
        ) from error


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, torch.OutOfMemoryError)


class StepReporter:
    """Shows a run to the host: progress bar, preview of x0hat, and the live trace.

    Args:
        total: Steps of the run, or of all runs.
        node_id: The sampler node's id in the prompt.
        before: Steps of earlier runs, where this is one of several.
    """

    def __init__(self, total: int, node_id: str | None, before: int = 0) -> None:
        self.bar = comfy.utils.ProgressBar(total, node_id=node_id)
        self.node_id = node_id
        self.total, self.before = total, before
        self._last_preview = 0.0
        self._last_trace = 0.0
        self._untold: list[tuple[int, int, Record]] = []

    def __call__(self, state: "StepState") -> None:
        """Report one step; raises the host's interrupt, which is never to be caught."""
        now = time.monotonic()
        preview = None
        if now - self._last_preview >= PREVIEW_SECONDS or state.done == state.total:
            self._last_preview = now
            preview = ("JPEG", to_pil(state.x0hat[:1]), PREVIEW_SIDE_PX)
        # Its numbers alone: the pictures of a step would keep their memory as long.
        self._untold.append((self.before + state.done, self._all(state), state.record))
        # The numbers are on a GPU that would wait to be asked for them at every step.
        if now - self._last_trace >= TRACE_SECONDS or state.done == state.total:
            self._last_trace = now
            self._send_traces()
        self.bar.update_absolute(self.before + state.done, self._all(state), preview)

    def _all(self, state: "StepState") -> int:
        # A restorer that samples has steps of its own.
        return max(self.total, self.before + state.total)

    def _send_traces(self) -> None:
        """Send what was not told yet, brought to the host in one go."""
        from ..pdgrad_core.trace import on_host

        rows = on_host([record for _, _, record in self._untold])
        for (step, total, _), row in zip(self._untold, rows, strict=True):
            send_trace(self.node_id, step, total, row)
        self._untold.clear()


def send_trace(node_id: str | None, step: int, total: int, row: "Record") -> None:
    """Send what a step's row says of its surgeries to the plot on a node."""
    series = {
        name: float(torch.as_tensor(value).float().mean())
        for name, value in row.items()
        if name.endswith((".cosine", ".k"))
    }
    if series and node_id is not None:
        point = {"node": node_id, "step": step, "total": total}
        send_event("pdgrad.trace", {**point, "t": row["t"], "series": series})


class IterationReporter:
    """Shows the updates of a fit to the host, and stops it when the user asks for that.

    Args:
        node_id: The node's id in the prompt.
    """

    def __init__(self, node_id: str | None) -> None:
        self.node_id = node_id
        self.bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        """Report one update; raises the host's interrupt, which is never to be caught."""
        management.throw_exception_if_processing_interrupted()
        if self.bar is None:
            self.bar = comfy.utils.ProgressBar(total, node_id=self.node_id)
        self.bar.update_absolute(done, total)


def send_event(name: str, data: dict[str, Any]) -> None:
    """Send an event to the page that queued the prompt; without a server nothing is sent."""
    from server import PromptServer

    server: Any = getattr(PromptServer, "instance", None)
    if server is not None:
        server.send_sync(name, data, server.client_id)


def send_text(text: str, node_id: str | None) -> None:
    """Show a line of text on a node; without a server, or on an older one, nothing is shown."""
    from server import PromptServer

    server: Any = getattr(PromptServer, "instance", None)
    if node_id is not None and hasattr(server, "send_progress_text"):
        server.send_progress_text(text, node_id, server.client_id)


def stop_if_interrupted() -> bool:
    """Raise the host's interrupt if the user asked for it; the answer is always False."""
    management.throw_exception_if_processing_interrupted()
    return False


def as_sentence(check: Callable[[], Any]) -> bool | str:
    """Turn a check that raises into the host's answer to `validate_inputs`."""
    try:
        check()
    except PDGradError as error:
        return str(error)
    return True
