"""Could a wrong reference be told from a right one? By the angle between a bad face and each."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from laboratory_models import FACERES, LaboratoryModels, face_embedding
from torch import Tensor

from pdgrad_core.evidence.evaluation.folders import Case, find_cases
from pdgrad_core.evidence.evaluation.methods import Method
from pdgrad_core.images import load_image
from pdgrad_core.metrics.identity import deg

RESAMPLES = 5000

Embed = Callable[[Tensor], Tensor]


def stranger_table(faces: Path, models: LaboratoryModels) -> list[dict[str, Any]]:
    """Return a row per degree, recogniser and picture: mean angles, and how often they tell.

    Args:
        faces: Folder of people, as `people` writes it.
        models: The laboratory's.
    """
    restorer = models(Method("coarse")).restorer
    assert restorer is not None
    guide: Any = models(Method("coarse")).features["arcface"]
    recognisers: Mapping[str, Embed] = {
        "dlib, the guide": guide.embed,
        "faceres": face_embedding(Path(str(models.models)), FACERES),
    }
    rows: list[dict[str, Any]] = []
    for degree in ("heavy", "mild"):
        own, wrong = (
            find_cases(faces / "truth", faces / f"degraded-{degree}", faces / kind, 1)
            for kind in ("references", "wrong")
        )
        pictures = {"degraded": lambda y: y, "coarse": restorer}
        for name, embed in recognisers.items():
            for picture, made in pictures.items():
                near, far = (_angles(cases, embed, made) for cases in (own, wrong))
                low, high = _interval(near, far)
                rows.append(
                    {
                        "degree": degree, "recogniser": name, "picture": picture, "n": len(near),
                        "own": round(float(np.mean(near)), 2),
                        "stranger": round(float(np.mean(far)), 2),
                        "told": round(told_apart(near, far), 4),
                        "told_low": round(low, 4), "told_high": round(high, 4),
                    }
                )  # fmt: skip
    return rows


def _angles(cases: Sequence[Case], embed: Embed, made: Embed) -> list[float]:
    """Return the angle between each bad face, or what is made of it, and its reference."""
    found: list[float] = []
    for case in cases:
        assert case.degraded is not None
        with torch.no_grad():
            face, reference = made(load_image(case.degraded)), load_image(case.references[0])
            found.append(float(deg(embed(face), embed(reference))))
    return found


def told_apart(own: Sequence[float], strangers: Sequence[float]) -> float:
    """Return the share of pairs in which the own reference is nearer; a tie counts half.

    Args:
        own: Angles to the person's own photos.
        strangers: Angles to somebody else's.
    """
    gap = np.subtract.outer(np.asarray(strangers, float), np.asarray(own, float))
    return float((gap > 0).mean() + 0.5 * (gap == 0).mean())


def _interval(own: Sequence[float], strangers: Sequence[float]) -> tuple[float, float]:
    """Return the 95% bootstrap interval of `told_apart`, by person."""
    random = np.random.default_rng(0)
    near, far = np.asarray(own, float), np.asarray(strangers, float)
    shares = [
        told_apart(near[drawn].tolist(), far[drawn].tolist())
        for drawn in random.integers(len(near), size=(RESAMPLES, len(near)))
    ]
    low, high = np.percentile(shares, (2.5, 97.5))
    return float(low), float(high)
