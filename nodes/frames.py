"""A batch of photos, or of frames: memory, results in their places, and what is said of it."""

import logging
from collections.abc import Sequence

import comfy.model_management as management
from torch import Tensor

from ..pdgrad_core.sequences import faces_at_once
from .boundary import from_host, send_text, to_host
from .sockets import Patcher

logger = logging.getLogger(__name__)


class Frames:
    """The host's IMAGE, whose photos are read, and replaced by their results, one at a time.

    Args:
        image: `(B, H, W, C)` in [0, 1]; an alpha channel is left behind.
    """

    def __init__(self, image: Tensor) -> None:
        from_host(image[:1, ..., :3], "The photo")  # says what is wrong with its shape
        self.given = image
        self.image = image[..., :3].clone().to(management.intermediate_device())

    def __len__(self) -> int:
        return len(self.given)

    def photo(self, number: int) -> Tensor:
        """Return one photo, `(1, 3, H, W)` in [-1, 1]."""
        return from_host(self.given[number : number + 1, ..., :3], "The photo")

    def put(self, number: int, result: Tensor) -> None:
        """Put a photo's result, `(1, 3, H', W')` in [-1, 1], into its place.

        Results of another size than the photos' are aligned faces, and then all are.
        """
        restored = to_host(result)
        if restored.shape[1:] != self.image.shape[1:]:
            self.image = restored.new_zeros(len(self), *restored.shape[1:])
        self.image[number] = restored[0]


def faces_that_fit(patchers: Sequence[Patcher], size_px: int) -> int:
    """Return how many faces the device's memory takes at a time, beside the networks.

    Args:
        patchers: The host's handles on the networks.
        size_px: Side of a face.
    """
    memory = int(management.get_total_memory(management.get_torch_device()))
    return faces_at_once(memory - sum(int(one.model_size()) for one in patchers), size_px)


def say(text: str, notes: Sequence[str], node_id: str | None) -> str:
    """Write what a batch was into the log and onto the node, and return what the node shows.

    Args:
        text: May be empty.
        notes: Sentences that the log has already, and the node is to show too.
        node_id: Of the node.
    """
    if text:
        logger.info("Restore Face: %s.", text)
    shown = "\n".join(filter(None, [text, *notes]))
    if shown:
        send_text(shown, node_id)
    return shown
