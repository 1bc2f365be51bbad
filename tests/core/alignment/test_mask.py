import pytest
import torch
from recipe import fill
from torch import nn

from pdgrad_core.alignment import FaceParser, load_parser
from pdgrad_core.alignment.mask import feather, parsenet_network
from pdgrad_core.errors import CheckpointNotFoundError, WrongArchitectureError


class ToyParser(nn.Module):
    """Skin in the left half, hair in the top quarter, cloth elsewhere."""

    def __init__(self):
        super().__init__()
        self.parameter = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        scores = torch.zeros(x.shape[0], 19, *x.shape[-2:])
        scores[:, 18] = 1.0
        scores[:, 1, :, :256] = 2.0
        scores[:, 13, :128] = 3.0
        return scores, x


def test_face_and_hair_go_back_cloth_does_not():
    mask = FaceParser(ToyParser())(torch.zeros(1, 3, 256, 256))
    assert mask.shape == (1, 1, 256, 256)
    assert mask[0, 0, 200, 60].item() == pytest.approx(1.0, abs=1e-3)
    assert mask[0, 0, 30, 200].item() == pytest.approx(1.0, abs=1e-3)
    assert mask[0, 0, 200, 200].item() == pytest.approx(0.0, abs=1e-3)
    assert mask[0, 0, 200, 128].item() == pytest.approx(0.5, abs=0.05)


def test_feather_by_hand():
    distance = torch.tensor([-3.0, 0.0, 2.5, 5.0, 10.0, 99.0])
    assert feather(distance, 10.0).tolist() == pytest.approx([0, 0, 0.15625, 0.5, 1, 1])
    assert feather(distance, 0.0).tolist() == [0, 0, 1, 1, 1, 1]


def test_missing_or_wrong_weights(tmp_path):
    with pytest.raises(CheckpointNotFoundError):
        load_parser(tmp_path / "parsing_parsenet.pth")
    torch.save({"weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(WrongArchitectureError, match="ParseNet"):
        load_parser(tmp_path / "other.pth")


@pytest.mark.slow
def test_full_size_network_through_a_file(tmp_path):
    path = tmp_path / "parsing_parsenet.pth"
    torch.save(fill(parsenet_network()).state_dict(), path)
    mask = load_parser(path)(torch.zeros(1, 3, 256, 256))
    assert mask.shape == (1, 1, 256, 256)
    assert mask.min() >= 0
    assert mask.max() <= 1
