"""Drawn faces: pictures for a first try that need no file and show nobody."""

from comfy_api.latest import io

from . import schema
from .boundary import outside_inference_mode, to_host
from .checked import CheckedNode
from .node_schema import node_schema

SCENES = ["portrait", "group of three"]


class DemoFaces(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradDemoFaces",
            display_name="Drawn Faces",
            category="PDGrad/demo",
            description=(
                "Draws faces from a formula, for trying the nodes with the demo models: the same "
                "person number with other views gives references. A group comes with the "
                "landmarks of its faces, for Align Faces. Replace it by Load Image for photos."
            ),
            inputs=[
                schema.choice("scene", SCENES, SCENES[0], "One aligned face, or a group photo."),
                schema.whole(
                    "person", 1, (0, 1_000_000), "Who: the same number is the same person. A group "
                    "is this person and the next two.",
                ),
                schema.whole(
                    "view", 1, (0, 1_000_000), "Pose, expression, light and clothes; each further "
                    "picture takes the next number.",
                ),
                schema.whole("count", 1, (1, 16), "Pictures of the same person in further views."),
                schema.choice(
                    "size_px", ["64", "128"], "64", "Side of a portrait; the demo models take 64."
                ),
            ],
            outputs=[
                io.Image.Output(
                    "image", display_name="image", tooltip="The drawn faces, or one group photo."
                ),
                io.String.Output(
                    "landmarks",
                    display_name="landmarks",
                    tooltip="A line of five points for each face, for Align Faces.",
                ),
            ],
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, scene: str | None, size_px: str | None) -> bool | str:
        """Refuse unknown choices before anything runs."""
        return schema.check_choices(cls, scene=scene, size_px=size_px)

    @classmethod
    def execute(cls, scene: str, person: int, view: int, count: int, size_px: str) -> io.NodeOutput:
        """Draw; a group is one picture whatever the count."""
        from ..pdgrad_core.faces.group import draw_group, landmarks_text
        from ..pdgrad_core.faces.identity import sample_identities
        from ..pdgrad_core.faces.render import render
        from ..pdgrad_core.faces.view import sample_views

        with outside_inference_mode():
            if scene == SCENES[1]:
                persons = [person, person + 1, person + 2]
                group = draw_group(persons, [view, view + 1, view + 2], int(size_px))
                return io.NodeOutput(to_host(group.image), landmarks_text(group.landmarks))
            views = sample_views([view + index for index in range(count)])
            people = sample_identities([person] * count)
            drawn = render(people, views, int(size_px), parts=False)
            each = (landmarks_text(one[None]) for one in drawn.landmarks - 0.5)
            text = "\n\n".join(each)  # one photo's apart from the next one's
            return io.NodeOutput(to_host(drawn.images), text)


NODES = [DemoFaces]
