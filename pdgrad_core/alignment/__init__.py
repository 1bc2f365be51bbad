"""Alignment: finding faces in a photo, cutting them out upright, and putting them back."""

from .align import AlignedFace, align_face, take_as_aligned
from .choose import choose_faces, left_to_right
from .detect import FaceDetector, load_detector
from .draw import draw_faces
from .face import Face, face_from_landmarks, parse_landmarks
from .mask import FaceParser, load_parser
from .paste_back import Pasted, paste_back, paste_faces
from .paste_settings import PasteSettings

__all__ = [
    "AlignedFace",
    "Face",
    "FaceDetector",
    "FaceParser",
    "PasteSettings",
    "Pasted",
    "align_face",
    "choose_faces",
    "draw_faces",
    "face_from_landmarks",
    "left_to_right",
    "load_detector",
    "load_parser",
    "parse_landmarks",
    "paste_back",
    "paste_faces",
    "take_as_aligned",
]
