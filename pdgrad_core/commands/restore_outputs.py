"""What `pdgrad restore` is going to write, decided and checked before any work."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..outputs import Output, check_outputs
from .hints import style_files
from .result_paths import picture_paths


@dataclass(frozen=True)
class RestoreOutputs:
    """Where everything goes.

    Attributes:
        pictures: The result of each photo.
        stages: The folder of each photo's stages; empty where none are saved.
        report: The report, if any.
    """

    pictures: list[Path]
    stages: list[Path]
    report: Path | None

    @classmethod
    def of(cls, args: argparse.Namespace) -> "RestoreOutputs":
        """Return where a command line's results go.

        Raises:
            WriteError: A result would overwrite an input or another result, or find no place.
            InvalidInputError: Two results would have one name.
            ImageError: --out names no picture format.
        """
        stages: list[Path] = []
        if args.save_stages is not None:
            several = len(args.photos) > 1
            stages = [args.save_stages / path.stem if several else args.save_stages
                      for path in args.photos]  # fmt: skip
        found = cls(picture_paths(args.out, args.photos), stages, args.report)
        style = [] if args.color_style is None else style_files(args.color_style)
        found.check_against([*args.photos, *args.reference, *(args.mask or ()), *style])
        return found

    def check_against(self, inputs: Sequence[Path]) -> None:
        """Raise WriteError where something would overwrite an input; see `check_outputs`."""
        from .stages import is_stage

        outputs = [Output("--out", path) for path in self.pictures]
        outputs += [Output("--save-stages", folder, is_stage) for folder in self.stages]
        if self.report is not None:
            outputs.append(Output("--report", self.report))
        check_outputs(outputs, inputs)
