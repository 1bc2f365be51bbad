"""Who is who: which faces of a photo show which known people, and what guides each of them."""

from .error_rates import DRAWN, PUBLISHED, ErrorRates, rates_of
from .guides import Guide, stacked, weights_from_text
from .matching import Match, Similarities, assign, guide_of, match_faces
from .person import Person, Portrait, check_people, person_from
from .portraits import ReferencePhoto, portraits_of
from .pose import pose_of, sharpness_of
from .recognizer import Probes, Recognizer
from .report import match_report

__all__ = [
    "DRAWN",
    "PUBLISHED",
    "ErrorRates",
    "Guide",
    "Match",
    "Person",
    "Portrait",
    "Probes",
    "Recognizer",
    "ReferencePhoto",
    "Similarities",
    "assign",
    "check_people",
    "guide_of",
    "match_faces",
    "match_report",
    "person_from",
    "portraits_of",
    "pose_of",
    "rates_of",
    "sharpness_of",
    "stacked",
    "weights_from_text",
]
