"""Restore Face with people: each face with its own person's references, strangers as chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..pdgrad_core.errors import NoFaceError
from ..pdgrad_core.features.arcface import ArcFace
from ..pdgrad_core.people import Guide, Match, Recognizer
from .boundary import load_networks
from .known_people import WhoIsWho, coarse_for_matching
from .restore_face_inputs import ALONE, WITHOUT

if TYPE_CHECKING:
    from ..pdgrad_core.alignment import AlignedFace
    from ..pdgrad_core.diffusion.sampler import Record
    from ..pdgrad_core.recipes import Recipe

FALSE_ACCEPT = 0.05


@dataclass(frozen=True)
class Matched:
    """The faces that are restored, and what guides each.

    Attributes:
        faces: Of each photo.
        guides: Of each face; empty where no people are connected.
        report: Who is who, in words; empty likewise.
    """

    faces: list[list[AlignedFace]]
    guides: list[list[Guide]] = field(default_factory=list[list[Guide]])
    report: str = ""

    @classmethod
    def of(
        cls, values: dict[str, Any], faces: list[list[AlignedFace]], loaded: Any, size_px: int
    ) -> Matched:
        """Say who the faces are.

        Args:
            values: The node's inputs.
            faces: Found in each photo.
            loaded: The models with the host's handles on them.
            size_px: Side of the crops.

        Raises:
            NoFaceError: Nobody known was found, and others are left alone.
        """
        if not values.get("people"):
            return cls(faces)
        arcface = loaded.models.features["arcface"]
        assert isinstance(arcface, ArcFace)
        device = load_networks(loaded.patchers)
        for network in loaded.models.features.values():
            network.to(device)
        false_accept = values.get("false_accept") or FALSE_ACCEPT
        who = WhoIsWho(values["people"], Recognizer(arcface), size_px, false_accept)
        restorer = loaded.models.restorer
        matches = [
            who.matches(here, coarse_for_matching(restorer, here)) if here else [] for here in faces
        ]
        leave = values.get("unknown_faces", WITHOUT) == ALONE
        return cls._kept(faces, matches, who, leave)

    @classmethod
    def _kept(
        cls,
        faces: Sequence[Sequence[AlignedFace]],
        matches: Sequence[Sequence[Match]],
        who: WhoIsWho,
        leave: bool,
    ) -> Matched:
        report = who.report([match for here in matches for match in here])
        kept = [
            [number for number, match in enumerate(here) if match.person is not None or not leave]
            for here in matches
        ]
        if not any(kept):
            raise NoFaceError(
                f"None of the faces is one of these people, and unknown faces are {ALONE}: {report}"
            )
        chosen = [[here[i] for i in rows] for here, rows in zip(faces, kept, strict=True)]
        own = [[here[i] for i in rows] for here, rows in zip(matches, kept, strict=True)]
        return cls(chosen, [who.guides(here) for here in own], report)

    def most_runs(self, row: Recipe) -> int:
        """Return how many runs a portion takes at most."""
        from ..pdgrad_core.matched import runs_for

        guides = [guide for here in self.guides for guide in here]
        return runs_for(row, guides) if guides else 1


def alike_traces(traces: Sequence[list[Record]]) -> list[list[Record]]:
    """Return the traces that have the first one's terms, where portions had several recipes."""

    def terms(trace: list[Record]) -> set[str]:
        return set(trace[0]) if trace else set()

    return [trace for trace in traces if terms(trace) == terms(traces[0])]
