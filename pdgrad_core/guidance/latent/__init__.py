"""Guidance of a latent model: gradients of pixel losses pulled back through the decoder."""

from .contraction import LatentLowPass, in_latents
from .decoding import Decoder, decode_in_tiles
from .guide import LatentGuidance
from .steps import GuidedSteps
from .views import View, views_of_faces, views_of_pictures

__all__ = [
    "Decoder",
    "GuidedSteps",
    "LatentGuidance",
    "LatentLowPass",
    "View",
    "decode_in_tiles",
    "in_latents",
    "views_of_faces",
    "views_of_pictures",
]
