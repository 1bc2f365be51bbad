"""The small detector: it finds drawn people, with the landmarks and scores of RetinaFace."""

import logging

import numpy as np
import pytest
import torch

from pdgrad_core.alignment import (
    FaceDetector,
    align_face,
    best_detector,
    choose_faces,
    load_yunet,
)
from pdgrad_core.alignment import detectors as detectors_module
from pdgrad_core.alignment.yunet import OWN_THRESHOLD, WEIGHTS, YuNetDetector, decode
from pdgrad_core.checkpoints import read_metadata
from pdgrad_core.errors import (
    CheckpointNotFoundError,
    InvalidInputError,
    MissingDependencyError,
    WrongArchitectureError,
)
from pdgrad_core.faces.group import draw_group
from pdgrad_core.images import resize

ORIGIN_SHA256 = "9c7c9e14a4d60e57491d77e4d8b0d451bd834f300e05c0dea7fd1f6533817b06"

OPENCVS = [
    [191.4032, 80.1549, 67.6883, 92.4747],
    [216.8219, 116.7163],
    [247.1739, 118.3479],
    [236.2669, 135.337],
    [216.2373, 148.9906],
    [241.9514, 150.5982],
]
"""Box (left, top, width, height) and points of the surest face of the group as OpenCV 5.0's
FaceDetectorYN finds it with the published onnx/yunet_n_dynamic.onnx; its score is 0.9346."""


@pytest.fixture(scope="module")
def detector():
    return load_yunet()


@pytest.fixture(scope="module")
def group():
    return draw_group([1, 2, 3], [4, 5, 6])


def test_it_finds_everybody_and_nobody_else(detector, group):
    faces = choose_faces(detector(group.image), "left-to-right")
    assert len(faces) == 3
    for face, truth in zip(faces, group.landmarks.numpy(), strict=True):
        between_eyes = np.linalg.norm(truth[0] - truth[1])
        apart = np.linalg.norm(face.landmarks - truth, axis=1)
        # Eyes, nose, mouth corners in this order: any two of them swapped are farther apart.
        assert apart.max() < 0.35 * between_eyes
        left, top, right, bottom = face.box
        assert left < truth[:, 0].min() and truth[:, 0].max() < right
        assert top < truth[:, 1].min() and truth[:, 1].max() < bottom
        assert 0.97 < face.score <= 1
        assert face.landmarks.dtype == np.float64


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_the_size_of_the_photo_matters_little(detector, group, factor):
    height, width = (round(side * factor) for side in group.image.shape[-2:])
    faces = choose_faces(detector(resize(group.image, height, width)), "left-to-right")
    assert len(faces) == 3
    expected = choose_faces(detector(group.image), "left-to-right")
    for face, other in zip(faces, expected, strict=True):
        moved = (other.landmarks + 0.5) * factor - 0.5
        between_eyes = np.linalg.norm(moved[0] - moved[1])
        assert np.abs(face.landmarks - moved).max() < 0.2 * between_eyes


def test_a_face_that_fills_the_picture_and_pictures_without_one(detector, group):
    face = detector(group.image)[0]
    crop = align_face(group.image, face, 512).crop
    assert len(detector(crop)) == 1
    for nobody in (torch.zeros(1, 3, 64, 100), torch.rand(1, 3, 90, 70) * 2 - 1):
        assert detector(nobody) == []


def test_lower_thresholds_find_no_fewer(detector, group):
    noisy = group.image + torch.randn(group.image.shape, generator=torch.Generator().manual_seed(0))
    counts = [len(detector(noisy.clamp(-1, 1), threshold)) for threshold in (1.0, 0.97, 0.9, 0.8)]
    assert counts == sorted(counts) and counts[0] == 0


def test_it_works_in_inference_mode_and_moves(detector, group):
    with torch.inference_mode():
        photo = group.image.clone()
        faces = load_yunet().to("cpu")(photo)
    assert [face.box for face in faces] == [face.box for face in detector(group.image)]


def test_what_it_is_not_given(detector, group):
    with pytest.raises(InvalidInputError, match="batch of 2"):
        detector(group.image.repeat(2, 1, 1, 1))
    with pytest.raises(InvalidInputError):
        detector(group.image, 1.5)
    with pytest.raises(InvalidInputError):
        load_yunet(threshold=-1)


def test_decoding_by_hand():
    """On a 32x64 input, level 8 has 4x8 places; its 10th is row 1, column 2: pixel (16, 8)."""
    levels = [
        (torch.zeros(1, count), torch.zeros(1, count, 4), torch.zeros(1, count, 10))
        for count in (32, 8, 2)
    ]
    score, box, points = levels[0]
    score[0, 10] = 0.6
    box[0, 10] = torch.tensor([0.5, 0.25, np.log(2.0), 0.0])
    points[0, 10] = torch.arange(10) / 8
    boxes, scores, where = decode(levels, (32, 64), torch.tensor([2.0, 1.0]))
    assert len(boxes) == 42
    assert scores[10].item() == pytest.approx(0.97)
    # Centre (16 + 4, 8 + 2), sides 16 and 8, then twice as wide.
    assert boxes[10].tolist() == pytest.approx([24, 6, 56, 14])
    assert where[10].flatten().tolist() == pytest.approx([32, 9, 36, 11, 40, 13, 44, 15, 48, 17])


def test_the_file_says_where_it_comes_from_and_is_that_file():
    metadata = read_metadata(WEIGHTS)
    assert metadata["pdgrad.licence"] == "Apache-2.0"
    assert "ShiqiYu/libfacedetection.train" in metadata["pdgrad.origin"]
    # sha256 of the published file, as it lies in that repository.
    assert metadata["pdgrad.origin_sha256"] == ORIGIN_SHA256
    assert WEIGHTS.stat().st_size < 400_000


def test_another_file_is_refused(tmp_path):
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(WrongArchitectureError, match="YuNet"):
        load_yunet(tmp_path / "other.pth")
    with pytest.raises(CheckpointNotFoundError):
        load_yunet(tmp_path / "absent.safetensors")


def test_retinaface_is_preferred_where_it_is_and_the_log_says_which(monkeypatch, caplog, tmp_path):
    caplog.set_level(logging.INFO)
    assert isinstance(best_detector(None, threshold=0.5, short_side_px=320), YuNetDetector)
    assert caplog.messages == [
        "Faces are found by YuNet, which comes with this package; detection_Resnet50_Final.pth "
        "(RetinaFace) is not here."
    ]
    asked = []
    toy = FaceDetector(torch.nn.Linear(1, 1))
    monkeypatch.setattr(detectors_module, "load_detector", lambda *args: asked.append(args) or toy)
    path = tmp_path / "detection_Resnet50_Final.pth"
    caplog.clear()
    assert best_detector(path, "cpu", 0.5, 320) is toy
    assert asked == [(path, "cpu", 0.5, 320)]
    assert caplog.messages == ["Faces are found by RetinaFace (detection_Resnet50_Final.pth)."]


def test_without_facexlib_the_small_one_serves(monkeypatch, caplog, tmp_path):
    def absent(*args):
        raise MissingDependencyError("Face detection needs facexlib.")

    caplog.set_level(logging.INFO)
    monkeypatch.setattr(detectors_module, "load_detector", absent)
    assert isinstance(best_detector(tmp_path / "file.pth"), YuNetDetector)
    assert "RetinaFace cannot be used: Face detection needs facexlib" in caplog.text


def test_the_network_agrees_with_opencvs(detector, group):
    photo = ((group.image + 1) * 127.5).round() / 127.5 - 1  # as it was stored for OpenCV
    boxes, scores, points = detector.predictions(photo, min(photo.shape[-2:]))
    best = int(scores.argmax())
    left, top, width, height = OPENCVS[0]
    expected = [left, top, left + width, top + height]
    # OpenCV was given whole levels of the picture and answers in float32.
    assert boxes[best].tolist() == pytest.approx(expected, abs=0.05)
    assert np.allclose(points[best], OPENCVS[1:], atol=0.05)
    own = scores[best].item() ** (np.log(OWN_THRESHOLD) / np.log(0.97))
    assert own**0.5 == pytest.approx(0.9346, abs=1e-3)
