"""The latent benchmark counts what it says, on a narrow decoder; its times are not judged."""

import json

import pytest

from pdgrad_core.benchmarks.latent import WAYS, LatentJob, benchmark_latent, operations
from pdgrad_core.cli import main
from pdgrad_core.errors import InvalidInputError


def test_the_decoder_has_stable_diffusions_size():
    from pdgrad_core.benchmarks.latent_decoders import AutoencoderDecoder, SmallDecoder

    def millions(network):
        return sum(one.numel() for one in network.parameters()) / 1e6

    # The published decoders have 49.5 and 1.2 million parameters.
    assert millions(AutoencoderDecoder()) == pytest.approx(49.5, abs=0.1)
    assert millions(SmallDecoder()) == pytest.approx(1.2, abs=0.1)


def test_a_plain_step_of_sd_15s_widths_costs_less_than_its_decode():
    job = LatentJob(512)
    step = operations(job, "step") / 1e12
    # The published U-Net takes 0.8, text and the transformers' wider layers included.
    assert 0.4 < step < 0.8
    assert step < operations(job, "decode") / 1e12


def test_operations_follow_the_pixels():
    job = LatentJob(64, 8, 32)
    count = {way: operations(job, way) for way in WAYS}
    # The adjoint with respect to latents costs as much as the decode itself.
    assert count["whole"] == pytest.approx(2 * count["decode"], rel=0.05)
    assert count["step"] > 0
    assert count["recomputed"] == count["whole"] + count["decode"]
    assert operations(LatentJob(128, 8, 32), "decode") == pytest.approx(
        4 * count["decode"], rel=0.1
    )


def test_the_command_writes_json(capsys):
    options = ["--size", "160", "--face", "16", "--width", "32", "--turns", "1", "--threads", "1"]
    options += ["--ways", "whole,window", "--device", "cpu"]
    assert main(["benchmark", "latent", "--json", *options]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found["ways"]) == ["whole", "window"]
    assert found["window_px"] == 144
    assert 0 < found["window_cosine"] <= 1
    assert all(row["seconds"] > 0 for row in found["ways"].values())


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ({"size_px": 100}, "multiple of 8, not 100"),
        ({"face_px": 600}, "from 8 to 512"),
        ({"width": 40}, "multiple of 32"),
    ],
)
def test_sizes_that_cannot_be_are_refused(job, said):
    with pytest.raises(InvalidInputError, match=said):
        LatentJob(**job)


def test_nothing_to_time_is_refused():
    with pytest.raises(InvalidInputError, match="at least one"):
        benchmark_latent(LatentJob(64, 8, 32), turns=0)
    with pytest.raises(InvalidInputError, match="Ways are step, decode"):
        benchmark_latent(LatentJob(64, 8, 32), ways=["half"])
