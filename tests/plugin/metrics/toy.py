"""A metric: the mean absolute difference."""

from .base import METRICS, Metric


@METRICS.register("toy_metric")
class ToyMetric(Metric):
    """Mean absolute difference."""

    label = "Toy"
    higher_is_better = False

    def _compare(self, result, truth):
        return (result - truth).abs().mean((1, 2, 3))
