import math

import numpy as np
import pytest
import torch
from recipe import fill
from torch import nn
from waves import wave_photo

from pdgrad_core.alignment import FaceDetector, choose_faces, draw_faces, load_detector
from pdgrad_core.alignment.detect import anchors, retinaface_network
from pdgrad_core.errors import (
    CheckpointNotFoundError,
    InvalidInputError,
    NoFaceError,
    WrongArchitectureError,
)


class ToyRetina(nn.Module):
    """Answers with faces that stand at fixed fractions of whatever picture it is shown."""

    def __init__(self, faces):
        super().__init__()
        self.faces = faces
        self.parameter = nn.Parameter(torch.zeros(1))
        self.seen = None

    def forward(self, bgr):
        self.seen = bgr
        height, width = bgr.shape[-2:]
        anchor = anchors(height, width)
        count = len(anchor)
        boxes, scores = torch.zeros(count, 4), torch.zeros(count, 2)
        landmarks = torch.zeros(count, 5, 2)
        for x, y, side, score in self.faces:
            centre = torch.tensor([x * width, y * height])
            # Two anchors see the face: the better one wins.
            distance = ((anchor[:, :2] - centre) ** 2).sum(1) + (anchor[:, 2] - 32) ** 2
            for rank, index in enumerate(distance.argsort()[:2].tolist()):
                prior = anchor[index]
                boxes[index, :2] = (centre - prior[:2]) / (0.1 * prior[2:])
                boxes[index, 2:] = math.log(side / prior[2]) / 0.2
                scores[index, 1] = score - 0.01 * rank
                points = (
                    centre
                    + torch.tensor([[-0.2, -0.2], [0.2, -0.2], [0.0, 0.0], [-0.1, 0.2], [0.1, 0.2]])
                    * side
                )
                landmarks[index] = (points - prior[:2]) / (0.1 * prior[2:])
        return boxes[None], scores[None], landmarks.reshape(1, count, 10)


def test_anchors_by_hand():
    found = anchors(33, 16)
    # Strides 8, 16, 32: maps of 5x2, 3x1, 2x1 positions, two sizes at each.
    assert found.shape == (2 * (10 + 3 + 2), 4)
    assert found[:3].tolist() == [[4, 4, 16, 16], [4, 4, 32, 32], [12, 4, 16, 16]]
    assert found[-1].tolist() == [16, 48, 512, 512]


def test_faces_are_found_where_they_are():
    network = ToyRetina([(0.25, 0.5, 60, 0.99), (0.75, 0.5, 40, 0.98), (0.5, 0.1, 40, 0.3)])
    photo = wave_photo(120, 200)
    faces = FaceDetector(network, short_side_px=None)(photo)
    assert [face.score for face in faces] == pytest.approx([0.99, 0.98])
    assert faces[0].box == pytest.approx((20, 30, 80, 90), abs=1e-3)
    assert faces[1].landmarks[0].tolist() == pytest.approx([142, 52], abs=1e-3)
    assert network.seen.shape == (1, 3, 120, 200)


def test_network_sees_bgr_less_the_mean():
    network = ToyRetina([])
    red = torch.tensor([1.0, -1.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 64, 64)
    FaceDetector(network, short_side_px=None)(red)
    assert network.seen[0, :, 0, 0].tolist() == pytest.approx([127.5 - 104, -117, 255 - 123])


@pytest.mark.parametrize("size", [(60, 100), (1280, 2000)])
def test_positions_come_back_in_the_photos_pixels(size):
    network = ToyRetina([(0.5, 0.5, 64, 0.99)])
    face = FaceDetector(network, short_side_px=640)(wave_photo(*size))[0]
    assert min(network.seen.shape[-2:]) == 640
    side = 64 * size[0] / 640
    assert face.box[2] - face.box[0] == pytest.approx(side, rel=0.01)
    centre = np.array([size[1], size[0]]) / 2
    assert np.allclose(face.landmarks[2], centre, atol=0.01 * size[0])


def test_a_lower_threshold_finds_more():
    detector = FaceDetector(ToyRetina([(0.5, 0.5, 40, 0.6)]), short_side_px=None)
    photo = wave_photo(100, 100)
    assert detector(photo) == []
    assert len(detector(photo, threshold=0.5)) == 1
    with pytest.raises(NoFaceError, match="No face was found"):
        choose_faces(detector(photo))


def test_under_inference_mode_and_bad_calls():
    detector = FaceDetector(ToyRetina([(0.5, 0.5, 40, 0.99)]), short_side_px=None)
    with torch.inference_mode():
        assert len(detector(wave_photo(64, 64))) == 1
    with pytest.raises(InvalidInputError, match="threshold must be a number from 0 to 1"):
        detector(wave_photo(64, 64), threshold=1.5)
    with pytest.raises(InvalidInputError, match="batch of 2"):
        detector(torch.zeros(2, 3, 64, 64))


def test_missing_or_wrong_weights(tmp_path):
    with pytest.raises(CheckpointNotFoundError):
        load_detector(tmp_path / "detection_Resnet50_Final.pth")
    torch.save({"module.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(WrongArchitectureError, match="RetinaFace"):
        load_detector(tmp_path / "other.pth")


def test_preview_is_drawn_on_a_copy():
    photo = wave_photo(100, 200)
    faces = FaceDetector(ToyRetina([(0.5, 0.5, 40, 0.99)]), short_side_px=None)(photo)
    drawn = draw_faces(photo, faces)
    assert drawn.shape == photo.shape
    changed = ((drawn - photo).abs() > 0.1).any(1)[0]
    rows, columns = changed.nonzero(as_tuple=True)
    assert columns.min() >= 78
    assert rows.max() <= 72
    assert changed[30, 80:121].all()


@pytest.mark.slow
def test_our_arithmetic_agrees_with_facexlibs(tmp_path):
    """Random weights of full size, through a file; facexlib's own detection is the oracle."""
    network = fill(retinaface_network(), gain=0.5)
    path = tmp_path / "detection_Resnet50_Final.pth"
    torch.save({f"module.{key}": value for key, value in network.state_dict().items()}, path)
    detector = load_detector(path, short_side_px=None)
    photo = (wave_photo(160, 224) * 127.5).round() / 127.5
    pixels = ((photo[0].permute(1, 2, 0) + 1) * 127.5).numpy()[..., ::-1]
    with torch.no_grad():
        scores = network(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] - 110)[1]
        threshold = scores[0, :, 1].quantile(0.9).item()
        expected = network.detect_faces(pixels, conf_threshold=threshold)
    found = detector(photo, threshold=threshold)
    assert len(found) == len(expected) > 1
    for face, row in zip(found, expected, strict=True):
        assert face.score == pytest.approx(row[4], abs=1e-4)
        assert np.allclose(face.box, row[:4], rtol=1e-3, atol=0.05)
        assert np.allclose(face.landmarks.reshape(-1), row[5:], rtol=1e-3, atol=0.05)
