"""What a recipe needs and this machine lacks: all of it at once, before anything is loaded."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .dependencies import BASIC, Package
from .errors import CheckpointNotFoundError, MissingDependencyError
from .models.choice import Wanted, default_restorer, wanted_files
from .recipes import Recipe
from .weights.catalogue import WeightFile, weight_file
from .weights.folders import locate
from .weights.instructions import Target, default_target, describe, steps

OPTIONAL = ("retinaface", "parsenet")
"""Files that are used where they are, and done without where they are not."""


@dataclass(frozen=True)
class Preflight:
    """What a recipe needs, and what of it is here.

    Attributes:
        recipe: Its name.
        restorer: Key in `RESTORERS`.
        files: What its networks are read from.
        optional: Further files by catalogue entry, with where they lie.
        packages: The Python packages that these networks need.
        notes: A sentence for each stand-in.
        target: Where each missing file belongs.
    """

    recipe: str
    restorer: str
    files: tuple[Wanted, ...]
    optional: tuple[tuple[WeightFile, Path | None], ...]
    packages: tuple[Package, ...]
    notes: tuple[str, ...] = ()
    target: Target = field(default=default_target)

    @property
    def missing_files(self) -> list[WeightFile]:
        """The files that are not here."""
        return list(dict.fromkeys(one.file for one in self.files if one.path is None))

    @property
    def missing_packages(self) -> list[Package]:
        """The Python packages that are not installed."""
        return [one for one in self.packages if not one.is_installed]

    @property
    def ready(self) -> bool:
        """Whether the recipe can run."""
        return not self.missing_files and not self.missing_packages

    @property
    def steps(self) -> list[str]:
        """What has to be done, a line each."""
        return steps(self.missing_files, self.missing_packages, self.target)

    def report(self, how: str = "To get them:") -> str:
        """Return all that is missing with size, licence, source and place, and how to get it.

        Args:
            how: What stands before the commands.
        """
        if self.ready:
            return f"Everything that the recipe {self.recipe!r} needs is here."
        lines = [f"The recipe {self.recipe!r} cannot run yet: {self._count()} missing."]
        lines += [describe(file, self.target(file)) for file in self.missing_files]
        for package in self.missing_packages:
            remark = f" ({package.remark})" if package.remark else ""
            lines.append(f"  the Python package {package.pip}{remark}")
        return "\n".join([*lines, how, *(f"  {step}" for step in self.steps)])

    def check(self, how: str = "To get them:") -> None:
        """Raise one error for all that is missing; its folders are made, so that files can go in.

        Args:
            how: What stands before the commands.

        Raises:
            CheckpointNotFoundError: Files are missing, and perhaps packages too.
            MissingDependencyError: Packages are missing.
        """
        if self.ready:
            return
        self.make_folders()
        if self.missing_files:
            raise CheckpointNotFoundError(self.report(how))
        raise MissingDependencyError(self.report(how))

    def make_folders(self) -> None:
        """Make the folders of what is missing, where that is allowed."""
        for file in self.missing_files:
            with contextlib.suppress(OSError):
                self.target(file).mkdir(parents=True, exist_ok=True)

    def _count(self) -> str:
        files, packages = self.missing_files, self.missing_packages
        parts: list[str] = []
        if files:
            megabytes = sum(file.about_megabytes for file in files)
            parts.append(f"{_plural(len(files), 'file')} ({megabytes / 1000:.1f} GB)")
        if packages:
            parts.append(_plural(len(packages), "Python package"))
        verb = "is" if len(files) + len(packages) == 1 else "are"
        return f"{' and '.join(parts)} {verb}"


def preflight(
    row: Recipe,
    folders: Sequence[Path],
    *,
    restorer: str | None = None,
    prior: str | None = None,
    target: Target = default_target,
) -> Preflight:
    """Look up what a recipe needs on photos, without loading anything.

    Args:
        row: The recipe, resolved.
        folders: Where weight files are looked for.
        restorer: Key in `RESTORERS`; None for the recipe's own.
        prior: Key in `PRIORS`; None for the recipe's own, or the papers' kind.
        target: Where a missing file belongs.

    Raises:
        UnknownNameError: There is no such restorer or prior.
    """
    chosen, note = restorer or row.restorer, ""
    if chosen is None:
        chosen, note = default_restorer()
    wanted = wanted_files(folders, chosen, row.all_networks, prior or row.prior_kind)
    files = [weight_file(name) for name in OPTIONAL]
    packages = dict.fromkeys((*BASIC, *(one for want in wanted for one in want.file.packages)))
    return Preflight(
        recipe=row.name,
        restorer=chosen,
        files=tuple(wanted),
        optional=tuple((file, locate(file, folders)) for file in files),
        packages=tuple(packages),
        notes=tuple(text for text in (note, *(one.note for one in wanted)) if text),
        target=target,
    )


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
