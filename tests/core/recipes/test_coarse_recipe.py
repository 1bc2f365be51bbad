"""The recipe `coarse`: y_c is the result, and nothing of sampling can be asked of it."""

import pytest
import torch
from golden import tiny_prior
from networks import images
from recipe import fill

from pdgrad_core.errors import InvalidInputError
from pdgrad_core.models.sets import ModelSet
from pdgrad_core.pipeline import restore_faces
from pdgrad_core.restorers.coarse_net import CoarseNetwork, DemoRestorer
from pdgrad_core.settings import Settings


def test_the_result_is_what_the_restorer_makes():
    restorer = DemoRestorer(fill(CoarseNetwork(4, 1)))
    y = images(2, 64, seed=1)
    found = restore_faces(y, [], ModelSet(tiny_prior(), {}, restorer), Settings("coarse", seed=3))
    assert torch.equal(found.image, restorer(y))
    assert found.trace == []
    assert found.describe() == {"recipe": "coarse", "keep_grey": True, "seed": 3}


def test_a_grey_face_stays_grey():
    restorer = DemoRestorer(fill(CoarseNetwork(4, 1)))
    y = images(1, 64, seed=1).mean(1, keepdim=True).expand(-1, 3, -1, -1)
    models = ModelSet(tiny_prior(), {}, restorer)
    grey = restore_faces(y, [], models, Settings("coarse")).image
    assert (grey.amax(1) - grey.amin(1)).max() < 1e-6
    coloured = restore_faces(y, [], models, Settings("coarse", keep_grey=False)).image
    assert torch.equal(coloured, restorer(y))


@pytest.mark.parametrize("name", ["tau", "steps", "strength"])
def test_nothing_of_sampling_may_be_chosen(name):
    with pytest.raises(InvalidInputError, match=r"'coarse' .*; leave " + name):
        Settings("coarse", **{name: 3}).resolved()
