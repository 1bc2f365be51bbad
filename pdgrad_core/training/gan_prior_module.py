"""What a GAN-prior run trains: restorer and discriminators, their rates and first weights."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ..checkpoints import Checkpoint, load_checkpoint, load_strict
from ..errors import InvalidInputError
from ..gan.discriminator import StyleGANDiscriminator
from ..gan.network import GANPriorNetwork
from .companions import beside, find_beside
from .discriminators import PartDiscriminator
from .facial_parts import PARTS

logger = logging.getLogger(__name__)

GLOBAL, LOCAL = "D", "parts"
"""Endings of the files of the global discriminator and of those of facial parts."""

_GENERATOR = "generator."


class GANPriorModule(nn.Module):
    """The restorer and those who judge it.

    Args:
        restorer: Codec and generator.
        discriminator: Of whole faces, or None.
        part_widths: Of the discriminators of facial parts, or None for none.
    """

    def __init__(
        self,
        restorer: GANPriorNetwork,
        discriminator: StyleGANDiscriminator | None,
        part_widths: Sequence[int] | None,
    ) -> None:
        super().__init__()
        self.restorer = restorer
        self.discriminator = discriminator
        judges = {} if part_widths is None else {p: PartDiscriminator(part_widths) for p in PARTS}
        self.parts = nn.ModuleDict(judges)


def restorer_groups(restorer: GANPriorNetwork, rates: dict[str, float]) -> list[dict[str, Any]]:
    """Return Adam's groups: codec, StyleGAN2 and noise branches, each with a rate of its own.

    Args:
        restorer: What is not frozen in it is in one of the groups.
        rates: Of "generator" and "noise", relative to the codec's.
    """
    named = {"codec": list[nn.Parameter](), "generator": list[nn.Parameter](), "noise": []}
    for name, parameter in restorer.named_parameters():
        if parameter.requires_grad:
            named[kind_of(name)].append(parameter)
    return [
        {"params": parameters, "rate": rates.get(kind, 1.0)}
        for kind, parameters in named.items()
        if parameters
    ]


def freeze_prior(restorer: GANPriorNetwork) -> None:
    """Keep StyleGAN2 as it is: no fine-tuning. Its noise branches go on learning."""
    for name, parameter in restorer.named_parameters():
        if kind_of(name) == "generator":
            parameter.requires_grad_(False)


def kind_of(name: str) -> str:
    """Return whose a parameter of the restorer is: "codec", "generator" or "noise"."""
    if not name.startswith(_GENERATOR):
        return "codec"
    return "noise" if name.endswith("noise.weight") else "generator"


def begin_restorer(restorer: GANPriorNetwork, checkpoint: Checkpoint) -> None:
    """Put a file's weights in the place of the fresh ones: a whole restorer's, or the generator's.

    Args:
        restorer: Receives them.
        checkpoint: A restorer of the same layers; a generator, as a `stylegan2` run exports it; or
            another restorer, such as GPEN's, of which the generator is taken.

    Raises:
        WrongArchitectureError: The file is of another network.
    """
    if checkpoint.tensors.keys() == restorer.state_dict().keys():
        load_strict(restorer, checkpoint, "the GAN-prior network of this preset")
        return
    inner = dict(_within(_GENERATOR, checkpoint.tensors))
    part = Checkpoint(inner or checkpoint.tensors, checkpoint.metadata, checkpoint.path)
    load_strict(restorer.generator, part, "the StyleGAN2 generator of this preset")
    logger.info("%s: the generator is taken, the codec begins afresh", checkpoint.name)


def begin_judges(module: GANPriorModule, path: Path | None, frozen: int) -> bool:
    """Put the weights of the files beside a network's into the discriminators.

    Args:
        module: Whose discriminators receive them.
        path: The network's own file.
        frozen: How many convolutions of the global one are frozen.

    Returns:
        Whether the global discriminator has trained weights.

    Raises:
        InvalidInputError: There is no trained discriminator to freeze.
        WrongArchitectureError: A file is of another network.
    """
    found = find_beside(path, GLOBAL)
    if module.discriminator is not None and found is not None:
        what = "the global discriminator of this preset"
        load_strict(module.discriminator, load_checkpoint(found), what)
    elif module.discriminator is not None and frozen:
        where = "given weights" if path is None else beside(path, GLOBAL).name
        raise InvalidInputError(
            f"FreezeD keeps a trained discriminator's first convolutions, and there is no {where} "
            "beside the weights to begin with; put it there, or train with the option freeze=0."
        )
    of_parts = find_beside(path, LOCAL)
    if len(module.parts) and of_parts is not None:
        load_strict(module.parts, load_checkpoint(of_parts), "the discriminators of facial parts")
    return found is not None


def judges_beside(module: GANPriorModule) -> dict[str, dict[str, Tensor]]:
    """Return the discriminators' tensors by their files' endings."""
    files: dict[str, dict[str, Tensor]] = {}
    if module.discriminator is not None:
        files[GLOBAL] = dict(module.discriminator.state_dict())
    if len(module.parts):
        files[LOCAL] = dict(module.parts.state_dict())
    return files


def _within(prefix: str, tensors: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for name, value in tensors.items():
        if name.startswith(prefix):
            yield name[len(prefix) :], value
