"""Float32 is float32 inside, whatever the host allows, and the host's settings come back."""

import threading

import pytest
import torch
from networks import images

from pdgrad_core.alignment.detectors import best_detector
from pdgrad_core.models.scorers import load_scorers
from pdgrad_core.models.sets import load_model_set
from pdgrad_core.pipeline import restore_faces
from pdgrad_core.recipes import RECIPES
from pdgrad_core.settings import Settings
from pdgrad_core.true_float32 import float32_settings, true_float32

NEWER = hasattr(torch.backends.cudnn, "conv")


def as_it_comes():
    pass


def older_way():
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cuda.matmul.allow_tf32 = True


def lower_precision():
    torch.set_float32_matmul_precision("medium")


def newer_way():
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    torch.backends.cudnn.conv.fp32_precision = "tf32"


def newer_way_for_all():
    torch.backends.fp32_precision = "tf32"


HOSTS = [as_it_comes, older_way, lower_precision]
HOSTS += [newer_way, newer_way_for_all] if NEWER else []


@pytest.fixture(params=HOSTS, ids=lambda host: host.__name__)
def host(request):
    """A host's settings; what was there before comes back after the test."""
    before = float32_settings()
    request.param()
    yield float32_settings()
    if NEWER:
        torch.backends.fp32_precision = "none"
    torch.set_float32_matmul_precision(before["float32_matmul_precision"])
    torch.backends.cudnn.allow_tf32 = before["cudnn.allow_tf32"]
    torch.backends.cuda.matmul.allow_tf32 = before["cuda.matmul.allow_tf32"]
    if NEWER:
        torch.backends.mkldnn.matmul.fp32_precision = "none"
        torch.backends.cuda.matmul.fp32_precision = "none"


def is_off(settings):
    told = [value for name, value in settings.items() if name.endswith("fp32_precision")]
    return (
        settings["cudnn.allow_tf32"] is False
        and settings["cuda.matmul.allow_tf32"] is False
        and settings["float32_matmul_precision"] == "highest"
        and all(value == "ieee" for value in told)
    )


def test_it_is_off_inside_and_the_hosts_own_comes_back(host):
    with true_float32():
        assert is_off(float32_settings())
    assert float32_settings() == host


def test_it_comes_back_after_an_error(host):
    with pytest.raises(KeyError), true_float32():
        raise KeyError
    assert float32_settings() == host


def test_it_can_be_nested_and_is_a_decorator(host):
    @true_float32()
    def inner(depth):
        assert is_off(float32_settings())
        return inner(depth - 1) if depth else "done"

    with true_float32():
        assert inner(2) == "done"
        assert is_off(float32_settings())
    assert inner(0) == "done"
    assert float32_settings() == host


def test_the_last_thread_to_leave_gives_it_back(host):
    entered, leave = threading.Event(), threading.Event()

    def other():
        with true_float32():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with true_float32():
        thread.start()
        assert entered.wait(10)
    assert is_off(float32_settings())  # the other thread still computes
    leave.set()
    thread.join()
    assert float32_settings() == host


@pytest.fixture
def convolutions(monkeypatch):
    """Settings as each convolution finds them, under a host that allows TF32."""
    seen = []
    original = torch.conv2d

    def watched(*args, **kwargs):
        seen.append(is_off(float32_settings()))
        return original(*args, **kwargs)

    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    monkeypatch.setattr(torch.nn.functional, "conv2d", watched)
    yield seen
    torch.backends.cuda.matmul.allow_tf32 = before


@pytest.mark.parametrize("recipe", ["pdgrad", "pgdiff-restoration"])
def test_every_convolution_of_a_restoration_finds_it_off(convolutions, recipe):
    models = load_model_set("demo", features=RECIPES[recipe].networks)
    references = [images(1, 64, seed=2)] if recipe == "pdgrad" else []
    restore_faces(images(1, 64, seed=1), references, models, Settings(recipe, steps=1))
    assert len(convolutions) > 20
    assert all(convolutions)


def test_scores_and_detection_are_in_float32_too(convolutions):
    face = images(1, 64, seed=1)
    scorers = load_scorers()
    scorers.score(face, images(1, 64, seed=2), ("lpips", "deg"))
    scorers.embed(face)
    best_detector(None)(face)
    assert len(convolutions) > 20
    assert all(convolutions)
