"""A photo with more faces than the memory takes: restored in portions, and told as one."""

from argparse import Namespace

import pytest
import torch
from networks import images

from pdgrad_core.commands.restore_work import RestoreWork
from pdgrad_core.models.sets import load_model_set
from pdgrad_core.sequences import share_of_faces
from pdgrad_core.settings import Settings

SIZE = 64


@pytest.mark.parametrize(
    ("total", "limit", "sizes"),
    [(1, 8, [1]), (8, 8, [8]), (9, 8, [5, 4]), (17, 8, [6, 6, 5]), (3, 1, [1, 1, 1])],
)
def test_portions_are_few_alike_and_hold_every_face_once(total, limit, sizes):
    parts = share_of_faces(total, limit)
    assert [part.stop - part.start for part in parts] == sizes
    assert [face for part in parts for face in range(total)[part]] == [*range(total)]


def test_portions_give_the_faces_of_the_whole(monkeypatch):
    models = load_model_set("demo")
    settings = Settings(recipe="none", seed=3, steps=2, tau=300)
    monkeypatch.setattr(RestoreWork, "faces_at_once", 2)
    work = RestoreWork(Namespace(), None, models, settings, None, [], None)
    crops = images(3, SIZE, seed=1)
    whole, parts = (
        work.restored("a photo", crops, None, work.shares(3, together=together))
        for together in (True, False)
    )
    # Another batch adds in another order; no guidance is here to blow that up.
    torch.testing.assert_close(parts.image, whole.image, rtol=0, atol=1e-4)
    torch.testing.assert_close(parts.coarse, whole.coarse, rtol=0, atol=1e-4)
    assert [row["t"] for row in parts.trace] == [row["t"] for row in whole.trace]
    assert all(len(row["step_norm"]) == 3 for row in parts.trace)
    assert set(parts.seconds) == {"coarse", "prepare", "sampling"}
