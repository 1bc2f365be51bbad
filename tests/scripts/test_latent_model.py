"""The small latent model's pictures, training and ways of guiding, each on a few pictures."""

import importlib
import sys
from pathlib import Path

import pytest
import torch

from pdgrad_core.faces.people import DRAWN_SEEDS, VIEWS_PER_PERSON
from pdgrad_core.faces.render import render
from pdgrad_core.training import config
from pdgrad_core.training.export import export
from pdgrad_core.training.loop import Trainer
from pdgrad_core.training.objectives import OBJECTIVES

FOLDER = Path(__file__).parents[2] / "scripts" / "latent_model"
MODULES = ("autoencoders", "scenes", "objectives", "measure")


@pytest.fixture(scope="module")
def latent_model():
    sys.path.insert(0, str(FOLDER))
    objectives, presets = set(OBJECTIVES.members), set(config.PRESETS)
    yield {name: importlib.import_module(name) for name in MODULES}
    sys.path.remove(str(FOLDER))
    for name in set(OBJECTIVES.members) - objectives:
        del OBJECTIVES.members[name]
    for name in set(config.PRESETS) - presets:
        del config.PRESETS[name]
    for name in MODULES:
        del sys.modules[name]


@pytest.fixture(scope="module")
def scenes(latent_model):
    return latent_model["scenes"].split_scenes("test", 2, 2)


def test_a_face_in_its_picture_is_the_drawn_face(latent_model, scenes):
    from pdgrad_core.faces.identity import sample_identities
    from pdgrad_core.faces.view import sample_views

    assert scenes.images.shape == (4, 3, 96, 96)
    first = DRAWN_SEEDS["test"]
    drawn = render(
        sample_identities([first]), sample_views([first * VIEWS_PER_PERSON]), 64, parts=True
    )
    inside = (drawn.parts != 0)[:, None].expand(-1, 3, -1, -1)  # 0 is the backdrop
    face = scenes.faces_of(scenes.images)[:1]
    torch.testing.assert_close(face[inside], drawn.images[inside])
    margin = latent_model["scenes"].MARGIN_PX
    assert ((scenes.corners >= margin) & (scenes.corners <= 96 - 64 - margin)).all()


def test_placements_cut_the_same_faces(scenes):
    from pdgrad_core.guidance.latent import views_of_faces

    views = views_of_faces(scenes.aligned(), (96, 96), (4, 4, 24, 24), 4, margin=2)
    for view, picture, face in zip(
        views, scenes.images, scenes.faces_of(scenes.images), strict=True
    ):
        rows = slice(4 * view.top, 4 * (view.top + view.height))
        window = picture[None, :, rows, 4 * view.left : 4 * (view.left + view.width)]
        torch.testing.assert_close(view.cut(window, 4), face[None], atol=1e-4, rtol=0)


class FewFaces:
    """A training set of a few pictures."""

    people = attribute_count = 0

    def __init__(self, images, batch):
        self.images, self.batch = images, batch

    def draw(self, generator, count):
        index = torch.randint(len(self.images), (count,), generator=generator)
        return self.batch(self.images[index], torch.zeros(count).long())

    def first(self, count):
        return self.batch(self.images[:count], torch.zeros(min(count, len(self.images))).long())


@pytest.fixture(scope="module")
def folder(latent_model, scenes, tmp_path_factory):
    """The three networks after two steps each."""
    from pdgrad_core.training.batches import Batch

    out = tmp_path_factory.mktemp("latent")
    latents = torch.randn(4, 4, 24, 24, generator=torch.Generator().manual_seed(0))
    for name, data in (("autoencoder", scenes.images), ("previewer", latents), ("flow", latents)):
        changed = {"batch_size": 4, "total_images": 8, "ema_std": None}
        if name != "autoencoder":
            changed["options"] = {"autoencoder": out / "autoencoder.safetensors"}
        trainer = Trainer(config.preset(name, **changed), FewFaces(data, Batch))
        losses = [trainer.step()["loss"] for _ in range(2)]
        assert torch.isfinite(torch.stack(losses)).all()
        export(trainer, out / f"{name}.safetensors", {})
    return out


def test_latents_of_the_training_pictures_are_standardised(latent_model, scenes, folder):
    trained = latent_model["objectives"].load_autoencoder(folder / "autoencoder.safetensors")
    z = trained.encode(scenes.images)
    assert z.shape == (4, 4, 24, 24)
    torch.testing.assert_close(z.mean((0, 2, 3)), torch.zeros(4), atol=0.05, rtol=0)
    torch.testing.assert_close(z.std((0, 2, 3)), torch.ones(4), atol=0.05, rtol=0)
    torch.testing.assert_close(
        trained.decode(z), trained.decoder(trained.moments(scenes.images)[0]), atol=1e-4, rtol=1e-3
    )


def test_a_way_without_strength_is_the_model_alone_and_others_are_not(latent_model, folder):
    from pdgrad_core.models.scorers import load_with_scorers

    measure, objectives = latent_model["measure"], latent_model["objectives"]
    model = measure.LatentModel(
        objectives.load_autoencoder(folder / "autoencoder.safetensors"),
        objectives.load_previewer(folder / "previewer.safetensors"),
        objectives.load_flow(folder / "flow.safetensors"),
    )
    models, _ = load_with_scorers()
    case = measure.draw_case("tuning", 1)
    ways = [measure.WAYS[0], measure.Way("whole", 0.15), measure.Way("small", 0.15, small=True)]
    alone, whole, small = (measure.sampled(way, model, models, case, 0) for way in ways)
    assert not torch.equal(alone, whole)
    assert not torch.equal(whole, small)
    assert torch.equal(alone, measure.sampled(measure.Way("none"), model, models, case, 0))
    assert -1 <= measure.agreement(ways[2], model, models, case) < 1
