"""The host's lists: several references are several references, several photos several results."""

import pytest
import torch

NUMBERS = {"steps": 2, "tau": 300, "photo_is": "aligned face", "models": "demo"}


@pytest.fixture
def run(pack):
    """Run Restore Face as the host does a node that takes lists."""

    def start(**lists):
        node = pack.nodes["PDGradRestoreFace"]
        assert node.define_schema().is_input_list
        values = {
            one.id: one.options["default"]
            for one in node.define_schema().inputs
            if "default" in one.options
        }
        plain = {name: [value] for name, value in {**values, **NUMBERS}.items()}
        with torch.inference_mode():
            return node.execute(**plain, **lists)

    return start


def test_a_list_of_references_is_one_restoration(pack, run, faces):
    references = [faces(size=64, seed=2), faces(size=96, seed=3), faces(2, size=64, seed=4)]
    images, coarse, traces = run(photo=[faces(size=64, seed=1)], references=references).args
    assert [len(out) for out in (images, coarse, traces)] == [1, 1, 1]
    names = {name for name in traces[0].rows[0] if name.endswith(".arc.loss")}
    assert {f"low_r{i}.arc.loss" for i in (1, 2, 3, 4)} <= names
    assert [done for done, _, _ in pack.host.progress] == [1, 2]


def test_a_list_is_what_a_batch_is(run, faces):
    photo, batch = faces(size=64, seed=1), faces(2, size=64, seed=2)
    as_list = run(photo=[photo], references=list(batch.split(1))).args[0][0]
    as_batch = run(photo=[photo], references=[batch]).args[0][0]
    assert torch.equal(as_list, as_batch)


def test_a_list_of_photos_is_a_list_of_results(run, faces):
    photos = [faces(size=64, seed=1), faces(2, size=64, seed=5)]
    out = run(photo=photos, references=[faces(size=64, seed=2), faces(size=64, seed=3)])
    assert [len(image) for image in out.args[0]] == [1, 2]
    assert len(out.ui["pdgrad_trace"]) == 2
    names = set(out.args[2][1].rows[0])
    assert {"low_r1.arc.loss", "low_r2.arc.loss"} <= names


def test_an_empty_batch_among_the_references_is_named(pack, run, faces):
    with pytest.raises(pack.error("InvalidInputError"), match="A reference is an empty batch"):
        run(photo=[faces(size=64)], references=[faces(size=64), torch.zeros(0, 64, 64, 3)])


def test_every_element_of_a_list_is_checked(pack, run, faces):
    node = pack.nodes["PDGradRestoreFace"]
    with pytest.raises(pack.error("InvalidInputError"), match="tau must be from 0 to 1000"):
        pack.module("nodes.checked").refuse(node, {"recipe": ["pdgrad"], "tau": [10, 2000]})
