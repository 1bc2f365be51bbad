"""A batch in which a photo shows no face: it passes unchanged through cutting out and pasting."""

import logging

import pytest
import torch


@pytest.fixture
def batch(pack):
    """A wall without anybody between two photos of a group, and the group's landmarks."""
    photo, landmarks = pack.run("PDGradDemoFaces", scene="group of three", size_px="128").args
    wall = torch.full_like(photo, 0.6)
    return torch.cat([photo, wall, photo]), landmarks


def ways(batch, way):
    photo, landmarks = batch
    by_hand = f"frame 0:\n{landmarks}\nframe 2:\n{landmarks}"
    boxes = [{"x": 0, "y": 0, "width": photo.shape[2], "height": photo.shape[1]}]
    return {
        "found": {},
        "typed": {"method": "landmarks", "landmarks": by_hand},
        "boxes": {
            "method": "landmarks", "landmarks": landmarks, "bounding_boxes": [boxes, [], boxes]
        },
        "numbered": {
            "method": "landmarks", "choose": "by number", "numbers": "1",
            "landmarks": by_hand + f"\nframe 1:\n{landmarks.splitlines()[0]}",
        },
    }[way]  # fmt: skip


@pytest.mark.parametrize("way", ["found", "typed", "boxes", "numbered"])
def test_a_photo_without_a_face_passes_unchanged_and_is_counted(pack, batch, caplog, way):
    photo, _ = batch
    with caplog.at_level(logging.INFO):
        faces, placement, boxes, chosen = pack.run(
            "PDGradAlignFaces", **{"photo": photo, "size_px": 64, **ways(batch, way)}
        ).args
    assert [len(here) for here in placement.faces] == [1, 0, 1]
    assert len(faces) == 2 and boxes.shape == photo.shape
    assert [len(here) for here in chosen] == [1, 0, 1]
    assert "3 photos, 2 faces cut out; 1 photo without a face passed through" in caplog.text
    pasted, weight = pack.run(
        "PDGradPasteFaces", photo=photo, restored=faces * 0.8, placement=placement
    ).args
    assert torch.equal(pasted[1], photo[1]) and not weight[1].any()
    assert weight[0].any() and torch.equal(weight[0], weight[2])


def test_a_batch_without_any_face_is_refused(pack, batch):
    walls = batch[0][1:2].repeat(2, 1, 1, 1)
    with pytest.raises(pack.error("NoFaceError"), match="None of the 2 photos has a face"):
        pack.run("PDGradAlignFaces", photo=walls, size_px=64)
    with pytest.raises(pack.error("NoFaceError"), match="No face was found in this photo"):
        pack.run("PDGradAlignFaces", photo=walls[:1], size_px=64)
