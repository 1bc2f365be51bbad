"""Restorations whose pixels were recorded: which, and how they are made again.

In float64, where other processors' rounding stays invisible and no gate of a network flips, so the
recording holds everywhere. For a change that is meant to change pixels, this writes it anew:
`PYTHONPATH=tests/support python tests/support/recorded_pixels.py`.
"""

from pathlib import Path

import torch
from networks import in_float64
from safetensors.torch import load_file, save_file

from pdgrad_core.degradations import degrade
from pdgrad_core.models.sets import load_model_set
from pdgrad_core.pipeline import restore_faces
from pdgrad_core.recipes import Hints
from pdgrad_core.settings import Settings

FILE = Path(__file__).parents[1] / "golden" / "pixels.safetensors"

_SURGERY = {"steps": 3, "tau": 350}
"""Low and high gradients oppose each other in some of these steps, and agree in others."""
_FITTED = {**_SURGERY, "iterations": 3}
"""The fit is in float32, and its optimiser makes much of rounding: only its first updates agree."""

CASES = {
    **{name: {"recipe": name, **_SURGERY} for name in ("pdgrad", "a1", "a2", "a3", "a4", "a6")},
    **{name: {"recipe": name, **_SURGERY} for name in ("a5", "none")},
    **{name: {"recipe": name, **_FITTED} for name in ("difbfsr", "difbfsr+pdgrad")},
    "pgdiff-reference": {"recipe": "pgdiff-reference", "steps": 4},
    "pgdiff-reference-cosine": {"recipe": "pgdiff-reference-cosine", "steps": 4},
    "pgdiff-restoration": {"recipe": "pgdiff-restoration", "steps": 4},
    "pgdiff-colorization": {"recipe": "pgdiff-colorization", "steps": 4},
    "pgdiff-inpainting": {"recipe": "pgdiff-inpainting", "steps": 4, "raw_output": True},
    "pgdiff-old-photo": {"recipe": "pgdiff-old-photo", "steps": 4},
    "ddim": {"recipe": "pdgrad", "stepper": "ddim", "eta": 0.3, **_SURGERY},
    "constant": {"recipe": "pdgrad", "strength_mode": "constant", "strength": 50.0, **_SURGERY},
    "mean of two": {"recipe": "pdgrad", **_SURGERY},
    "nearest of two": {"recipe": "pdgrad", "references": "nearest", **_SURGERY},
}
"""Settings by name; seed 3. What has no reference is not given one."""

_PHOTO = {"pgdiff-colorization": "grey", "pgdiff-inpainting": "truth"}
_MASKED = ("pgdiff-inpainting", "pgdiff-old-photo")
_UNREFERENCED = ("a5", "none", "difbfsr", *_PHOTO, "pgdiff-restoration", "pgdiff-old-photo")
STEP = 2.0**-14
"""Of the recorded numbers, in the range of [-1, 1]."""
PRESETS = ("pdgrad", "idm", "gan_prior", "difbfsr")


def recorded():
    """Return what was recorded, by name: results and degraded pictures, and the inputs as 8 bit."""
    return load_file(FILE)


def recorded_models():
    models = load_model_set("demo")
    models.prior = models.prior.to(dtype=torch.float64)
    models.features = {name: in_float64(one) for name, one in models.features.items()}
    in_float64(models.restorer)
    return models


def restored(name, models, inputs):
    """Make one of `CASES` again: `(1, 3, 64, 64)` float64."""
    references = [] if name in _UNREFERENCED else [_face(inputs, "reference")]
    if name.endswith("of two"):
        references.append(_face(inputs, "truth"))
    mask = inputs["in.mask"][None, None].double() / 255 if name in _MASKED else None
    settings = Settings(**{"seed": 3, **CASES[name]})
    y = _face(inputs, _PHOTO.get(name, "degraded"))
    return restore_faces(y, references, models, settings, hints=Hints(mask=mask)).image


def degraded(preset, inputs):
    """Degrade the recorded truth: `(1, 3, h, w)` in [-1, 1]."""
    return degrade(_face(inputs, "truth").float(), preset, [2])[0]


def _face(inputs, name):
    return inputs[f"in.{name}"].permute(2, 0, 1)[None].double() / 127.5 - 1


def _record():
    found = {name: value for name, value in recorded().items() if name.startswith("in.")}
    inputs, models = dict(found), recorded_models()
    for name in CASES:
        found[name] = (restored(name, models, inputs) / STEP).round().to(torch.int16).contiguous()
    for preset in PRESETS:
        eight_bit = (degraded(preset, inputs)[0].permute(1, 2, 0) + 1) * 127.5
        found[f"degraded.{preset}"] = eight_bit.round().to(torch.uint8).contiguous()
    save_file(found, FILE)


if __name__ == "__main__":
    _record()
