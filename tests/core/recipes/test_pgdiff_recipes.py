"""PGDiff's recipes from end to end on small random models, and what they refuse."""

import pytest
import torch
from golden import tiny_prior, tiny_unet
from networks import images as float32_images
from networks import in_float64, small_discriminator, small_networks
from tolerances import assert_same, terms_of

from pdgrad_core.diffusion.sampler import StepContext
from pdgrad_core.errors import InvalidInputError
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.guidance.terms import Masked
from pdgrad_core.losses.color_statistics import ColorStatistics
from pdgrad_core.models.sets import ModelSet
from pdgrad_core.pipeline import restore_faces
from pdgrad_core.recipes import RECIPES, GuideImages, Hints
from pdgrad_core.restorers.rrdb import RRDBNetwork, RRDBRestorer
from pdgrad_core.settings import Settings

PGDIFF = [name for name in RECIPES if name.startswith("pgdiff-")]


def images(*args, **values):
    """In float64, where no rounding opens or closes a gate; see `tolerances`."""
    return float32_images(*args, **values).double()


Y, R = images(2, 32, seed=1), images(1, 32, seed=2)
MASK = torch.zeros(1, 1, 32, 32)
MASK[..., 8:16, 8:20] = 1


STEPS_TERMS = 3 * terms_of(tiny_unet())
"""Products summed on the way through three steps; the feature networks are smaller."""


@pytest.fixture(scope="module")
def models():
    torch.manual_seed(0)
    networks = {**small_networks(), "discriminator": small_discriminator()}
    networks = {name: in_float64(network) for name, network in networks.items()}
    return ModelSet(
        in_float64(tiny_prior()), networks, in_float64(RRDBRestorer(RRDBNetwork(8, 4, 1)))
    )


def run(models, recipe, hints=None, references=(), degraded=Y, **values):
    settings = Settings(**{"recipe": recipe, "steps": 3, **values})
    return restore_faces(degraded, references, models, settings, hints=hints)


def hints_of(name):
    return Hints(MASK) if RECIPES[name].mask != "none" else Hints()


@pytest.mark.parametrize("name", PGDIFF)
def test_every_task_runs_on_the_models_it_names(models, name):
    row = RECIPES[name]
    needed = {network: models.features[network] for network in row.networks}
    own = ModelSet(models.prior, needed, None if row.restorer == "none" else models.restorer)
    references = [R] if row.needs_reference else []
    found = run(own, name, hints_of(name), references)
    assert found.image.isfinite().all()
    assert found.settings.strength == row.strength
    assert found.settings.tau == 1000
    assert len(found.trace) == 3


@pytest.mark.parametrize("name", PGDIFF)
def test_the_published_numbers(name):
    row = RECIPES[name]
    numbers = (row.strength_mode, row.strength_scope, row.strength, row.steps)
    assert numbers == {
        "pgdiff-colorization": ("dynamic", "channel", 0.01, 1000),
        "pgdiff-inpainting": ("dynamic", "image", 0.01, 1000),
        "pgdiff-old-photo": ("dynamic", "channel", 0.002, 1000),
    }.get(name, ("constant", "image", 0.1, 1000))
    assert (row.gradient_steps, row.gradient_window) == (1, (700, 1000))


def test_it_starts_from_noise_alone_unless_tau_says_otherwise(models):
    first = run(models, "pgdiff-colorization", strength=0.0)
    second = run(models, "pgdiff-colorization", strength=0.0, degraded=-Y)
    assert torch.equal(first.image, second.image)
    third = run(models, "pgdiff-colorization", strength=0.0, tau=700)
    fourth = run(models, "pgdiff-colorization", strength=0.0, tau=700, degraded=-Y)
    assert not torch.equal(third.image, fourth.image)


def test_inpainting_does_not_look_into_the_hole(models):
    painted = Y.clone()
    painted[..., 8:16, 8:20] = 0.7
    first = run(models, "pgdiff-inpainting", Hints(MASK), strength=0.2)
    second = run(models, "pgdiff-inpainting", Hints(MASK), strength=0.2, degraded=painted)
    assert torch.equal(first.image, second.image)


def test_each_face_may_have_its_own_mask(models):
    masks = torch.cat([MASK, MASK.flip(-1)])
    both = run(models, "pgdiff-inpainting", Hints(masks), strength=0.2, seed=3)
    alone = run(models, "pgdiff-inpainting", Hints(masks[1:]), degraded=Y[1:], strength=0.2, seed=4)
    assert_same(both.image[1:], alone.image, STEPS_TERMS)


def test_a_colour_style_changes_the_colours(models):
    green = Hints(style=ColorStatistics((-0.9, 0.9, -0.9), (0.1, 0.1, 0.1)))
    default = run(models, "pgdiff-colorization", strength=0.2)
    styled = run(models, "pgdiff-colorization", green, strength=0.2)
    assert not torch.equal(default.image, styled.image)


def test_several_references_share_the_identity_weight(models):
    row = RECIPES["pgdiff-reference"]
    found = run(models, row.name, references=[R, images(1, 32, seed=9)])
    assert {"identity1.loss", "identity2.loss"} <= set(found.trace[0])


SEVERAL = [name for name in PGDIFF if name not in ("pgdiff-restoration", "pgdiff-inpainting")]


@pytest.mark.parametrize("name", SEVERAL)
def test_surgery_between_properties_pivots_on_the_one_that_knows_the_photo(models, name):
    references = [R] if RECIPES[name].needs_reference else []
    both = {}
    for combiner in (None, "sum", "pdgrad"):
        both[combiner] = run(models, name, hints_of(name), references, combiner=combiner)
    assert_same(both["sum"].image, both[None].image, STEPS_TERMS)
    first = both["pdgrad"].trace[0]
    pivot = "lightness" if "lightness.loss" in first else "smooth"
    assert f"{pivot}.loss" in first
    assert "properties.cosine" in first
    assert "properties.cosine" not in both[None].trace[0]


def test_in_a_surgery_between_properties_colour_never_undoes_lightness():
    """The guidance at one x0hat: its part along the pivot is at least the pivot's own."""
    x0hat = images(3, 32, seed=4)
    guide = GuideImages(Y[:1], Y[:1], (), MASK, ColorStatistics((0.5, -0.5, 0.0)))
    row = RECIPES["pgdiff-old-photo"].configured({"combiner": "pdgrad"})
    wired = row.guidance(guide)
    context = StepContext(x0hat, 500, 0)
    g = compile_guidance(wired, {})(x0hat, context).gradient
    pivot = compile_guidance(Masked(wired.part.pivot, MASK), {})(x0hat, context).gradient
    along = (g * pivot).sum((1, 2, 3))
    assert (along >= (pivot**2).sum((1, 2, 3)) * (1 - 1e-5)).all()
    assert (g * MASK == 0).all()


@pytest.mark.parametrize("name", ["pgdiff-restoration", "pgdiff-inpainting"])
def test_one_property_alone_has_no_surgery(models, name):
    with pytest.raises(InvalidInputError, match="no gradient surgery"):
        run(models, name, hints_of(name), combiner="pdgrad")


@pytest.mark.parametrize(
    ("name", "hints", "message"),
    [
        ("pgdiff-inpainting", Hints(), "needs a mask, white where the photo is missing"),
        ("pgdiff-inpainting", Hints(MASK[..., :16]), "mask is 16x32 pixels, but its image is 32"),
        ("pgdiff-inpainting", Hints(MASK * 0.5), "threshold it"),
        ("pgdiff-inpainting", Hints(torch.ones(1, 1, 32, 32)), "covers the whole image"),
        ("pgdiff-inpainting", Hints(MASK.expand(3, 1, 32, 32)), "as many as the 2 faces, not 3"),
        ("pgdiff-restoration", Hints(MASK), "takes no mask"),
        ("pdgrad", Hints(MASK), "takes no mask"),
        ("pgdiff-inpainting", Hints(MASK, ColorStatistics()), "gives no colours"),
        ("pgdiff-reference", Hints(), "use the recipe 'pgdiff-restoration', which needs none"),
        ("pgdiff-reference-cosine", Hints(), "guided by a reference photo"),
    ],
)
def test_wrong_masks_styles_and_missing_references_are_refused(models, name, hints, message):
    with pytest.raises(InvalidInputError, match=message):
        run(models, name, hints)


def test_a_missing_restorer_or_network_is_named(models):
    with pytest.raises(InvalidInputError, match="needs a restorer"):
        run(ModelSet(models.prior), "pgdiff-restoration")
    with pytest.raises(InvalidInputError, match="needs the network 'vgg'"):
        run(ModelSet(models.prior, {}, models.restorer), "pgdiff-quality")
