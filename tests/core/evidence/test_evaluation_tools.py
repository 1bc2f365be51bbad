"""What metrics look through: who guides does not score, and each missing network is one line."""

import math
import shutil

import pytest
import torch
from networks import images
from small_models import write_small_models

from pdgrad_core.errors import WrongArchitectureError
from pdgrad_core.evidence.evaluation.landmark_network import load_landmarks
from pdgrad_core.evidence.evaluation.lpips_alex import ALEXNET_FILE, load_alex_distance
from pdgrad_core.evidence.evaluation.tools import Tools
from pdgrad_core.models.sets import load_paths
from pdgrad_core.weights.catalogue import weight_file

CPU = torch.device("cpu")
SECOND = "ms1mv3_arcface_r50_fp16.pth"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Small networks under the published names, which guide."""
    small = write_small_models(tmp_path_factory.mktemp("small"))
    folder = tmp_path_factory.mktemp("published")
    names = {
        "prior": ("prior", "iddpm_ffhq512_ema500000.pth"),
        "arcface": ("identity", "recognition_arcface_ir_se50.pth"),
        "vgg": ("perceptual", "vgg16-397923af.pth"),
    }
    paths = {}
    for role, (mine, theirs) in names.items():
        paths[role] = folder / theirs
        shutil.copy(small / f"{mine}.safetensors", folder / f"{mine}.safetensors")
        (folder / f"{mine}.safetensors").rename(paths[role])
    named = {role: small / f"{mine}.safetensors" for role, (mine, _) in names.items()}
    models = load_paths(named, "none", ("arcface", "vgg"))
    models.paths.update(paths)
    return models, folder, small


def test_what_guides_does_not_score(published):
    models, folder, _ = published
    tools = Tools(models, [folder], guiding=("arcface", "vgg"))
    made, missing = tools.metrics(("psnr", "deg", "lpips", "lmd", "lpips_alex"))
    assert list(made) == ["psnr"]
    assert "recognition_arcface_ir_se50.pth guides, and what guides must not" in missing["deg"]
    assert f"add {SECOND} (pdgrad weights fetch arcface-iresnet50)" in missing["deg"]
    assert missing["lpips"].startswith("vgg16-397923af.pth guides")
    assert missing["lmd"] == "needs alignment_WFLW_4HG.pth; pdgrad weights fetch awing"
    assert ALEXNET_FILE in missing["lpips_alex"]
    assert all("\n" not in line for line in missing.values())


def test_a_second_recogniser_scores(published, tmp_path):
    models, folder, small = published
    other = tmp_path / SECOND
    torch.save(_tensors(small / "scorer-identity.safetensors"), other)
    tools = Tools(models, [tmp_path, folder], guiding=("arcface",))
    made, missing = tools.metrics(("deg",))
    assert not missing
    face = images(1, 64)
    assert made["deg"](face, face).item() == pytest.approx(0, abs=1e-2)
    assert made["deg"](face, images(1, 64, 1)).item() > 0
    assert tools.fingerprint("embedding") and not tools.fingerprint("distance")


def _tensors(path):
    from safetensors.torch import load_file

    return load_file(path)


def test_lpips_through_alexnet_is_the_packages(tmp_path):
    lpips = pytest.importorskip("lpips")
    reference = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).eval()
    slices = {0: 1, 3: 2, 6: 3, 8: 4, 10: 5}
    own = reference.state_dict()
    trunk = {
        f"features.{i}.{kind}": own[f"net.slice{k}.{i}.{kind}"]
        for i, k in slices.items()
        for kind in ("weight", "bias")
    }
    torch.save(trunk, tmp_path / ALEXNET_FILE)
    distance = load_alex_distance(tmp_path / ALEXNET_FILE, CPU)
    first, second = images(2, 64), images(2, 64, 1)
    with torch.no_grad():
        expected = reference(first, second).flatten()
    assert expected.min() > 0
    torch.testing.assert_close(distance(first, second), expected)
    assert distance(first, first).tolist() == [0.0, 0.0]
    del trunk["features.10.bias"]
    torch.save(trunk, tmp_path / ALEXNET_FILE)
    with pytest.raises(WrongArchitectureError, match=r"features\.10\.bias"):
        load_alex_distance(tmp_path / ALEXNET_FILE, CPU)


@pytest.mark.slow
def test_awings_landmarks_lie_in_the_picture(tmp_path):
    from pdgrad_core.cli import main

    assert main(["weights", "make-test", str(tmp_path), "--seed", "0", "--only", "awing"]) == 0
    landmarks = load_landmarks(tmp_path / weight_file("awing").file_name, CPU)
    points = landmarks(images(2, 96))
    assert points.shape == (2, 98, 2)
    assert points.min() >= 0 and points.max() <= 96 and math.isfinite(points.sum())
