"""Every family of interchangeable members, and what there is to say of each member."""

import importlib
import inspect
from typing import Any

from .registry import Registry

FAMILIES: dict[str, tuple[str, str]] = {
    "recipes": ("recipes", "RECIPES"),
    "losses": ("losses", "LOSSES"),
    "combiners": ("combiners", "COMBINERS"),
    "contractions": ("contractions", "CONTRACTIONS"),
    "restorers": ("restorers", "RESTORERS"),
    "priors": ("diffusion.priors", "PRIORS"),
    "steppers": ("diffusion.steppers", "STEPPERS"),
    "strengths": ("guidance.strengths", "STRENGTHS"),
    "features": ("features", "FEATURES"),
    "degradations": ("degradations", "PRESETS"),
    "metrics": ("metrics", "METRICS"),
    "objectives": ("training.objectives", "OBJECTIVES"),
    "studies": ("evidence.studies", "STUDIES"),
}
"""Module and registry of each family, by the name of its folder here and in a plugin."""


def family(name: str) -> Registry[Any]:
    """Return a family's registry, its members and the plugins' imported.

    Args:
        name: Key in `FAMILIES`.
    """
    module, attribute = FAMILIES[name]
    return getattr(importlib.import_module(f".{module}", __package__), attribute)


def describe(member: Any) -> str:
    """Return what a member is, in a line: its title, source or summary, or its docstring."""
    for attribute in ("title", "source", "summary"):
        text = getattr(member, attribute, None)
        if isinstance(text, str) and text:
            return text
    kind = member if isinstance(member, type) else type(member)
    return (inspect.getdoc(kind) or kind.__name__).splitlines()[0]
