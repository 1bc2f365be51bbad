"""Presets and the learning rate."""

import pytest
import torch
from toy_faces import toy_faces

from pdgrad_core.errors import DuplicateNameError, InvalidInputError, UnknownNameError
from pdgrad_core.training.config import PRESETS, TrainingConfig, add_preset, preset
from pdgrad_core.training.objectives import OBJECTIVES


@pytest.mark.parametrize("name", PRESETS)
def test_presets_build_their_networks(name):
    config = PRESETS[name]
    faces = toy_faces(attributes=3)
    with torch.device("meta"):
        module = OBJECTIVES[config.objective](config, faces).build()
    assert sum(p.numel() for p in module.parameters()) > 10_000
    assert config.warmup_images + config.cooldown_images <= config.total_images


@pytest.mark.parametrize("kind", ["identity", "perceptual"])
def test_scorers_share_neither_seed_nor_shape_with_the_guides(kind):
    guide, scorer = PRESETS[kind], PRESETS[f"scorer-{kind}"]
    assert guide.objective == scorer.objective
    assert guide.seed != scorer.seed
    assert guide.network != scorer.network


def test_learning_rate_rises_stays_and_falls():
    config = TrainingConfig(
        "prior", batch_size=10, total_images=1000, learning_rate=2.0,
        warmup_images=100, cooldown_images=200,
    )  # fmt: skip
    assert config.learning_rate_at(0) == pytest.approx(0.2)
    assert config.learning_rate_at(40) == pytest.approx(1.0)
    assert config.learning_rate_at(500) == 2.0
    assert config.learning_rate_at(900) == pytest.approx(1.0)
    assert config.learning_rate_at(1000) == config.learning_rate_at(1100) == 0.0


def test_wrong_values_are_named():
    assert preset("prior", batch_size=8).batch_size == 8
    with pytest.raises(UnknownNameError, match="Did you mean 'prior'"):
        preset("priro")
    with pytest.raises(InvalidInputError, match="batch_size must be at least 1, not 0"):
        preset("prior", batch_size=0)
    with pytest.raises(InvalidInputError, match="learning_rate must be a positive"):
        preset("prior", learning_rate=float("nan"))
    with pytest.raises(InvalidInputError, match="auto, float32, bfloat16"):
        preset("prior", precision="fp8")
    with pytest.raises(DuplicateNameError, match="Two training presets are named 'prior'"):
        add_preset("prior", TrainingConfig("coarse"))
    with pytest.raises(InvalidInputError, match="eps, x0, v"):
        OBJECTIVES["prior"](preset("prior", options={"prediction": "w"}), toy_faces())
    with pytest.raises(InvalidInputError, match="5 blocks"):
        OBJECTIVES["perceptual"](preset("perceptual", network={}), toy_faces()).build()


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("kind", ["network", "options"])
def test_every_objective_refuses_keys_that_it_does_not_know(objective, kind):
    config = TrainingConfig(objective, **{kind: {"widht": 4}})
    message = f"option of the {objective} objective named 'widht'.*Known: "
    with pytest.raises(UnknownNameError, match=message):
        OBJECTIVES[objective].check(config)
    with pytest.raises(UnknownNameError, match=message):
        OBJECTIVES[objective](config, toy_faces(attributes=3))


def test_a_misspelt_key_is_told_the_right_one():
    with pytest.raises(UnknownNameError, match="Did you mean 'width'"):
        OBJECTIVES["prior"].check(TrainingConfig("prior", network={"widht": 64}))
    with pytest.raises(UnknownNameError, match=r"no option of the perceptual .* Known: none\."):
        OBJECTIVES["perceptual"].check(TrainingConfig("perceptual", options={"scale": 1.0}))


def test_todays_presets_keep_their_names_and_order_and_pass():
    assert list(PRESETS)[:7] == [
        "prior", "prior-128", "coarse", "identity", "perceptual", "scorer-identity",
        "scorer-perceptual",
    ]  # fmt: skip
    for config in PRESETS.values():
        OBJECTIVES[config.objective].check(config)
