"""Tiny training runs, and their comparison bit for bit."""

import torch

from pdgrad_core.training.config import TrainingConfig

_GENERATOR = {
    "widths": (8, 8, 8), "style_width": 8, "mapping_layers": 2, "discriminator_widths": (4, 8, 8),
}  # fmt: skip
NETWORKS = {
    "prior": {"width": 32, "channel_mult": (1,), "num_res_blocks": (1,), "patch_size": 4},
    "idm": {"width": 32, "channel_mult": (1,), "num_res_blocks": (1,), "patch_size": 4},
    "coarse": {"width": 4, "blocks": 1},
    "identity": {"layers": (1, 1, 1, 1), "widths": (4, 4, 8, 8), "embedding_dim": 8},
    "perceptual": {"widths": (4, 4, 8, 8, 8)},
    "stylegan2": _GENERATOR,
    "gan_prior": {**_GENERATOR, "part_widths": (4, 4, 8)},
}


def tiny(objective, **changes):
    """Return the numbers of a run of 8 steps; an objective not listed has its smallest network."""
    values = {
        "network": NETWORKS.get(objective, {}), "image_size": 16, "batch_size": 8,
        "total_images": 64, "learning_rate": 3e-3, "warmup_images": 8, "cooldown_images": 0,
        "snapshot_images": 32,
    }  # fmt: skip
    return TrainingConfig(objective, **{**values, **changes})


def states_equal(first, second):
    """Assert that two runs have the same state, bit for bit."""
    compare(first.state_dict(), second.state_dict(), "state")


def compare(first, second, where):
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second), where
    elif isinstance(first, dict):
        assert first.keys() == second.keys(), where
        for key in first:
            compare(first[key], second[key], f"{where}.{key}")
    elif isinstance(first, (list, tuple)):
        assert len(first) == len(second), where
        for index, pair in enumerate(zip(first, second, strict=True)):
            compare(*pair, f"{where}.{index}")
    else:
        assert first == second, where
