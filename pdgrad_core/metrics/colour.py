"""Mean colour error: how far the whole picture has drifted in colour."""

from torch import Tensor

from .base import METRICS, Metric


@METRICS.register("colour")
class MeanColourError(Metric):
    """Distance of the pictures' mean colours: mean of the channels' absolute differences, of 255.

    Source: the drift that IDM section 3.2 (figure 5) shows for p = 2; the measure is ours.
    Deviations: none.

    Example:
        >>> import torch
        >>> MeanColourError()(torch.zeros(1, 3, 16, 16), torch.full((1, 3, 16, 16), 0.2))
        tensor([25.5000])
    """

    label = "colour"
    unit = "of 255"
    higher_is_better = False

    def _compare(self, result: Tensor, truth: Tensor) -> Tensor:
        return 127.5 * (result - truth).mean((2, 3)).abs().mean(1)
