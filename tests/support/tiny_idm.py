"""A tiny IDM with weights from a recipe, and files of it."""

from dataclasses import replace

from golden import tiny_unet
from recipe import fill
from safetensors.torch import save_file

from pdgrad_core.diffusion.priors.guided_diffusion import PriorConfig
from pdgrad_core.diffusion.priors.idm import IDMNetwork, IDMPrior
from pdgrad_core.diffusion.unet import UNetConfig

CONFIG = UNetConfig(32, (1, 2), (1, 1), (1,), learn_sigma=False, num_head_channels=32)
DESCRIPTION = PriorConfig(64, 32, prediction="x0", variance="fixed_large")


def tiny_network():
    """Return the network, of two levels."""
    return fill(IDMNetwork(CONFIG))


def tiny_idm(**changes):
    """Return the prior; `changes` are fields of its description."""
    return IDMPrior(tiny_network(), replace(DESCRIPTION, **changes))


def idm_file(folder, **metadata):
    """Write the network and its description; `metadata` replaces entries, None leaves one out."""
    entries = {f"pdgrad.{key}": value for key, value in metadata.items()}
    described = {**DESCRIPTION.to_metadata(), **entries}
    path = folder / "idm.safetensors"
    kept = {key: value for key, value in described.items() if value is not None}
    save_file(tiny_network().state_dict(), path, kept)
    return path


def prior_file(folder):
    """Write an unconditional prior."""
    described = PriorConfig(64, 32).to_metadata()
    path = folder / "prior.safetensors"
    save_file(tiny_unet().state_dict(), path, described)
    return path
