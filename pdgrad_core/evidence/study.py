"""What a study is: rows, how their faces are degraded, and what its report shows."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError
from ..models.scorers import SCORES
from ..registry import Registry, unknown_name
from .faces import Degree
from .results import Result
from .rows import Choice, Row
from .tuning import Trial, Tuning

if TYPE_CHECKING:
    from PIL.Image import Image

STUDIES: "Registry[Study]" = Registry("study")
"""The studies by name."""

TableRows = list[dict[str, Any]]
"""A table; its columns are the first row's."""

Table = Callable[["Findings"], TableRows]
Section = Callable[["Findings"], list[str]]
"""Lines of the page; none to leave the section out."""


@dataclass(frozen=True)
class Setting:
    """A number of the choices that a study's tables show.

    Attributes:
        column: In the tables.
        field: Of the recipe; what has no such field shows 0 in the tables, nothing on the page.
        heading: On the page.
        form: Format on the page.
    """

    column: str
    field: str
    heading: str
    form: str = ""

    def cell(self, choice: Choice) -> str:
        """Return how the page shows it."""
        return format(getattr(choice, self.field), self.form) if hasattr(choice, self.field) else ""


PROCESS_SETTINGS = (
    Setting("strength_mode", "strength_mode", "strength"),
    Setting("strength", "strength", "s", "g"),
    Setting("tau", "tau", "tau"),
    Setting("steps", "steps", "steps"),
)
"""What most studies tune."""


@dataclass(frozen=True)
class Plot:
    """A picture of a report.

    Attributes:
        caption: On the page.
        draw: Draws it; None where there is nothing to be shown.
    """

    caption: str
    draw: Callable[["Findings"], "Image | None"]


@dataclass(frozen=True, kw_only=True)
class Study:
    """One study: data over the shared laboratory, statistics and report.

    A study is entered under its file's name: `STUDIES.add(study.name, study)`.

    Attributes:
        name: Key in `STUDIES`, the command's `--study`.
        stem: What its files' names begin with.
        rows: Gives the rows in the order of the tables, for the steps of the shorter schedule.
        degrees: How the faces are degraded; each has a table of its own.
        title: The page's title.
        introduction: The page's first paragraph.
        noun: What the page and errors call a row.
        people: Number of people of the test, where they are drawn.
        steps: Steps of the shorter schedule.
        tuning: How numbers are chosen; None where the rows have theirs.
        facts: What else its folder is refused for: "pairs", "people", "steps".
        keys: Fields in which the results of one row differ.
        settings: Columns of what was chosen.
        baseline: The row that all others are compared with.
        compared: Further rows that are compared on the same pictures: the first with the second.
        tables: Further tables, by what is added to their files' names.
        sections: Further sections of the page.
        plots: By what is added to their files' names.
        scores: Names of the metrics, in the order of the tables.
    """

    name: str
    stem: str
    rows: Callable[[int], tuple[Row, ...]]
    degrees: tuple[Degree, ...]
    title: Callable[["Findings"], str]
    introduction: Callable[["Findings"], str]
    noun: str = "row"
    people: int = 25
    steps: int = 25
    tuning: Tuning | None = None
    facts: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    baseline: str = ""
    compared: tuple[tuple[str, str], ...] = ()
    tables: Mapping[str, Table] = field(default_factory=dict[str, Table])
    sections: tuple[Section, ...] = ()
    plots: Mapping[str, Plot] = field(default_factory=dict[str, Plot])
    scores: tuple[str, ...] = SCORES

    @property
    def summary(self) -> str:
        """What it is, in a line: the first of its file's docstring."""
        return (inspect.getdoc(inspect.getmodule(self.rows)) or self.name).splitlines()[0]

    def chosen_rows(self, names: Sequence[str], steps: int) -> tuple[Row, ...]:
        """Return the named rows in the order of the tables; all for no name.

        Args:
            names: Of rows.
            steps: Of the shorter schedule.

        Raises:
            UnknownNameError: There is no such row.
            InvalidInputError: A row is left out that another one needs: the one that choices are
                measured by, or one whose numbers are taken.
        """
        every = self.rows(steps)
        known = [row.name for row in every]
        for name in names:
            if name not in known:
                raise unknown_name(f"{self.noun} of the study", name, known)
        if not names:
            return every
        measure = self.tuning.relative_to if self.tuning else ""
        if measure and measure not in names:
            raise InvalidInputError(
                f"--methods must contain {measure!r}: settings are chosen relative to it."
            )
        chosen = tuple(row for row in every if row.name in names)
        for row in chosen:
            if row.settings_of and row.settings_of not in names:
                raise InvalidInputError(
                    f"--methods must contain {row.settings_of!r}: {row.name!r} takes its settings."
                )
        return chosen


@dataclass(frozen=True)
class Findings:
    """What a study found, for its report.

    Attributes:
        study: Which study.
        images: The labelled file of its faces; None for drawn ones.
        rows: Those that were run, in the order of the tables.
        results: Of each degree, in the order of the rows.
        trials: Of each row that was tuned.
        cases: Number of cases of each degree.
    """

    study: Study
    images: Path | None
    rows: Sequence[Row]
    results: Mapping[str, Sequence[Result]]
    trials: Mapping[str, Sequence[Trial]] = field(default_factory=dict[str, Sequence[Trial]])
    cases: Mapping[str, int] = field(default_factory=dict[str, int])

    def file_stem(self, *parts: str) -> str:
        """Return the name of one of the report's files, without its ending; "" adds nothing."""
        source = self.images.stem if self.images else "drawn"
        return "_".join([self.study.stem, source, *(part for part in parts if part)])

    @property
    def titles(self) -> dict[str, str]:
        """The rows' titles by name."""
        return {row.name: row.title for row in self.rows}

    @property
    def first(self) -> Result:
        """The first row's result under the first degree: who was restored."""
        return next(iter(self.results.values()))[0]

    def everything(self) -> Iterator[tuple[dict[str, str], Result]]:
        """Yield every result with what tells its degree, as a column; none where there is one."""
        for degree, found in self.results.items():
            for result in found:
                yield self.degree_column(degree), result

    def degree_column(self, degree: str) -> dict[str, str]:
        """Return the column that tells the degree; none where the study has one."""
        return {"degree": degree} if len(self.study.degrees) > 1 else {}
