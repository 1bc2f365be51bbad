"""A prior that needs the degraded face is refused by plain samplers before anything is loaded."""

import pytest
from tiny_idm import tiny_idm

from pdgrad_core.errors import InvalidInputError


@pytest.mark.parametrize("node", ["PDGradDDPMSampler", "PDGradPriorAsModel"])
def test_idm_is_refused_with_what_to_do(pack, node):
    idm = pack.module("nodes.sockets").LoadedPrior(tiny_idm(), None)
    before = len(pack.host.loaded)
    with pytest.raises(InvalidInputError, match="use it through a recipe"):
        pack.run(node, prior=idm)
    assert len(pack.host.loaded) == before
