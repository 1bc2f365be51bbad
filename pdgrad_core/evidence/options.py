"""What every study is told by `pdgrad ablate`."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import InvalidInputError


@dataclass(frozen=True)
class StudyOptions:
    """Where a study finds its networks and pictures, how large it is, and where it writes.

    Attributes:
        out: Folder of the tables, plots and partial results, or of the faces.
        n: People of the test; None for the study's own number.
        resume: Whether `out` may hold results of an earlier, interrupted run to be continued.
        models: Folder of the small networks; None for the embedded ones.
        images: Labelled `.npz` of aligned faces; None for drawn ones.
        batch: Images restored at a time.
        device: "auto", "cpu", "cuda", ...
        tuning: People whose faces the settings are chosen on; None for the study's own number.
        pairs: Pairs of photos taken of a person, at most.
        steps: Steps of the shorter of the schedules tried; None for the study's own number.
        methods: Only these methods; empty for all.
    """

    out: Path
    n: int | None = None
    resume: bool = False
    models: Path | None = None
    images: Path | None = None
    batch: int = 25
    device: str = "auto"
    tuning: int | None = None
    pairs: int = 1
    steps: int | None = None
    methods: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("n", "batch", "tuning", "pairs", "steps"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InvalidInputError(f"--{name} must be at least 1, not {value}.")
