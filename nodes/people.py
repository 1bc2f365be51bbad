"""Who is who on a photo: people with their reference photos, and the faces matched with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.errors import InvalidInputError
from . import schema
from .boundary import from_host, load_networks, outside_inference_mode
from .checked import CheckedNode
from .face_sockets import face_sockets
from .lists import separate_pictures
from .node_schema import node_schema
from .sockets import (
    FacesIO,
    FeaturesIO,
    GuidesIO,
    KnownPeople,
    LoadedFeatures,
    LoadedPrior,
    LoadedRestorer,
    PeopleIO,
    PersonPhotos,
    PriorIO,
    RestorerIO,
)

if TYPE_CHECKING:
    from ..pdgrad_core.people import Match

DEFAULT_SIZE_PX = 512


class PersonNode(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradPerson",
            display_name="Person",
            category="PDGrad/people",
            description=(
                "A person who may be on the photos, with good photos of that person alone. One "
                "node for each person: connect them in a row, and the last one to Match People or "
                "to Restore Face, which then guides every face by its own person's photos."
            ),
            inputs=[
                schema.text("name", "Anna", "What reports and pictures call the person."),
                io.Image.Input(
                    "references",
                    tooltip="Good photos of the person alone, of any size; a batch or a list is "
                    "several.",
                ),
                schema.real(
                    "weight",
                    1.0,
                    (0.0, 1000.0),
                    0.1,
                    "How strongly this person's photos guide; 1 is as strongly as in any other "
                    "restoration.",
                    optional=True,
                ),
                PeopleIO.Input("others", optional=True, tooltip="The people before this one."),
                schema.text(
                    "landmarks",
                    "",
                    "Instead of finding the face: its five points x,y, a line per photo, with an "
                    "empty line between the photos.",
                    optional=True,
                ),
            ],
            outputs=[
                PeopleIO.Output(
                    "people",
                    display_name="people",
                    tooltip="This person and those before, for a further Person, Match People or "
                    "Restore Face.",
                )
            ],
            is_input_list=True,
        )

    @classmethod
    def execute(
        cls,
        name: Any,
        references: Any,
        weight: Any = 1.0,
        others: Any = None,
        landmarks: Any = "",
    ) -> io.NodeOutput:
        """Add a person to those of the wire."""
        from ..pdgrad_core.alignment import landmarks_of_photos

        name, weight, landmarks = _first(name), _first(weight), _first(landmarks) or ""
        before: KnownPeople = _first(others) or ()
        with outside_inference_mode():
            pictures = separate_pictures(references)
            photos = tuple(from_host(one, f"A reference of {name}") for one in pictures)
        if not photos:
            raise InvalidInputError(f"{name} has no reference photo; connect at least one.")
        texts: Sequence[str | None] = [None] * len(photos)
        if landmarks.strip():
            texts = landmarks_of_photos(landmarks, len(photos))
        return io.NodeOutput((*before, PersonPhotos(name, photos, tuple(texts), weight)))


def _first(value: Any) -> Any:
    """Return the one value of an input that the host hands over as a list."""
    if isinstance(value, list):
        return value[0] if value else None
    return value


class MatchPeople(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradMatchPeople",
            display_name="Match People",
            category="PDGrad/people",
            description=(
                "Finds out who is who on a photo: every face is compared with everybody's "
                "reference photos, and each person is found once at most. Gives the faces, what "
                "guides each of them, and a picture with the names."
            ),
            inputs=_match_inputs(),
            outputs=[
                io.Image.Output(
                    "faces", display_name="faces", tooltip="The crops, from left to right."
                ),
                FacesIO.Output(
                    "placement", display_name="placement", tooltip="For Paste Faces Back."
                ),
                io.Image.Output(
                    "references",
                    display_name="references",
                    tooltip="For each face the photo of its person that counts most; for an "
                    "unknown face the face itself.",
                ),
                GuidesIO.Output(
                    "guides",
                    display_name="guides",
                    tooltip="All photos of each face's person with their weights, for Face Loss.",
                ),
                io.String.Output(
                    "report",
                    display_name="report",
                    tooltip="Who each face is, how sure, and which photos guide it.",
                ),
                io.Image.Output(
                    "names", display_name="names", tooltip="The photo with everybody's name."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        photo: Tensor,
        people: KnownPeople,
        features: LoadedFeatures,
        which_faces: str,
        false_accept: float,
        size_px: int,
        restorer: LoadedRestorer | None = None,
        prior: LoadedPrior | None = None,
        **options: Any,
    ) -> io.NodeOutput:
        """Cut the faces out and say who they are."""
        from .frames import Frames
        from .known_people import WhoIsWho, coarse_for_matching, parse_said
        from .matched_faces import matched_output
        from .restore_face_finder import PhotoFinder
        from .restore_face_inputs import AUTO

        size_px = size_px or (prior.prior.image_size if prior else DEFAULT_SIZE_PX)
        patchers = [*features.patchers, *([restorer.patcher] if restorer else [])]
        with outside_inference_mode():
            photos = Frames(photo)
            finder = PhotoFinder({"faces": which_faces, "photo_is": AUTO, **options}, size_px)
            found = finder.faces(photos)
            load_networks([one for one in patchers if one is not None])
            who = WhoIsWho(people, recognizer_of(features), size_px, false_accept)
            said = parse_said(options.get("corrections") or "", sum(map(len, found)))
            matches: list[list[Match]] = []
            for here in found:
                before = sum(map(len, matches))
                own = said[before : before + len(here)]
                coarse = coarse_for_matching(restorer.restorer if restorer else None, here)
                matches.append(who.matches(here, coarse, own) if here else [])
            return matched_output(photos, found, who, matches)


def _match_inputs() -> list[Any]:
    return [
        io.Image.Input("photo", tooltip="A photo of several people; several are a batch."),
        PeopleIO.Input("people", tooltip="From the last Person."),
        FeaturesIO.Input("features", tooltip="From Load Feature Networks; ArcFace compares."),
        schema.text(
            "which_faces",
            "left-to-right",
            "Which faces are looked at: left-to-right, all (the largest first), largest, or "
            "numbers from the left starting at 0, as in 0,2.",
        ),
        schema.real(
            "false_accept",
            0.05,
            (0.0001, 0.5),
            0.0001,
            "Chance that a stranger is taken for one of these people; smaller leaves more faces "
            "unknown.",
        ),
        schema.whole(
            "size_px", 0, (0, 4096), "Side of the crops. 0: the connected prior's, or "
            f"{DEFAULT_SIZE_PX} without one.", "px", step=8,
        ),
        RestorerIO.Input(
            "restorer", optional=True, tooltip="Faces are recognised by their coarse restoration "
            "too, which helps with bad ones.",
        ),
        PriorIO.Input(
            "prior", optional=True, tooltip="With size_px 0 the crops have this prior's size."
        ),
        schema.text(
            "landmarks", "", "Instead of finding the faces: a line of five points x,y for each, as "
            "in Align Faces.", optional=True,
        ),
        schema.text(
            "corrections", "", "Where a name is wrong: lines such as '0: Anna', '1: ?' for an "
            "unknown person. Faces count from 0, as in the picture with the names.",
            optional=True, multiline=True,
        ),
        *face_sockets(),
    ]  # fmt: skip


def recognizer_of(features: LoadedFeatures) -> Any:
    """Return what compares faces by the ArcFace of some feature networks.

    Raises:
        InvalidInputError: There is no ArcFace among them.
    """
    from ..pdgrad_core.features.arcface import ArcFace
    from ..pdgrad_core.people import Recognizer

    arcface = features.networks.get("arcface")
    if not isinstance(arcface, ArcFace):
        raise InvalidInputError(
            "People are compared by ArcFace, and these features hold none; connect Load Feature "
            "Networks."
        )
    return Recognizer(arcface)


NODES = [PersonNode, MatchPeople]
