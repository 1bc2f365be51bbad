"""NaN and infinite values end a run with a sentence that says where they came from."""

import pytest
import torch
from networks import images

from pdgrad_core.alignment.detect import FaceDetector
from pdgrad_core.contractions import Contraction
from pdgrad_core.diffusion.noise import seeded_noise
from pdgrad_core.diffusion.prior import PriorOutput
from pdgrad_core.diffusion.sampler import Guided, Sampler
from pdgrad_core.diffusion.schedule import Schedule
from pdgrad_core.errors import InvalidInputError, NonFiniteError
from pdgrad_core.guidance.references import nearest_reference
from pdgrad_core.guidance.strengths import make_strength
from pdgrad_core.images import save_image, to_unit
from pdgrad_core.metrics import METRICS
from pdgrad_core.models.sets import load_model_set
from pdgrad_core.pipeline import restore_faces
from pdgrad_core.restorers import Restorer
from pdgrad_core.settings import Settings


class Toy:
    """A prior that predicts x_0 by a function."""

    prediction = "x0"

    def __init__(self, schedule, answer, variance="fixed_large"):
        self.schedule, self.answer, self.variance = schedule, answer, variance

    def __call__(self, x_t, t):
        return self.answer(x_t, t)


BAD = [float("nan"), float("inf"), -float("inf")]


@pytest.fixture
def models():
    return load_model_set("demo")


def run(models, recipe="none", **options):
    face = images(1, 64, seed=1)
    references = [] if recipe == "none" else [images(1, 64, seed=2)]
    return restore_faces(face, references, models, Settings(recipe, tau=300, steps=2), **options)


def poisoned(network, value=float("nan")):
    next(network.parameters()).data.fill_(value)


def test_a_restorer_of_nan_is_named(models):
    poisoned(models.restorer.network)
    with pytest.raises(NonFiniteError, match=r"the restorer 'demo.*' made holds NaN"):
        run(models)


@pytest.mark.parametrize("value", BAD)
def test_what_a_restorer_answers_is_not_clipped_into_a_picture(value):
    class Bad(Restorer):
        name = "bad"

        def _restore(self, degraded, x_t, t):
            return torch.full_like(degraded, value)

    with pytest.raises(NonFiniteError, match="'bad'"):
        Bad()(images(1, 32, seed=0))


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("part", ["prediction", "variance_fraction"])
def test_a_prior_of_nan_is_named_with_its_timestep(value, part):
    def bad(x_t, t):
        values = {"prediction": x_t.clone(), "variance_fraction": torch.zeros_like(x_t)}
        values[part][0, 0, 3, 3] = value
        return PriorOutput(**values)

    schedule = Schedule.linear()
    sampler = Sampler(Toy(schedule, bad, "learned_range"), schedule.plan(300, 2))
    noise = seeded_noise(images(1, 16, seed=0), 0)
    with pytest.raises(NonFiniteError, match=r"the prior predicts at timestep 299 holds NaN"):
        sampler.run(images(1, 16, seed=0), noise)


def test_a_contraction_of_nan_is_named(models):
    class Hole(Contraction):
        def __call__(self, x0hat, context):
            return torch.where(x0hat > 0, torch.nan, x0hat)

    with pytest.raises(NonFiniteError, match="What Hole contracts x0hat to at timestep 299"):
        run(models, contractions=[Hole()])


def test_a_loss_network_of_nan_is_named_by_its_term(models):
    poisoned(models.features["arcface"].module)
    with pytest.raises(NonFiniteError, match=r"gradient of .*low.* NaN or infinite at timestep"):
        run(models, "pdgrad")


def test_a_strength_that_overflows_is_told_to_be_lowered():
    # Sigma g s beyond float32's 3.4e38, though g itself is finite.
    schedule = Schedule.linear()
    sampler = Sampler(
        prior=Toy(schedule, lambda x_t, t: PriorOutput(x_t)),
        schedule=schedule.plan(300, 2),
        guidance=lambda x0hat, context: Guided(torch.full_like(x0hat, 1e38), {}),
        strength=make_strength("constant", 1e9),
    )
    noise = seeded_noise(images(1, 16, seed=0), 0)
    with pytest.raises(NonFiniteError, match=r"guided step at timestep 299 .* lower the strength"):
        sampler.run(images(1, 16, seed=0), noise)


def test_the_nearest_of_references_is_not_chosen_by_nan(models):
    poisoned(models.features["arcface"].module)
    faces = [images(1, 64, seed=seed) for seed in (1, 2, 3)]
    with pytest.raises(NonFiniteError, match="identity of a reference"):
        nearest_reference(faces[1:], faces[0], models.features["arcface"])


@pytest.mark.parametrize("name", ["psnr", "ssim"])
@pytest.mark.parametrize("value", BAD)
def test_a_metric_takes_no_such_picture(name, value):
    good = images(1, 32, seed=0)
    bad = torch.full_like(good, value)
    for result, truth, which in ((bad, good, "result"), (good, bad, "truth")):
        with pytest.raises(InvalidInputError, match=f"The {which} holds NaN or infinite"):
            METRICS[name]()(result, truth)


def test_a_metric_whose_network_answers_nan_is_named():
    face = images(1, 32, seed=0)
    metric = METRICS["lpips"](lambda a, b: torch.full((1,), torch.nan))
    with pytest.raises(NonFiniteError, match="metric LPIPS gave NaN"):
        metric(face, face)
    assert METRICS["psnr"]()(face, face).isinf()


def test_a_detector_of_nan_does_not_find_that_there_is_no_face():
    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, image):
            return tuple(torch.full((1, 2, n), torch.nan) for n in (4, 2, 10))

    with pytest.raises(NonFiniteError, match="What the face detector found"):
        FaceDetector(Network(), short_side_px=None)(images(1, 32, seed=0))


@pytest.mark.parametrize("value", BAD)
def test_no_black_picture_is_written(tmp_path, value):
    face = images(1, 32, seed=0)
    face[0, 1, 2, 3] = value
    with pytest.raises(NonFiniteError, match="NaN or infinite"):
        save_image(face, tmp_path / "black.png")
    with pytest.raises(NonFiniteError, match="NaN or infinite"):
        to_unit(face)
    assert not list(tmp_path.iterdir())
