"""Results of a study's runs, kept in its folder, so that an interrupted study continues."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError
from ..files import write_whole
from .rows import Choice, Row


@dataclass(frozen=True)
class Result:
    """The scores of one run, picture by picture.

    Attributes:
        row: Name of the row.
        choice: The numbers it ran with; None for a picture that was there already.
        person: Whose picture each is.
        scores: Values of each metric, one per picture.
        steps: Conflict statistics of each step; see `conflicts.summarise`.
        seconds: Sampling time of the whole run.
    """

    row: str
    choice: Choice | None
    person: list[int]
    scores: dict[str, list[float]]
    steps: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    seconds: float = 0.0

    def mean(self, metric: str) -> float:
        """Return a metric's mean."""
        return sum(self.scores[metric]) / len(self.scores[metric])


def kept(folder: Path, row: Row, choice: Choice | None, compute: Callable[[], Result]) -> Result:
    """Return a result from the folder of its faces, computed and written if it is not there.

    Args:
        folder: Of the faces' results.
        row: Whose result.
        choice: The numbers; any other number is another file.
        compute: Makes it.
    """
    path = folder / f"{row.name}-{label(choice)}.json"
    if path.is_file():
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        values |= {"row": row.name, "choice": choice}
        return Result(**values)
    result = compute()
    write_text(path, json.dumps(asdict(result), default=str) + "\n")
    return result


def label(choice: Choice | None) -> str:
    """Return a short name for the numbers of a run, fit for a file and different for others."""
    if choice is None:
        return "picture"
    everything = json.dumps(asdict(choice), default=str, sort_keys=True)
    digest = hashlib.sha256(everything.encode()).hexdigest()[:8]
    strength = f"{choice.strength_mode}{choice.strength:g}"
    return f"{strength}-tau{choice.tau}-steps{choice.steps}-{digest}"


def claim_folder(folder: Path, facts: dict[str, Any], resume: bool) -> None:
    """Note in a folder what its results are made from, or check that they are made from this.

    Args:
        folder: Of the study.
        facts: What all of its results depend on: networks, pictures.
        resume: Whether results may be there already.

    Raises:
        InvalidInputError: There are results that were not asked for, or made from other things.
    """
    path = folder / "study.json"
    if not path.is_file():
        write_text(path, json.dumps(facts, indent=2) + "\n")
        return
    if not resume:
        raise InvalidInputError(
            f"{folder} holds results of an earlier run; add --resume to continue it, or choose "
            "another folder."
        )
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    different = [name for name in facts if found.get(name) != facts[name]]
    if different:
        raise InvalidInputError(
            f"The results in {folder} were made with other {', '.join(different)}; choose another "
            "folder."
        )


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    write_whole(path, write)
