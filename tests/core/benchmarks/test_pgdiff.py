"""The PGDiff benchmark on a stand-in for the official checkout, which is not ours to keep."""

import json
from dataclasses import replace

import pytest
from model_files import write_models

from pdgrad_core.benchmarks.pgdiff import benchmark_pgdiff
from pdgrad_core.benchmarks.pgdiff_job import Job
from pdgrad_core.cli import main
from pdgrad_core.errors import CheckpointNotFoundError, InvalidInputError

# What the benchmark relies on: the arguments, the module names, the loaders, `.cuda()`, and one
# call of p_sample for each step. Its "steps" only scale the image.
SCRIPT = """
import argparse
from pathlib import Path
import blobfile, torch
from mpi4py import MPI
from guided_diffusion import dist_util
from guided_diffusion.gaussian_diffusion import GaussianDiffusion

def main():
    parser = argparse.ArgumentParser()
    for name in ("task", "seed", "in_dir", "ref_dir", "mask_dir", "out_dir", "guidance_scale"):
        parser.add_argument(f"--{name}")
    args = parser.parse_args()
    print("printed, and not to be seen")
    assert args.task == "colorization" and float(args.guidance_scale) == 0.01
    assert all((Path(d) / "one.png").is_file() for d in (args.in_dir, args.mask_dir))
    dist_util.setup_dist()
    state = dist_util.load_state_dict("models/iddpm_ffhq512_ema500000.pth", map_location="cpu")
    assert all(key.startswith("module.") for key in state)
    torch.manual_seed(int(args.seed))
    x = torch.randn(1, 3, 32, 32).cuda()
    while True:
        x = GaussianDiffusion().p_sample(x)["sample"]
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkout")
    package = folder / "guided_diffusion"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "dist_util.py").touch()
    (package / "gaussian_diffusion.py").write_text(
        "class GaussianDiffusion:\n    def p_sample(self, x):\n        return {'sample': 0.5 * x}\n"
    )
    (folder / "inference_pgdiff.py").write_text(SCRIPT)
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return write_models(tmp_path_factory.mktemp("benchmark") / "models")


def test_both_sides_run_and_are_compared(checkout, models, tmp_path):
    pytest.importorskip("cv2")
    job = Job(checkout, tmp_path, models, "cpu", threads=1)
    found = benchmark_pgdiff(job, ["colorization"], steps=2, size_px=32)
    row = found["tasks"]["colorization"]
    assert row["ratio"] == row["theirs_seconds_per_step"] / row["ours_seconds_per_step"]
    assert row["ours_peak_memory_bytes"] > 1e6
    assert row["relative_difference"] > 0
    assert json.loads(json.dumps(found)) == found


def test_what_cannot_be_compared_is_refused_first(checkout, models, tmp_path, capsys):
    job = Job(checkout, tmp_path, models, "cpu")
    with pytest.raises(InvalidInputError, match="no checkout of pq-yang/PGDiff"):
        benchmark_pgdiff(replace(job, checkout=tmp_path))
    with pytest.raises(InvalidInputError, match="no task 'painting'"):
        benchmark_pgdiff(job, ["painting"])
    with pytest.raises(InvalidInputError, match="at least one step"):
        benchmark_pgdiff(job, steps=0)
    with pytest.raises(CheckpointNotFoundError, match="rrdb_iter_100000"):
        benchmark_pgdiff(job, ["restoration"])
    assert main(["benchmark", "pgdiff", "--checkout", str(tmp_path), "--json"]) == 1
    assert "no checkout" in capsys.readouterr().err
