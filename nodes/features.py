"""The feature networks that losses look through."""

from pathlib import Path
from typing import Any

from comfy_api.latest import io

from ..pdgrad_core.features import FEATURES
from ..pdgrad_core.features.arcface import ArcFace
from . import schema
from .boundary import as_sentence, outside_inference_mode, patcher_for
from .checked import CheckedNode
from .loss_nodes import LOADED_APART
from .node_schema import node_schema
from .sockets import FeaturesIO, LoadedFeatures
from .speed import (
    NONE,
    check_precision,
    check_speed_up,
    compute_in,
    preset_input,
    sped_up,
    speed_up_input,
)
from .weights import DEMO, SCORER, choices, demo_path, weights_path

NO_NETWORK = "none"

EMBEDDED = {DEMO, SCORER, NO_NETWORK}
"""Choices that bring no network of photographs."""

IDENTITY_CROPS = ["whole face", "arcface template"]


class LoadFeatures(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradLoadFeatures",
            display_name="Load Feature Networks",
            category="PDGrad/loaders",
            description=(
                "Loads the two networks by which faces are compared: ArcFace for who it is, VGG16 "
                "with LPIPS's weights for how it looks. The embedded demo pair knows drawn faces."
            ),
            inputs=[
                schema.choice(
                    "identity",
                    choices([DEMO, SCORER, *FEATURES["arcface"].weights], "pdgrad"),
                    DEMO,
                    "The identity network (ArcFace); the papers use iresnet50. 'demo scorer' never "
                    "guides and is for Compare Faces.",
                ),
                schema.choice(
                    "perceptual",
                    choices([DEMO, SCORER, *FEATURES["vgg"].weights], "pdgrad"),
                    DEMO,
                    "The appearance network (VGG16 with LPIPS heads).",
                ),
                schema.choice(
                    "identity_crop",
                    IDENTITY_CROPS,
                    IDENTITY_CROPS[0],
                    "What ArcFace is shown: the whole aligned face, as PGDiff does, or the part "
                    "that its own template covers.",
                ),
                preset_input(
                    "exact",
                    "In what gradients through the networks are computed. exact: float32; "
                    "balanced: float32, and 16 bit on the way back; fast: 16 bit; auto: balanced "
                    "where the device is fast at it, exact with demo. Comparing stays float32.",
                ),
                speed_up_input(
                    "replay: a guidance through them is recorded as a CUDA graph in each run, and "
                    "replayed; compile: their losses are compiled too, on a CPU as well."
                ),
                *_further_networks(),  # of plugins: last, so that no input of ours moves
            ],
            outputs=[
                FeaturesIO.Output(
                    "features", display_name="features", tooltip="For the losses and Compare Faces."
                )
            ],
        )

    @classmethod
    def validate_inputs(
        cls,
        identity: str | None,
        perceptual: str | None,
        identity_crop: str | None,
        precision: str | None = None,
        speed_up: str | None = None,
    ) -> bool | str:
        """Refuse unknown choices, and 16 bit where it is not fast, before anything runs."""
        chosen = {"identity": identity, "perceptual": perceptual, "identity_crop": identity_crop}
        known = schema.check_choices(cls, **chosen, precision=precision, speed_up=speed_up)
        return as_sentence(lambda: check_precision(precision)) if known is True else known

    @classmethod
    def execute(
        cls,
        identity: str,
        perceptual: str,
        identity_crop: str,
        precision: str = "exact",
        speed_up: str = NONE,
        **further: str,
    ) -> io.NodeOutput:
        """Load the networks outside inference mode and put them under the host's care."""
        check_speed_up(speed_up)
        chosen = {"arcface": identity, "vgg": perceptual, **further}
        paths = {
            name: _path(choice, name) for name, choice in chosen.items() if choice != NO_NETWORK
        }
        with outside_inference_mode():
            networks = {name: FEATURES[name].load(path) for name, path in paths.items()}
            arcface = networks["arcface"]
            assert isinstance(arcface, ArcFace)
            arcface.template_crop = identity_crop == IDENTITY_CROPS[1]
            compute_in(precision, networks, demo=set(chosen.values()) <= EMBEDDED)
            notes = sped_up(speed_up, networks)
            modules = [network.module for network in networks.values()]
            patchers = tuple(patcher_for(module) for module in modules if module is not None)
            return io.NodeOutput(LoadedFeatures(networks, patchers, notes))


def _further_networks() -> list[Any]:
    """Return inputs for the feature networks beside ArcFace and VGG16, left out by default."""
    known = {"arcface", "vgg", "pixels", *LOADED_APART}
    return [
        schema.choice(
            name,
            choices([NO_NETWORK, *(member.weights or (name,))], "pdgrad" if member.weights else ""),
            NO_NETWORK,
            f"The feature network {name!r}, for losses that look through it.",
            optional=True,
        )
        for name, member in FEATURES.members.items()
        if name not in known
    ]


def _path(choice: str, role: str) -> Path | None:
    if choice == SCORER:
        return demo_path(f"scorer-{role}")
    if choice == DEMO:
        return demo_path(role)
    return weights_path(choice, "pdgrad") if FEATURES[role].weights else None


NODES = [LoadFeatures]
