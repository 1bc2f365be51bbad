"""An album's faces sent to ComfyUI hosts: a stand-in answers the documented routes."""

import pytest
import torch
from comfyui_stand_in import StandIn, serving

from pdgrad_core.albums import AlbumJob
from pdgrad_core.albums.executors.comfyui import ComfyUIExecutor
from pdgrad_core.albums.executors.comfyui_client import Patience, host_url
from pdgrad_core.albums.executors.comfyui_prompt import FacePrompt, face_from, png
from pdgrad_core.albums.model_choice import ModelChoice, WorkerPlan
from pdgrad_core.albums.opening import AlbumChoices, PasteSettings
from pdgrad_core.errors import InvalidInputError, PDGradError
from pdgrad_core.images import load_image
from pdgrad_core.people import Guide
from pdgrad_core.recipes import DEFAULT_RECIPE
from pdgrad_core.settings import Settings

SETTINGS = Settings(steps=1, tau=200, seed=3)
MODELS = ModelChoice("demo", "demo", None, None, ("arcface", "vgg"), device="cpu")
PASTING = PasteSettings(match_colors=False)
QUICK = Patience(answer_s=20.0, tries=2, pause_s=0.01, poll_s=0.01)


@pytest.fixture
def plan(models, monkeypatch):
    monkeypatch.setattr(ModelChoice, "load", lambda _: models)
    return WorkerPlan(MODELS, SETTINGS, AlbumChoices(turns=False), PASTING)


def run(folders, plan, *urls):
    with ComfyUIExecutor(plan, urls, QUICK) as executor:
        job = AlbumJob(
            scans=folders / "scans",
            out=folders / "out",
            people=folders / "people",
            models=None,
            settings=SETTINGS,
            executor=executor,
            choices=plan.choices,
            pasting=PASTING,
        )
        album = job.open()
        try:
            return album.run()
        finally:
            album.work.close()


def test_two_hosts_share_an_album_and_one_that_dies_loses_nothing(folders, plan):
    good, dying = StandIn(), StandIn(dies_after=0)
    with serving(good) as first, serving(dying) as second:
        found = run(folders, plan, first, second)
    assert {record.path: record.state for record in found.records} == {
        "1950/both.png": "done",
        "1950/guest.png": "done",
        "alone.jpg": "done",
        "wall.png": "no face",
    }
    assert all(record.times == 1 for record in found.records if record.state == "done")
    assert dying.prompts
    assert len(good.prompts) == 3
    before = load_image(folders / "scans" / "1950" / "both.png")
    after = load_image(folders / "out" / "1950" / "both.png")
    assert after.shape == before.shape
    assert after.mean() < before.mean()


def test_each_face_is_asked_for_with_its_own_references(folders, plan):
    host = StandIn()
    with serving(host) as url:
        run(folders, plan, url)
    asked = [
        node["inputs"]
        for prompt in host.prompts
        for node in prompt.values()
        if node["class_type"] == "PDGradRestoreFace"
    ]
    known = [one for one in asked if "references" in one]
    (unknown,) = [one for one in asked if "references" not in one]
    assert len(known) == 4
    assert (unknown["recipe"], unknown["reference_weights"]) == ("a5", "")
    for one in known:
        assert (one["recipe"], one["steps"], one["tau"], one["seed"]) == (DEFAULT_RECIPE, 1, 200, 3)
        assert (one["precision"], one["speed_up"]) == ("auto", "none")
        weights = [float(weight) for weight in one["reference_weights"].split(",")]
        assert sum(weights) == pytest.approx(1, abs=1e-3)
        assert len(weights) == 2
    # Two people have two photos each, and five faces are restored: each is sent once.
    assert len([name for name in host.files if name.startswith("pdgrad-album/")]) == 9


def test_what_lies_in_a_photo_is_its_failure_and_what_lies_in_a_host_is_the_hosts(folders, plan):
    with serving(StandIn(error=("pdgrad.errors.NonFiniteError", "x0hat is NaN."))) as url:
        found = run(folders, plan, url)
    assert {one.error for one in found.failed} == {"x0hat is NaN."}
    assert len(found.failed) == 3
    with (
        serving(
            StandIn(error=("pdgrad.errors.CheckpointNotFoundError", "prior is missing"))
        ) as bad,
        serving(StandIn()) as good,
    ):
        assert run(folders, plan, bad, good).restored == 3
        for name in ("alone.png", "1950/both.png"):
            (folders / "out" / name).unlink()
        with pytest.raises(PDGradError, match=f"No ComfyUI host is left .{bad}: prior is missing"):
            run(folders, plan, bad)
    with serving(StandIn(refuses=True)) as url, pytest.raises(PDGradError, match="tau cannot be"):
        run(folders, plan, url)


def test_hosts_that_cannot_be_used_are_named(plan):
    with pytest.raises(PDGradError, match=r"No ComfyUI answers at http://127\.0\.0\.1:9 "):
        ComfyUIExecutor(plan, ["127.0.0.1:9"], QUICK)
    other = StandIn()
    other.get = lambda *_: b"<html>another server</html>"
    with serving(other) as url, pytest.raises(PDGradError, match="otherwise than ComfyUI does"):
        ComfyUIExecutor(plan, [url], QUICK)
    node = {"input": {"optional": {}}}
    with (
        serving(StandIn(nodes={"PreviewImage": node})) as url,
        pytest.raises(PDGradError, match="has no PDGradLoadPhoto, PDGradRestoreFace, ImageBatch"),
    ):
        ComfyUIExecutor(plan, [url], QUICK)
    old = dict.fromkeys(
        ("PDGradLoadPhoto", "PDGradRestoreFace", "ImageBatch", "PreviewImage"), node
    )
    with (
        serving(StandIn(nodes=old)) as url,
        pytest.raises(PDGradError, match="an older version of this pack"),
    ):
        ComfyUIExecutor(plan, [url], QUICK)
    with pytest.raises(InvalidInputError, match="named twice"):
        ComfyUIExecutor(plan, ["a:1", "http://a:1/"], QUICK)


@pytest.mark.parametrize("text", ["ftp://a", "http://", "http://a:port", "a:0"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(InvalidInputError, match="is an address as in"):
        host_url(text)


def test_what_restore_face_has_no_input_for_is_refused():
    with pytest.raises(InvalidInputError, match="no input for combiner"):
        FacePrompt(Settings(combiner="pdgrad"), MODELS)
    with pytest.raises(InvalidInputError, match="takes the recipe's own prior"):
        FacePrompt(SETTINGS, ModelChoice("demo", "demo", "idm", None, ()))


def test_a_face_travels_nearly_unrounded():
    face = torch.rand(1, 3, 64, 64) * 2 - 1
    # 16 bits: half a step of 2 / 65535.
    assert (face_from(png(face), 64) - face).abs().max() <= 1.1 / 65535
    with pytest.raises(InvalidInputError, match="gave back a face of 64x64, not 512"):
        face_from(png(face), 512)
    prompt, shown = FacePrompt(SETTINGS, MODELS).write(face, [Guide()], lambda name, _: name)
    assert [node["class_type"] for node in prompt.values()] == [
        "PDGradLoadPhoto",
        "PDGradRestoreFace",
        "PreviewImage",
    ]
    assert shown == ["3"]
