"""Alignment: finding faces in a photo, cutting them out upright, and putting them back."""

from .align import AlignedFace, align_face, take_as_aligned
from .choose import choose_faces, left_to_right
from .detect import FaceDetector, load_detector
from .detectors import best_detector
from .draw import draw_faces, draw_names
from .face import Face, face_from_landmarks, parse_landmarks
from .landmark_text import faces_from_text, landmarks_of_photos
from .mask import FaceParser, load_parser
from .mesh import points_from_mesh
from .paste_back import Pasted, paste_back, paste_faces
from .paste_settings import PasteSettings
from .yunet import YuNetDetector, load_yunet

__all__ = [
    "AlignedFace",
    "Face",
    "FaceDetector",
    "FaceParser",
    "PasteSettings",
    "Pasted",
    "YuNetDetector",
    "align_face",
    "best_detector",
    "choose_faces",
    "draw_faces",
    "draw_names",
    "face_from_landmarks",
    "faces_from_text",
    "landmarks_of_photos",
    "left_to_right",
    "load_detector",
    "load_parser",
    "load_yunet",
    "parse_landmarks",
    "paste_back",
    "paste_faces",
    "points_from_mesh",
    "take_as_aligned",
]
