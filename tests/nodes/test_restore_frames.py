"""Restore Face on batches and frames, and the host's own sockets for faces."""

import logging

import numpy as np
import pytest
import torch
from host_double import Interrupted

SAMPLING = {"steps": 2, "tau": 300, "seed": 3}
QUICK = {**SAMPLING, "models": "demo"}


@pytest.fixture
def restore(pack, faces):
    def run(photo, **inputs):
        given = {"references": faces(size=64, seed=2), **QUICK, **inputs}
        return pack.run("PDGradRestoreFace", photo=photo, **given)

    return run


@pytest.fixture
def group(pack):
    """A group photo with the landmarks of its three faces, a line each."""
    return pack.run("PDGradDemoFaces", scene="group of three", size_px="128").args


def close(found, expected):
    # Another batch size adds in another order; a step or two of guidance makes that larger.
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-3)


def test_portions_change_nothing_but_last_digits(pack, restore, faces):
    batch = faces(5, size=64, seed=1)
    whole = restore(batch)
    assert [value for value, total, _ in pack.host.progress] == [1, 2]
    pack.host.progress.clear()
    parts = restore(batch, faces_at_once=2)
    assert [value for value, _, _ in pack.host.progress] == [1, 2, 3, 4, 5, 6]
    assert {total for _, total, _ in pack.host.progress} == {6}
    close(parts.args[0], whole.args[0])
    close(parts.args[1], whole.args[1])
    rows = parts.args[2].rows
    assert [row["t"] for row in rows] == [row["t"] for row in whole.args[2].rows]
    assert rows[0]["low_r.arc.loss"].shape == (5,)


def test_the_devices_memory_bounds_a_portion(pack, restore, faces):
    networks = sum(
        one.numel() * one.element_size()
        for network in (restore(faces(size=64)), pack.host.loaded[-1])[1]
        for one in network.parameters()
    )
    pack.host.progress.clear()
    pack.host.memory_bytes = networks + 2.6 * 8000 * 64**2  # two faces, and a fifth to spare
    restore(faces(4, size=64, seed=1))
    assert len(pack.host.progress) == 4


def test_every_frame_may_have_the_same_noise(restore, faces):
    frame = faces(size=64, seed=1)
    with torch.inference_mode():
        still = frame.repeat(3, 1, 1, 1)
    own = restore(still).args[0]
    same = restore(still, noise="same for all").args[0]
    close(same[1:], same[:1].expand(2, -1, -1, -1))
    close(same[0], own[0])
    assert (own[1] - own[0]).abs().max() > 0.02


def test_frames_without_a_face_pass_through_and_are_counted(pack, restore, group, caplog):
    photo, landmarks = group
    middle = landmarks.splitlines()[1]
    with torch.inference_mode():
        video = torch.cat([photo, photo.flip(2), photo])
    with caplog.at_level(logging.INFO):
        out = restore(
            video, landmarks=f"frame 0: {middle}\nframe 2: {middle}", noise="same for all"
        )
    said = "3 photos, 2 faces restored; 1 photo without a face passed through unchanged"
    assert out.ui["text"] == [said]
    assert (said, "7") in pack.host.texts
    assert said in caplog.text
    image, coarse, trace = out.args
    assert torch.equal(image[1], video[1])
    close(image[2], image[0])
    assert (image[0] - photo[0]).abs().max() > 0.02
    assert len(coarse) == 2
    assert trace.rows[0]["low_r.arc.loss"].shape == (2,)


def test_one_photo_without_a_face_is_an_error_and_so_is_a_batch_of_them(pack, restore, group):
    photo, _ = group
    with pytest.raises(pack.error("NoFaceError"), match="No face was found in this photo"):
        restore(photo, landmarks="frame 0:")
    with pytest.raises(pack.error("NoFaceError"), match="None of the 2 photos"):
        restore(photo.repeat(2, 1, 1, 1), landmarks="frame 1:")


def test_all_faces_of_a_photo_share_its_noise_whatever_their_order(restore, group):
    photo, landmarks = group
    lines = landmarks.splitlines()
    forward = restore(photo, landmarks="\n".join(lines), faces="left-to-right").args[1]
    # One face alone has the same coarse face and the same noise as among the others.
    alone = restore(photo, landmarks=lines[1])
    close(alone.args[1][0], forward[1])
    every = restore(photo, landmarks="\n".join(reversed(lines)), faces="all").args[0]
    middle = slice(photo.shape[2] * 2 // 5, photo.shape[2] * 3 // 5)
    close(every[:, :, middle], alone.args[0][:, :, middle])


def test_cancel_works_between_portions(pack, restore, faces):
    pack.host.interrupt_after = 3
    with pytest.raises(Interrupted):
        restore(faces(4, size=64), faces_at_once=1)
    assert len(pack.host.progress) == 3


def mesh_of(points, count=478):
    """A face mesh, of which only the vertices of the five points are somewhere."""
    mesh = np.tile(np.mean(points, axis=0), (count, 1))
    groups = ((33, 133, 159, 145), (263, 362, 386, 374), (1,), (61,), (291,))
    for group, point in zip(groups, points, strict=True):
        mesh[list(group)] = point
    return {"landmarks_xy": mesh.astype(np.float32), "score": 0.9}


def parsed(line):
    return [[float(number) for number in point.split(",")] for point in line.split()]


def test_the_hosts_face_meshes_stand_for_landmarks(pack, restore, group):
    photo, landmarks = group
    line = landmarks.splitlines()[1]
    size = (photo.shape[1], photo.shape[2])
    meshes = {"frames": [[mesh_of(parsed(line))]], "image_size": size, "connection_sets": {}}
    found = restore(photo, face_landmarks=meshes).args[0]
    close(found, restore(photo, landmarks=line).args[0])
    aligned = pack.run("PDGradAlignFaces", photo=photo, size_px=64, face_landmarks=meshes).args
    typed = pack.run(
        "PDGradAlignFaces", photo=photo, size_px=64, method="landmarks", landmarks=line
    ).args
    close(aligned[0], typed[0])
    for wrong, said in (
        ({**meshes, "image_size": (9, 9)}, "of 1 photos of 9x9 pixels, but there are 1 of"),
        ({**meshes, "frames": [[], [], []]}, "of 3 photos"),
        ({"other": 1}, "holds no face meshes"),
    ):
        with pytest.raises(pack.error("InvalidInputError"), match=said):
            restore(photo, face_landmarks=wrong)


def test_boxes_say_which_faces_are_meant(pack, restore, group):
    photo, landmarks = group
    every = {"photo": photo, "size_px": 64, "method": "landmarks", "landmarks": landmarks}
    *_, boxes = pack.run("PDGradAlignFaces", **every, choose="all").args
    assert [set(box) for box in boxes[0]] == [{"x", "y", "width", "height"}] * 3
    *_, boxes = pack.run("PDGradAlignFaces", **every, choose="by number", numbers="2").args
    (box,) = boxes[0]
    expected = restore(photo, landmarks=landmarks.splitlines()[2]).args[0]
    for given in (box, [box], [[box]]):
        close(restore(photo, landmarks=landmarks, bounding_boxes=given).args[0], expected)
    with pytest.raises(pack.error("NoFaceError"), match="No face was found"):
        restore(photo, landmarks=landmarks, bounding_boxes=[[]])
    with pytest.raises(pack.error("InvalidInputError"), match="x, y, width and height"):
        restore(photo, landmarks=landmarks, bounding_boxes=[{"x": 1}])
    with pytest.raises(pack.error("InvalidInputError"), match="of 2 photos, but there are 1"):
        restore(photo, landmarks=landmarks, bounding_boxes=[[box], []])


def test_the_samplers_noise_may_be_one_for_all(pack, loaded, faces):
    with torch.inference_mode():
        start = faces(size=64, seed=1).repeat(2, 1, 1, 1)

    def sampled(**noise):
        run = {"prior": loaded.prior, "image": start, **SAMPLING, **noise}
        return pack.run("PDGradDDPMSampler", **run).args[0]

    own, same = sampled(), sampled(noise="same for all")
    close(same[1], same[0])
    close(same[0], own[0])
    assert (own[1] - own[0]).abs().max() > 0.02
