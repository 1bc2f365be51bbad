"""One evaluation, from folders of pictures to tables, sheets and a plot."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...degradations import preset
from ...errors import InvalidInputError
from ...metrics import METRICS
from ...models.scorers import SCORES
from ...parameters import Param
from ...recipes import Recipe, check_needs
from .folders import Case, find_cases
from .methods import COARSE, DEGRADED, REFERENCE, Method
from .model_sets import ModelSets, makes_coarse
from .pictures import Degrading, Pictures
from .report import Report
from .tables import Scored
from .work import Work, measurable

logger = logging.getLogger(__name__)

SHEETS = ("plain", "blind", "none")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What is evaluated, on which pictures, and where it is written.

    Attributes:
        methods: Recipes with their numbers, at least one.
        models: See `ModelSets`.
        out: Folder of everything that is written; what is there already is not made again.
        truth: Folder of undegraded faces; None for metrics that need none.
        degraded: Folder of degraded faces of the same names; None to degrade the truth.
        references: Folder of references; see `folders.references_of`.
        degrading: How the truth is degraded where no degraded faces are given.
        most_references: References of a face, at most.
        metrics: Keys in `METRICS`; empty for all that can be had.
        baseline: The method that the others are compared with; empty for the first picture or
            recipe that there is.
        batch: Faces at a time.
        limit: Faces, at most; None for all.
        guides_may_score: Whether a network that guided scores all the same.
        sheet: One of `SHEETS`.
        sheet_faces: Faces on the sheet.
    """

    methods: Sequence[Method]
    models: ModelSets
    out: Path
    truth: Path | None = None
    degraded: Path | None = None
    references: Path | None = None
    degrading: Degrading = field(default_factory=Degrading)
    most_references: int | None = None
    metrics: Sequence[str] = ()
    baseline: str = ""
    batch: int = 8
    limit: int | None = None
    guides_may_score: bool = False
    sheet: str = "plain"
    sheet_faces: int = 8

    def run(self) -> list[Path]:
        """Restore, score and report; return the files that say what was found.

        Raises:
            PDGradError: Options, pictures or networks are missing or do not fit, before any work.
        """
        return self.measured().write(self.sheet, self.sheet_faces)

    def measured(self) -> Report:
        """Restore and score; return what was found, not yet written.

        Raises:
            PDGradError: As `run`.
        """
        cases = self._cases()
        self._check_recipes(cases)
        methods = [*self._pictures(cases), *self.methods]
        baseline = self._baseline(methods)
        tools = self.models.tools(self._recipes(), self.guides_may_score)
        metrics, missing = tools.metrics(self.metrics or tuple(dict.fromkeys((*SCORES, *METRICS))))
        missing = {**missing, **measurable(metrics, cases)}
        metrics = {name: one for name, one in metrics.items() if name not in missing}
        for name, why in missing.items():
            logger.info("%s is not measured: %s", METRICS[name].label, why)
        if not metrics:
            said = "; ".join(f"{name} {why}" for name, why in missing.items())
            raise InvalidInputError(f"Nothing can be measured: {said}.")
        pictures = Pictures(cases, tools.models.prior.image_size, self.degrading)
        pictures.check()
        work = Work(self.out / "results", pictures, self.models, self.batch)
        for method in methods:
            work.restore(method)
        by = {name: tools.fingerprint(METRICS[name].needs) for name in metrics}
        scored = [self._scored(work, method, work.score(method, metrics, by)) for method in methods]
        return Report(self.out, work, methods, scored, baseline, missing, self._notes(work))

    def _recipes(self) -> list[Recipe]:
        return [method.recipe for method in self.methods if method.recipe is not None]

    def _check_recipes(self, cases: Sequence[Case]) -> None:
        """Refuse what cannot work, before any work."""
        references = min(len(case.references) for case in cases)
        for method, row in zip(self.methods, self._recipes(), strict=True):
            check_needs(row, references=references, mask=False, style=False)
            row.sampler(self.models(method).prior)

    def _baseline(self, methods: Sequence[Method]) -> str:
        names = [method.name for method in methods]
        if self.baseline and self.baseline not in names:
            raise InvalidInputError(
                f"--baseline must be one of {', '.join(names)}, not {self.baseline!r}."
            )
        return self.baseline or names[0]

    def _cases(self) -> list[Case]:
        Param(choices=SHEETS).check("--sheet", self.sheet)
        for name in ("batch", "limit", "sheet_faces", "most_references"):
            value: int | None = getattr(self, name)
            if value is not None and value < 1:
                raise InvalidInputError(
                    f"--{name.replace('_', '-')} must be at least 1, not {value}."
                )
        if self.degraded is None:
            if not self.degrading.preset or self.truth is None:
                raise InvalidInputError(
                    "Give the faces to restore with --degraded DIR, or good ones with --truth DIR "
                    "and --degrade PRESET."
                )
            preset(self.degrading.preset)
        for folder in (self.truth, self.degraded, self.references):
            if folder is not None and self.out.resolve().is_relative_to(folder.resolve()):
                raise InvalidInputError(
                    f"--out {self.out} lies in {folder}, whose pictures are read; choose another "
                    "folder."
                )
        cases = find_cases(self.truth, self.degraded, self.references, self.most_references)
        return cases[: self.limit]

    def _pictures(self, cases: Sequence[Case]) -> list[Method]:
        """Return the rows that no recipe makes: the coarse image first, it is the baseline."""
        there = {
            COARSE: makes_coarse(self.models(Method(COARSE)).restorer),
            DEGRADED: True,
            REFERENCE: all(case.references for case in cases),
        }
        return [Method(name) for name, here in there.items() if here]

    def _scored(self, work: Work, method: Method, scores: dict[str, list[float]]) -> Scored:
        cases = work.pictures.cases
        records = [work.kept(method, case).read() for case in cases]
        seconds = sum(record["seconds"] for record in records) / len(records)
        memory = max(record["memory_mb"] for record in records)
        return Scored(method, [case.person for case in cases], scores, seconds, memory)

    def _notes(self, work: Work) -> list[str]:
        cases, side = work.pictures.cases, work.pictures.size_px
        made = f"degraded by the preset {self.degrading.preset!r}" if self.degraded is None else ""
        faces = f"{len(cases)} faces of {len({case.person for case in cases})} people"
        lines = [
            f"{', '.join(filter(None, (faces, f'{side} px', made)))}. Brackets: 95% bootstrap "
            "intervals by person; p: sign flips by person, corrected by Holm for all of this "
            "table. Scores are of the 8-bit pictures in `results/`."
        ]
        if self.guides_may_score:
            lines.append("Networks that guided may score here: their numbers favour what they led.")
        return lines
