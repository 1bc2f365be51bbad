"""What can be told from a picture of a drawn face, as numbers to predict."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from .draws import Parameters
from .identity import Identity, sample_identities
from .view import View, sample_views

# Where noise is read and where single spots lie cannot be told apart from their effect.
HIDDEN = ("noise_offset", "hair_phase", "backdrop_spots", "moles", "scar")
# Fields that only show where another one does.
NEEDS = {
    "glasses_size": "glasses",
    "glasses_power": "glasses",
    "glasses_rim": "glasses",
    "glasses_tilt": "glasses",
    "glasses_tint": "glasses",
    "glasses_rgb": "glasses",
    "hair_rgb": "hair_cover",
    "hair_line": "hair_cover",
    "hair_recession": "hair_cover",
    "hair_peak": "hair_cover",
    "hair_top": "hair_cover",
    "hair_side": "hair_cover",
    "hair_length": "hair_cover",
    "hair_flare": "hair_cover",
    "hair_open": "hair_cover",
    "hair_part": "hair_cover",
    "hair_tilt": "hair_cover",
    "hair_curtain": "hair_cover",
    "hair_curl": "hair_cover",
    "hair_wave": "hair_cover",
    "beard_rgb": "moustache",
}
STATISTICS_SEEDS = 2000


def attribute_names() -> tuple[str, ...]:
    """The name of each attribute: `identity.field`, `view.field`, with [i] in colours and pairs."""
    return _statistics()[0]


def attributes(identities: Identity, views: View) -> Tensor:
    """Numbers that describe what the picture of each row shows.

    Each is standardised over the distribution of seeds; one that does not show (the shape of
    glasses on a bare face) is 0.

    Args:
        identities: B persons.
        views: B views.

    Returns:
        (B, A), zero mean and unit deviation over random seeds, on the device of the input; the
        names are `attribute_names()`.
    """
    _, mean, deviation = _statistics()
    values, shown = _flatten(identities, views)[1:]
    mean, deviation = mean.to(values.device), deviation.to(values.device)
    return (values - mean) / deviation * shown


def _columns(prefix: str, record: Parameters) -> tuple[list[str], list[Tensor], list[Tensor]]:
    names: list[str] = []
    values: list[Tensor] = []
    shown: list[Tensor] = []
    fields = record.tensors()
    for name, tensor in fields.items():
        if name in HIDDEN:
            continue
        flat = tensor.reshape(len(tensor), -1)
        # A colour's square root is what is displayed.
        flat = flat.clamp_min(0.0).sqrt() if name.endswith("_rgb") else flat
        gate = fields[NEEDS[name]] if name in NEEDS else torch.ones_like(flat[:, 0])
        width = flat.shape[1]
        suffixes = [""] if width == 1 else [f"[{i}]" for i in range(width)]
        names += [f"{prefix}.{name}{suffix}" for suffix in suffixes]
        values.append(flat)
        shown.append((gate > 0).float()[:, None].expand(-1, width))
    return names, values, shown


def _flatten(identities: Identity, views: View) -> tuple[tuple[str, ...], Tensor, Tensor]:
    """Names, values (B, A), and whether each shows (B, A)."""
    names, values, shown = _columns("identity", identities)
    more_names, more_values, more_shown = _columns("view", views)
    return (
        tuple(names + more_names),
        torch.cat(values + more_values, dim=1),
        torch.cat(shown + more_shown, dim=1),
    )


@lru_cache(maxsize=1)
def _statistics() -> tuple[tuple[str, ...], Tensor, Tensor]:
    """Names, means and deviations over a fixed set of seeds, of the rows where they show."""
    seeds = range(STATISTICS_SEEDS)
    # The result is kept, so it must be usable in training whoever asks first.
    with torch.inference_mode(False):
        return _measure(_flatten(sample_identities(seeds), sample_views(seeds)))


def _measure(
    flat: tuple[tuple[str, ...], Tensor, Tensor],
) -> tuple[tuple[str, ...], Tensor, Tensor]:
    names, values, shown = flat
    count = shown.sum(0).clamp_min(1.0)
    mean = (values * shown).sum(0) / count
    variance = ((values - mean) ** 2 * shown).sum(0) / count
    return names, mean, variance.sqrt().clamp_min(1e-4)
