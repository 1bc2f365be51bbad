"""A GAN prior's layers read off the shapes in a file, and what other files are."""

from collections.abc import Mapping

from torch import Tensor

from ..checkpoints import Checkpoint, build_strict, expecting, warn_if_test
from ..errors import WrongArchitectureError
from .config import GANPriorConfig
from .network import GANPriorNetwork

WHAT = "a GAN prior with its encoder"

_STRANGERS = (
    ("stylegan_decoder.", "GFPGAN's; load it as the restorer 'gfpgan'"),
    (("style.", "synthesis.", "mapping.", "style_mlp."), "a StyleGAN2 without an encoder, "
     "which makes faces from noise and cannot be shown one; choose a restorer's file, such as "
     "GPEN-BFR-512.pth"),
    ("final_conv.", "a discriminator, which judges faces and makes none; choose a restorer's file, "
     "such as GPEN-BFR-512.pth"),
)  # fmt: skip
"""How names begin in files that are taken for a GAN prior's, and what such a file is."""


def load_gan_prior(checkpoint: Checkpoint) -> GANPriorNetwork:
    """Return the network of a file, its size, widths and parts read off the tensors.

    Args:
        checkpoint: Tensors as read by `load_checkpoint`.

    Raises:
        WrongArchitectureError: The file is of another network.
        InvalidInputError: Its size is none that is known here.
    """
    with expecting(checkpoint, WHAT):
        config = read_config(checkpoint)
    network = build_strict(lambda: GANPriorNetwork(config), checkpoint, WHAT)
    warn_if_test(checkpoint)
    return network


def read_config(checkpoint: Checkpoint) -> GANPriorConfig:
    """Return the layers that a file's tensors belong to; see `load_gan_prior`."""
    tensors = checkpoint.tensors
    _refuse_strangers(checkpoint)
    constant = tensors["generator.input.input"]
    scales = _count(tensors, "generator.to_rgbs.", 2)
    weights = [tensors[f"generator.convs.{2 * i}.conv.weight"] for i in range(scales)]
    config = GANPriorConfig(
        (constant.shape[1], *(weight.shape[1] for weight in weights)),
        tensors["generator.style.1.weight"].shape[0],
        _count(tensors, "generator.style.", 2),
        any(key.startswith("mmrb.") for key in tensors),
        any(key.startswith("decoder.") for key in tensors),
    )
    if len(tensors["generator.conv1.activate.bias"]) == config.widths[0]:
        raise WrongArchitectureError(
            f"{checkpoint.name} is a generator whose noise is added, not put beside its features; "
            "choose a file with GPEN's option isconcat, such as GPEN-BFR-512.pth."
        )
    encoder = len({key.split(".")[0] for key in tensors if key.startswith("ecd")})
    if encoder != len(config.widths):
        raise WrongArchitectureError(
            f"{checkpoint.name} takes faces of {2 ** (encoder + 1)} pixels and makes faces of "
            f"{config.image_size}; choose a file that keeps the size, such as GPEN-BFR-512.pth."
        )
    return config


def _count(tensors: Mapping[str, Tensor], start: str, position: int) -> int:
    """Return how many layers have a name that begins so, by what stands behind it."""
    return len({key.split(".")[position] for key in tensors if key.startswith(start)})


def _refuse_strangers(checkpoint: Checkpoint) -> None:
    if "generator.input.input" in checkpoint.tensors:
        return
    for start, what in _STRANGERS:
        if any(key.startswith(start) for key in checkpoint.tensors):
            raise WrongArchitectureError(f"{checkpoint.name} is {what}.")
    raise WrongArchitectureError(
        f"{checkpoint.name} is not a checkpoint of {WHAT}: it has no 'generator.input.input'. "
        "Choose GPEN-BFR-512.pth, or a file that scripts/train.py made."
    )
