import pytest
import torch
from golden import golden
from recipe import fill
from safetensors.torch import save_file
from tolerances import assert_recorded, assert_same, terms_of

from pdgrad_core.checkpoints import Checkpoint
from pdgrad_core.errors import WrongArchitectureError
from pdgrad_core.restorers import load_restorer
from pdgrad_core.restorers.rrdb import RRDBNetwork, RRDBRestorer


def tiny_state(width=8, growth=4, blocks=2):
    return fill(RRDBNetwork(width, growth, blocks)).state_dict()


def test_size_is_read_off_the_tensors(tmp_path):
    path = tmp_path / "rrdb.pth"
    torch.save({"state_dict": tiny_state()}, path)
    restorer = load_restorer("rrdb", path)
    assert len(restorer.network.generator.body) == 2
    assert restorer.network.generator.body[0].rdb1.conv1.out_channels == 4


def test_surplus_tensors_of_a_training_checkpoint_are_left_aside():
    state = {**tiny_state(), "discriminator.weight": torch.zeros(3)}
    assert isinstance(RRDBRestorer.from_checkpoint(Checkpoint(state)), RRDBRestorer)


def test_another_network_is_refused(tmp_path):
    with pytest.raises(WrongArchitectureError, match="not a checkpoint of PGDiff's RRDB restorer"):
        RRDBRestorer.from_checkpoint(Checkpoint({"conv1.weight": torch.zeros(3)}))
    incomplete = tiny_state()
    del incomplete["time_embed.2.bias"]
    save_file(incomplete, tmp_path / "rrdb.safetensors")
    with pytest.raises(WrongArchitectureError, match="1 tensors missing"):
        load_restorer("rrdb", tmp_path / "rrdb.safetensors")


def test_result_is_clamped():
    state = tiny_state()
    state["generator.conv_last.bias"] = torch.tensor([9.0, -9.0, 0.0])
    restorer = RRDBRestorer.from_checkpoint(Checkpoint(state))
    coarse = restorer(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8), 0)
    assert coarse[:, 0].eq(1).all()
    assert coarse[:, 1].eq(-1).all()


def test_parity_with_the_official_network():
    """The golden output is the official network's, before any clamp."""
    vectors = golden("pgdiff_restorer_recipe")
    network = fill(RRDBNetwork()).double()
    with torch.no_grad():
        out = network(vectors["x_t"].double(), vectors["y"].double(), vectors["t"])
    assert_recorded(out, vectors["out"])


def test_state_dict_names_are_the_official_ones():
    names = list(RRDBNetwork().state_dict())
    assert len(names) == 706
    assert names[0] == "generator.conv_first.weight"
    assert names[-1] == "time_embed.2.bias"
    assert "generator.body.22.rdb3.conv5.bias" in names


def test_the_way_without_gradients_gives_the_same():
    network = fill(RRDBNetwork(8, 4, 2))
    x, y, t = torch.randn(2, 3, 16, 16), torch.randn(2, 3, 16, 16), torch.tensor([3, 700])
    with torch.enable_grad():
        expected = network(x, y, t)
    with torch.no_grad():
        found = network(x, y, t)
    assert_same(found, expected.detach(), terms_of(network))
