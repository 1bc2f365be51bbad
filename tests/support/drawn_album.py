"""Drawn people for albums: group photos, portraits, and folders of both."""

from types import SimpleNamespace

import torch

from pdgrad_core.faces.group import draw_group
from pdgrad_core.faces.identity import sample_identities
from pdgrad_core.faces.render import render
from pdgrad_core.faces.view import sample_views

ANNA, BERT, CARL, STRANGER = 3_000_001, 3_000_002, 3_000_003, 3_000_009


def drawn(persons, view=500, size=128):
    return draw_group(persons, [person * 1000 + view for person in persons], size).image


def portrait(person, view):
    views = sample_views([person * 1000 + view])
    return render(sample_identities([person]), views, 64, parts=False).images


def darkened(crops, guides, *_, **__):
    """Stand in for the sampling: each face is darker, those with references more."""
    factors = torch.tensor([0.5 if guide.known else 0.8 for guide in guides])
    return SimpleNamespace(image=crops * factors.view(-1, 1, 1, 1))


class Remembering:
    """A detector that looks at each picture once, however many tests show it.

    Args:
        detector: Looks.
    """

    def __init__(self, detector):
        self.detector, self.seen = detector, {}

    def __call__(self, photo, threshold=None):
        key = (photo.shape, threshold, photo.contiguous().numpy().tobytes())
        if key not in self.seen:
            self.seen[key] = self.detector(photo, threshold)
        return self.seen[key]
