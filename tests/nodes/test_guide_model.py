"""Guide Any Model without a host: what it refuses, and what it does between the host's calls."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn


class Identity(nn.Module):
    """A VAE's network whose latents are its pixels."""

    def decode(self, z):
        return z


def vae_of(channels=3, **changed):
    given = {
        "first_stage_model": Identity(),
        "latent_dim": 2,
        "latent_channels": channels,
        "output_channels": 3,
        "vae_dtype": torch.float32,
        "device": torch.device("cpu"),
        "process_output": lambda x: ((x + 1) / 2).clamp(0, 1),
        "spacial_compression_decode": lambda: 1,
        "spacial_compression_encode": lambda: 1,
        "patcher": SimpleNamespace(model=Identity()),
    }
    return SimpleNamespace(**{**given, **changed})


def model_of(channels=3, dimensions=2, factor=1.0):
    form = SimpleNamespace(
        latent_channels=channels,
        latent_dimensions=dimensions,
        process_in=lambda z: z / factor,
        process_out=lambda z: z * factor,
    )
    sampling = SimpleNamespace(
        sigmas=torch.linspace(0.01, 10, 1000), percent_to_sigma=lambda percent: 10 * (1 - percent)
    )
    inner = SimpleNamespace(latent_format=form, model_sampling=sampling)
    return SimpleNamespace(model=inner, clone=lambda: pytest.fail("patched all the same"))


@pytest.fixture
def loss(pack, faces):
    return pack.run("PDGradPixelLoss", image=faces(size=16)).args[0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": model_of(dimensions=3)}, "samples video latents"),
        ({"model": model_of(dimensions=1)}, "samples sound latents"),
        ({"vae": vae_of(first_stage_model=None)}, "vae holds no weights"),
        ({"vae": vae_of(latent_dim=3)}, "vae decodes video or sound"),
        ({"vae": vae_of(4)}, "vae decodes latents of 4 channels, but the model samples 3"),
        ({"previewer_vae": vae_of(16)}, "previewer_vae decodes latents of 16 channels"),
        ({"guidance": None}, "Nothing is to be done"),
        ({"mask": torch.zeros(1, 8, 8)}, "mask is black everywhere"),
        ({"start_percent": 0.9, "end_percent": 0.2}, "must be smaller than end_percent"),
        ({"repeats": 0}, "repeats must be from 1"),
    ],
)
def test_what_cannot_be_guided_leaves_the_model_unpatched(pack, loss, given, said):
    inputs = {"model": model_of(), "vae": vae_of(), "guidance": loss, **given}
    if inputs["guidance"] is None:
        del inputs["guidance"]
    with pytest.raises(pack.error("InvalidInputError"), match=said):
        pack.run("PDGradGuideModel", **inputs)


def test_a_restorer_that_looks_at_the_noisy_face_is_refused(pack, loss):
    restorer = SimpleNamespace(depends_on_x_t=True)
    loaded = SimpleNamespace(restorer=restorer, patcher=None)
    guidance = pack.module("nodes.guidance").LoadedGuidance(loss.expression, (), (loaded,))
    with pytest.raises(pack.error("InvalidInputError"), match="noisy face of each step"):
        pack.run("PDGradGuideModel", model=model_of(), vae=vae_of(), guidance=guidance)


def test_strength_zero_hands_the_model_on(pack, loss):
    model = model_of()
    found = pack.run("PDGradGuideModel", model=model, vae=vae_of(), guidance=loss, strength=0.0)
    assert found.args[0] is model


@pytest.fixture
def guide(pack, loss):
    """Make a guide of given settings."""

    def make(**changed):
        module = pack.module("nodes.host_model_guide")
        numbers = {"strength": 0.5, "start_percent": 0.0, "end_percent": 1.0, "every": 1}
        numbers |= {"repeats": 1, "jitter_px": 0.0, "decode": "window"}
        wired = {"guidance": loss, "placement": None, "mask": None, "filters": []}
        settings = module.GuideSettings(vae=vae_of(), **{**wired, **numbers, **changed})
        return module.ModelGuide(settings, pack.module("nodes.sockets").Trace([]), "7")

    return make


def call(guide, sigma, size=16, factor=2.0, count=1):
    """One call of the host's; returns the estimate before and after."""
    with torch.inference_mode():
        generator = torch.Generator().manual_seed(0)
        x, denoised = (torch.randn(count, 3, size, size, generator=generator) for _ in range(2))
        args = {"denoised": denoised, "input": x, "sigma": torch.full((count,), sigma)}
        return x, denoised, guide.after_cfg({**args, "model": model_of(factor=factor).model})


def test_a_step_is_moved_by_its_own_length(guide):
    made = guide()
    x, before, after = call(made, 5.0, count=3)
    moved = (after - before).flatten(1).norm(dim=1)
    torch.testing.assert_close(moved, 0.5 * (x - before).flatten(1).norm(dim=1))
    assert not after.requires_grad
    (row,) = made.trace.rows
    assert row["t"] == round(float((5.0 - 0.01) / 9.99 * 999))
    torch.testing.assert_close(row["shift_norm"], moved)


def test_each_run_begins_anew_and_counts_its_own_steps(guide):
    made = guide(every=2)
    for _ in range(2):
        moved = []

        def sample(*_args, moved=moved, seed=0):
            for sigma in (9.0, 5.0, 2.0):
                _, before, after = call(made, sigma)
                moved.append(not torch.equal(before, after))
            return torch.zeros(0)

        made.sampled(sample, None, None, None, torch.tensor([9.0, 5.0, 2.0, 0.0]), seed=4)
        assert moved == [True, False, True]
        assert len(made.trace.rows) == 2
        assert made.run is None


def test_a_run_that_fails_is_over(guide):
    made = guide()

    def sample(*_args):
        call(made, 5.0)
        raise RuntimeError("cancelled")

    with pytest.raises(RuntimeError, match="cancelled"):
        made.sampled(sample, None, None, None, torch.tensor([5.0, 0.0]))
    assert made.run is None


def test_without_a_beginning_another_size_is_another_run(guide):
    made = guide()
    call(made, 5.0)
    call(made, 4.0)
    assert len(made.trace.rows) == 2
    call(made, 5.0, size=32)
    assert len(made.trace.rows) == 1


def test_outside_its_part_of_the_schedule_nothing_is_touched(guide):
    made = guide(start_percent=0.2, end_percent=0.6)
    for sigma, touched in ((9.0, False), (8.0, True), (4.0, True), (3.9, False)):
        _, before, after = call(made, sigma)
        assert torch.equal(before, after) is not touched


def test_a_replayed_guidance_ends_with_its_sampling(pack, guide, faces, cuda):
    moved, kept = [], []
    for speed in ("none", "replay"):
        features = pack.run("PDGradLoadFeatures", speed_up=speed).args[0]
        given = {"features": features, "image": faces(size=16, seed=2)}
        made = guide(guidance=pack.run("PDGradLossBuilder", **given).args[0])

        def sample(*_args, made=made):
            moved.append([call(made, sigma)[2] for sigma in (9.0, 5.0)])
            kept.append(made.run.guide.guidance)
            return torch.zeros(0)

        made.sampled(sample, None, None, None, torch.tensor([9.0, 5.0, 0.0]))
    assert all(torch.equal(*pair) for pair in zip(*moved, strict=True))
    assert len(cuda) == 1
    assert not kept[1].replay.recorded
