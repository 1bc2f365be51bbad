"""What SamplerCustomAdvanced is given; the guider itself is tested in a real host."""

import pytest
import torch

from pdgrad_core.diffusion.noise import seeded_noise


def test_noise_is_what_the_packs_sampler_draws_first(pack):
    noise = pack.module("nodes.custom_sampling").FaceNoise
    latent = {"samples": torch.zeros(3, 3, 8, 8)}
    drawn = noise(5).generate_noise(latent)
    assert torch.equal(drawn, seeded_noise(latent["samples"], 5)())
    same = noise(5, next_seeds=False).generate_noise(latent)
    assert torch.equal(same, drawn[:1].expand(3, -1, -1, -1))
    part = {"samples": torch.zeros(2, 3, 8, 8), "batch_index": [2, 0]}
    assert torch.equal(noise(5).generate_noise(part), drawn[[2, 0]])


def test_sigmas_are_the_papers_noise_levels(pack):
    schedule = pack.module("pdgrad_core.diffusion.schedule").Schedule.linear()
    sigmas = pack.module("nodes.custom_sampling").sigmas_of(schedule.plan(700, 5))
    assert sigmas.shape == (6,)
    assert sigmas[-1] == 0
    assert (sigmas.diff() < 0).all()
    kept = float(schedule.alphas_cumprod[699])
    assert float(sigmas[0]) == pytest.approx(((1 - kept) / kept) ** 0.5, rel=1e-6)


def test_validation_speaks_in_sentences(pack):
    validate = pack.nodes["PDGradCustomSampling"].validate_inputs
    ordinary = {"steps": 5, "tau": 700, "sampler_name": "ddpm"}
    assert validate(**ordinary) is True
    assert validate(**dict.fromkeys(ordinary)) is True
    assert "1 to 4 steps" in validate(**{**ordinary, "tau": 4})
    assert "sampler_name cannot be 'magic'" in validate(**{**ordinary, "sampler_name": "magic"})
