"""Each face by its own references: as alone, in any company, and by weights."""

import pytest
import torch
from golden import tiny_prior, tiny_unet
from networks import images as float32_images
from networks import in_float64, small_networks
from tolerances import assert_same, terms_of

from pdgrad_core.errors import InvalidInputError
from pdgrad_core.matched import restore_matched, runs_for, without_references
from pdgrad_core.models.sets import ModelSet
from pdgrad_core.people import Guide
from pdgrad_core.pipeline import restore_faces
from pdgrad_core.recipes import Hints
from pdgrad_core.restorers import load_restorer
from pdgrad_core.settings import Settings

STEPS_TERMS = 2 * terms_of(tiny_unet())


def images(*args, **values):
    return float32_images(*args, **values).double()


@pytest.fixture(scope="module")
def models():
    networks = {name: in_float64(network) for name, network in small_networks().items()}
    return ModelSet(in_float64(tiny_prior()), networks, load_restorer("none"))


def quick(recipe="pdgrad", **values):
    return Settings(recipe, seed=3, steps=2, tau=300, **values)


def guide(*references, weights=None):
    return Guide(tuple(references), tuple(weights or [1 / len(references)] * len(references)))


def test_each_face_is_restored_as_with_its_own_references_alone(models):
    faces = images(3, 32, seed=1)
    anna, bert, bert2 = (images(1, 32, seed=seed) for seed in (4, 5, 6))
    guides = [guide(anna), Guide(), guide(bert, bert2)]
    found = restore_matched(faces, guides, models, quick(), seeds=[3, 3, 9])
    alone = [
        restore_faces(faces[:1], [anna], models, quick(), seeds=[3]),
        restore_faces(faces[1:2], [], models, quick("a5"), seeds=[3]),
        restore_faces(faces[2:], [bert, bert2], models, quick(), seeds=[9]),
    ]
    assert_same(found.image, torch.cat([one.image for one in alone]), STEPS_TERMS)
    assert_same(found.coarse, torch.cat([one.coarse for one in alone]), STEPS_TERMS)
    assert found.settings.name == "pdgrad"


def test_weights_of_references_weigh_their_losses(models):
    face, anna, other = images(1, 32, seed=1), images(1, 32, seed=4), images(1, 32, seed=5)

    def run(*weights):
        hints = Hints(weights=torch.tensor(weights)[:, None])
        return restore_faces(face, [anna, other], models, quick(), hints=hints)

    mean = restore_faces(face, [anna, other], models, quick())
    assert_same(run(0.5, 0.5).image, mean.image, STEPS_TERMS)
    only = restore_faces(face, [anna], models, quick()).image
    assert_same(run(1.0, 0.0).image, only, STEPS_TERMS)
    assert not torch.allclose(run(0.8, 0.2).image, mean.image)


def test_a_reference_of_weight_zero_is_never_the_nearest(models):
    face, far = images(1, 32, seed=1), images(1, 32, seed=4)
    near = face + 0.01 * images(1, 32, seed=3)
    hints = Hints(weights=torch.tensor([[0.0], [1.0]]))
    found = restore_faces(face, [near, far], models, quick(references="nearest"), hints=hints)
    assert_same(found.image, restore_faces(face, [far], models, quick()).image, STEPS_TERMS)


def test_wrong_weights_are_refused(models):
    face, anna = images(1, 32, seed=1), images(1, 32, seed=4)
    for weights in (torch.ones(2, 1), torch.tensor([[-1.0]]), torch.ones(1)):
        with pytest.raises(InvalidInputError, match="weights must be"):
            restore_faces(face, [anna], models, quick(), hints=Hints(weights=weights))
    with pytest.raises(InvalidInputError, match="one per face"):
        restore_matched(face, [], models, quick())


def test_steps_of_both_runs_are_told_as_one_runs(models):
    told = []
    restore_matched(
        images(2, 32, seed=1),
        [guide(images(1, 32, seed=2)), Guide()],
        models,
        quick(),
        on_step=lambda state: told.append((state.done, state.total)),
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_what_the_other_recipe_lacks_is_left_out():
    settings = quick("pgdiff-reference", strength=0.1)
    other = without_references(settings)
    assert other.recipe == "pgdiff-restoration"
    assert (other.seed, other.values["steps"], other.values["strength"]) == (3, 2, 0.1)
    other.resolved()
    assert without_references(quick("a5")).recipe == "a5"
    assert runs_for(quick().resolved(), [Guide(), guide(images(1, 32))]) == 2
    assert runs_for(quick("a5").resolved(), [Guide(), guide(images(1, 32))]) == 1
