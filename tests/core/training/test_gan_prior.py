"""The GAN prior's objective: every switch, freezing, resuming, beginning, exporting, refusing."""

import logging
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from toy_faces import toy_faces
from training_runs import states_equal, tiny

from pdgrad_core.checkpoints import load_checkpoint
from pdgrad_core.errors import InvalidInputError, WrongArchitectureError
from pdgrad_core.restorers import load_restorer
from pdgrad_core.training.config import preset
from pdgrad_core.training.dataset import StoredFaces
from pdgrad_core.training.export import export
from pdgrad_core.training.gan_prior_module import kind_of
from pdgrad_core.training.loop import Trainer, snapshot

BASE = {
    "widths": (16, 16, 16), "style_width": 8, "mapping_layers": 2,
    "discriminator_widths": (16, 16, 16),
}  # fmt: skip
NETWORK = {**BASE, "part_widths": (16, 16, 16)}
TERMS = ("adversarial", "local_adversarial", "l1", "feature_matching", "face_preserving")
# Most tests do without the terms that load networks.
LIGHT = {"feature_matching": 0.0, "face_preserving": 0.0}


def config_of(options=None, **changes):
    values = {
        "network": NETWORK, "options": {**LIGHT, **(options or {})}, "betas": (0.0, 0.99),
        "gradient_clip": 0.0, "warmup_images": 0, "batch_size": 4, "total_images": 32,
    }  # fmt: skip
    return tiny("gan_prior", **{**values, **changes})


def trained(config, steps):
    trainer = Trainer(config, toy_faces())
    for _ in range(steps):
        trainer.step()
    return trainer


def moved(options, steps=1):
    """Return the names of parameters that a run's first steps change."""
    trainer = Trainer(config_of(options), toy_faces())
    before = {n: p.clone() for n, p in trainer.objective.module.named_parameters()}
    for _ in range(steps):
        trainer.step()
    after = trainer.objective.module.named_parameters()
    return {name for name, value in after if not torch.equal(value, before[name])}


@pytest.fixture(scope="module")
def everything():
    config = config_of({"feature_matching": 0.02, "face_preserving": 10.0, "degradation": "pdgrad"})
    return Trainer(config, toy_faces()).step()


def test_the_loss_is_the_weighted_sum_of_all_terms(everything):
    weights = {"adversarial": 0.5, "local_adversarial": 3.0, "l1": 8.0}
    weights |= {"feature_matching": 0.02, "face_preserving": 10.0}
    total = sum(weight * float(everything[name]) for name, weight in weights.items())
    assert float(everything["loss"]) == pytest.approx(total, rel=1e-5)
    assert all(float(everything[name]) > 0 for name in TERMS)


@pytest.mark.parametrize("term", TERMS)
def test_a_weight_of_zero_leaves_its_term_out_and_the_others_alone(term, everything):
    heavy = {"feature_matching": 0.02, "face_preserving": 10.0, "degradation": "pdgrad"}
    without = Trainer(config_of({**heavy, term: 0.0}), toy_faces()).step()
    assert term not in without
    own = {"adversarial": {"discriminator", "r1"}, "local_adversarial": {"local_discriminators"}}
    gone = {term, "loss"} | own.get(term, set())
    assert without.keys() == everything.keys() - gone | {"loss"}
    if term not in own:  # otherwise the judges' first weights are drawn otherwise
        for name in without.keys() - gone:
            if not name.endswith("discriminators") and name not in ("discriminator", "r1"):
                torch.testing.assert_close(without[name], everything[name])


def test_frozen_convolutions_do_not_move_and_the_others_do():
    judge = {n for n in moved({"freeze": 3}, 2) if n.startswith("discriminator.")}
    assert not [
        name
        for name in judge
        if name.startswith(("discriminator.convs.0", "discriminator.convs.1"))
    ]
    assert any(name.startswith("discriminator.convs.2") for name in judge)
    assert "discriminator.final_linear.1.weight" in judge
    free = moved({"freeze": 0}, 2)
    assert any(name.startswith("discriminator.convs.0") for name in free)


def test_without_fine_tuning_only_codec_and_noise_branches_move():
    found = {name for name in moved({"fine_tune": False}, 2) if name.startswith("restorer.")}
    kinds = {kind_of(name.removeprefix("restorer.")) for name in found}
    assert kinds == {"codec", "noise"}
    tuned = {name for name in moved({}, 2) if name.startswith("restorer.")}
    assert {kind_of(name.removeprefix("restorer.")) for name in tuned} == {
        "codec", "generator", "noise",
    }  # fmt: skip


def test_mmrb_and_decoder_are_switches_of_the_network():
    def names(**options):
        module = Trainer(config_of(options), toy_faces()).objective.module.restorer
        return {name.split(".")[0] for name, _ in module.named_parameters()}

    assert names() - names(mmrb=False) == {"mmrb"}
    assert names() - names(decoder=False) == {"decoder"}


def test_every_part_has_the_rate_that_the_paper_gives_it():
    config = preset("gan-prior-512")
    small = config_of(learning_rate=config.learning_rate, total_images=1_000)
    trainer = trained(small, 1)
    found = trainer.objective.optimizers
    rates = sorted(group["lr"] for group in found["restorer"].param_groups)
    assert rates == pytest.approx([2e-4, 2e-3, 2e-3])
    assert found["parts"].param_groups[0]["lr"] == pytest.approx(2e-3)
    assert found["discriminator"].param_groups[0]["lr"] == pytest.approx(2e-5)


def test_rates_fall_piecewise():
    objective = Trainer(config_of(total_images=800), toy_faces()).objective
    assert [objective.decay_at(n) for n in (0, 399, 400, 600, 700)] == [1, 1, 0.5, 0.25, 0.125]


def test_it_is_interrupted_and_resumes_bit_for_bit(tmp_path):
    config = config_of({"r1_interval": 2, "face_preserving": 10.0})
    whole, first = trained(config, 4), trained(config, 2)
    first.save(tmp_path)
    torch.rand(7)
    second = Trainer(config, toy_faces())
    assert second.resume(tmp_path)
    for _ in range(2):
        second.step()
    states_equal(whole, second)


@pytest.fixture(scope="module")
def prior(tmp_path_factory):
    """A stylegan2 run's files: the generator's, and the discriminator's beside it."""
    path = tmp_path_factory.mktemp("prior") / "faces.safetensors"
    trainer = trained(tiny("stylegan2", network=BASE, seed=5), 1)
    export(trainer, path, {"commit": "0"})
    return path


def test_a_run_begins_with_a_stylegan2_runs_networks(prior):
    objective = Trainer(config_of(), toy_faces()).objective
    codec = objective.module.restorer.ecd0.state_dict()["0.0.weight"].clone()
    objective.begin_with(load_checkpoint(prior))
    for network in (objective.module.restorer, objective.average.module):
        for name, value in load_file(prior).items():
            assert torch.equal(network.generator.state_dict()[name], value.float()), name
    judge = objective.module.discriminator.state_dict()
    for name, value in load_file(prior.with_name("faces-D.safetensors")).items():
        assert torch.equal(judge[name], value.float()), name
    assert torch.equal(objective.module.restorer.ecd0.state_dict()["0.0.weight"], codec)


def test_freezing_needs_a_trained_discriminator(prior, tmp_path, caplog):
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes(prior.read_bytes())
    with pytest.raises(InvalidInputError, match=r"no alone-D.safetensors beside the weights"):
        Trainer(config_of(), toy_faces()).objective.begin_with(load_checkpoint(alone))
    Trainer(config_of({"freeze": 0}), toy_faces()).objective.begin_with(load_checkpoint(alone))
    with caplog.at_level(logging.WARNING):
        trained(config_of(), 1)
    assert "freezes random weights" in caplog.text


def test_what_is_exported_restores_as_the_average_and_begins_another_run(tmp_path):
    trainer = trained(config_of(), 1)
    figures = snapshot(trainer, toy_faces(seed=1), tmp_path)
    assert figures.keys() == {"l1", "psnr", "psnr_degraded"}
    path = tmp_path / "restorer.safetensors"
    export(trainer, path, {"commit": "0"})
    objective = trainer.objective
    restorer = load_restorer("gan-prior", path)
    assert restorer.network.config == objective.module.restorer.config
    y = torch.rand(2, 3, 16, 16) * 2 - 1
    expected = objective.average.module(y).clamp(-1, 1)
    # 16 bit: 2^-11 of each weight, some twenty layers.
    torch.testing.assert_close(restorer(y), expected, atol=0.02, rtol=0)
    kinds = {value.dtype for value in load_file(path).values() if value.ndim > 1}
    assert kinds == {torch.float16}
    second = Trainer(config_of(seed=1), toy_faces()).objective
    second.begin_with(load_checkpoint(path))
    for name, value in load_file(tmp_path / "restorer-parts.safetensors").items():
        assert torch.equal(second.module.parts.state_dict()[name], value.float()), name
    assert torch.equal(
        second.module.restorer.ecd0.state_dict()["0.0.weight"],
        load_file(path)["ecd0.0.0.weight"].float(),
    )


def test_mirrored_pictures_are_cut_at_mirrored_landmarks():
    rows, columns = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    pixels = torch.stack([columns, rows, rows], 2).to(torch.uint8)
    points = torch.tensor([[4.0, 6.0], [11.0, 7.0], [8.0, 9.0], [5.0, 12.0], [9.0, 12.0]])
    faces = StoredFaces(
        pixels.expand(8, 16, 16, 3), torch.zeros(8).long(), landmarks=points.expand(8, 5, 2)
    )
    objective = Trainer(config_of(flip=True), faces).objective
    images, landmarks = objective._faces(faces.first(8), torch.Generator().manual_seed(0))
    flipped = images[:, 0, 0, 0] > images[:, 0, 0, 1]
    assert 0 < flipped.sum() < 8
    assert landmarks[~flipped].unique(dim=0).tolist() == [points.tolist()]
    mirrored = [[4.0, 7.0], [11.0, 6.0], [7.0, 9.0], [6.0, 12.0], [10.0, 12.0]]
    assert landmarks[flipped].unique(dim=0).tolist() == [mirrored]
    outside = replace(faces, landmarks=faces.landmarks + 8)
    with pytest.raises(InvalidInputError, match="outside the picture of 16x16 pixels"):
        Trainer(config_of(), outside).step()


def test_the_restoration_learns():
    options = {"adversarial": 0.0, "local_adversarial": 0.0, "degradation": "pdgrad"}
    trainer = Trainer(config_of(options, total_images=100_000, batch_size=8), toy_faces())
    losses = [float(trainer.step()["loss"]) for _ in range(30)]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_a_plain_stylegan2_is_refused(tmp_path):
    # Noise that is added: half the channels everywhere behind it.
    path = tmp_path / "plain.pth"
    torch.save(
        {"g_ema": {"style.1.weight": torch.zeros(8, 8), "input.input": torch.zeros(1, 16, 4, 4)}},
        path,
    )
    with pytest.raises(
        WrongArchitectureError, match=r"plain.pth is not a checkpoint of the StyleGAN2"
    ):
        Trainer(config_of(), toy_faces()).objective.begin_with(load_checkpoint(path))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"l1": -1.0}, "l1 is a weight, 0 or more, not -1.0"),
        (dict.fromkeys(TERMS, 0.0), "Give at least one of adversarial, .* a weight above 0"),
        ({"r1_interval": 0}, "r1_interval must be at least 1, not 0"),
        ({"freeze": 9}, "freeze must be from 0 to 5"),
    ],
)
def test_wrong_options_are_refused(options, said):
    with pytest.raises(InvalidInputError, match=said):
        Trainer(config_of(options), toy_faces())


def test_large_faces_need_the_weights_of_networks_for_photos():
    config = config_of(
        {"feature_matching": 0.02}, image_size=128, network={**NETWORK, "widths": (16,) * 6}
    )
    with pytest.raises(InvalidInputError, match=r"feature_matching at 128 .* vgg=FILE"):
        Trainer(config, toy_faces())


def test_the_presets_are_what_they_say():
    paper = preset("gan-prior-512")
    assert (paper.batch_size, paper.total_images) == (4, 4 * 700_000)
    assert paper.network["widths"] == (512, 512, 512, 512, 512, 256, 128, 64)
    objective = Trainer(preset("gan-prior"), toy_faces(size=64)).objective
    # In 16 bit: below 3 MB.
    assert 2 * sum(p.numel() for p in objective.module.restorer.parameters()) < 3_000_000
    assert paper.options == {}
