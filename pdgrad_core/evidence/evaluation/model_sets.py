"""The models of an evaluation: one set for each restorer that its recipes ask for."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from ...embedded import ROLES, demo_weights
from ...errors import InvalidInputError
from ...models.scorers import Scorers, load_with_scorers
from ...models.sets import DEMO, ModelSet, load_model_set
from ...recipes import Recipe
from ...restorers import RESTORERS, Restorer, load_restorer
from ...weights.folders import search_folders
from .methods import Method
from .tools import Tools


def makes_coarse(restorer: Restorer | None) -> bool:
    """Return whether a restorer makes an image of y alone, which can stand in a table."""
    if restorer is None or restorer.name == "none":
        return False
    return not (restorer.depends_on_x_t or restorer.samples)


@dataclass
class ModelSets:
    """Loads models once for each restorer, and makes the tools that score.

    Attributes:
        models: A folder of published files, one of small networks under the embedded ones' names,
            "demo", or None for the usual folders.
        restorer: Key in `RESTORERS`; None for each recipe's own.
        features: Feature networks by name, of all recipes together.
        device: Where everything is put.
        precision: Preset in which the networks compute.
    """

    models: str | None
    restorer: str | None
    features: Sequence[str]
    device: torch.device
    precision: str = "exact"
    _sets: dict[str | None, ModelSet] = field(default_factory=dict[str | None, ModelSet])
    _scorers: Scorers | None = None

    @property
    def small(self) -> bool:
        """Whether these are the embedded networks, or a folder of such.

        Restorers that are embedded under a name of their own may be missing.
        """
        names = [file for role, file in ROLES.items() if role not in RESTORERS]
        return self.models == DEMO or (
            self.models is not None and all((Path(self.models) / name).is_file() for name in names)
        )

    def __call__(self, method: Method) -> ModelSet:
        """Return what restores a method's faces; for a picture, a set that makes a coarse image."""
        if method.recipe is None:
            plain = [one for one in self._sets.values() if makes_coarse(one.restorer)]
            return (plain or list(self._sets.values()))[0]
        wanted = self.restorer or method.recipe.restorer_with(self.small)
        if wanted not in self._sets:
            self._sets[wanted] = self._load(wanted)
        return self._sets[wanted]

    def _load(self, restorer: str | None) -> ModelSet:
        if not self.small:
            return load_model_set(
                self.models, restorer=restorer, features=self.features,
                device=self.device, precision=self.precision,
            )  # fmt: skip
        found, self._scorers = load_with_scorers(self._folder, self.device)
        if restorer in (None, DEMO):
            return found
        embedded = restorer in ROLES
        if RESTORERS[restorer].needs_weights and not embedded:
            own = [DEMO, *(name for name in RESTORERS if name in ROLES), "none"]
            raise InvalidInputError(
                f"These small models come with their own restorers; --restorer can be "
                f"{', '.join(map(repr, own))} with them, not {restorer!r}."
            )
        paths = {role: path for role, path in found.paths.items() if role != "restorer"}
        if embedded:
            paths["restorer"] = demo_weights(restorer, self._folder)
        made = load_restorer(restorer, paths.get("restorer"), self.device)
        return replace(found, restorer=made, paths=paths)

    def tools(self, recipes: Sequence[Recipe], guides_may_score: bool) -> Tools:
        """Return what scores the results of some recipes."""
        first = self(Method(recipes[0].name, recipes[0]))
        guiding = dict.fromkeys(name for one in recipes for name in one.networks)
        folders = search_folders(None if self.models == DEMO else self.models)
        return Tools(
            first, folders, tuple(guiding), self._scorers, guides_may_score, self._scorer_paths()
        )

    def _scorer_paths(self) -> dict[str, Path]:
        if not self.small:
            return {}
        return {name: demo_weights(f"scorer-{name}", self._folder) for name in ("arcface", "vgg")}

    @property
    def _folder(self) -> Path | None:
        return None if self.models == DEMO else Path(str(self.models))
