"""The trace as a plot."""

import numpy as np
import torch

from pdgrad_core.trace import plot_trace


def test_a_constant_shift_is_drawn_clear_of_the_frame():
    row = {"repeat": 0, "step_norm": torch.tensor([5.0]), "shift_norm": torch.tensor([1.0])}
    picture = np.asarray(plot_trace([{"t": 9 - i, **row} for i in range(8)])).astype(int)
    red, green, blue = picture[..., 0], picture[..., 1], picture[..., 2]
    line = np.flatnonzero(((blue - red) > 60).sum(1) > 300)
    frame = np.flatnonzero((np.maximum(red, np.maximum(green, blue)) < 90).sum(1) > 300)
    assert len(line) and len(frame)
    assert line.min() - frame.min() > 15
    assert frame.max() - line.max() > 15
