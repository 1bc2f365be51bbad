"""Contractions: filters on x0hat that plug into the sampler's PDG_CONTRACTION socket."""

from comfy_api.latest import io

NODES: list[type[io.ComfyNode]] = []
