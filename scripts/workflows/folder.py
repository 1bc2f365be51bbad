"""A folder of photos, every face restored by its own person's references."""

from __future__ import annotations

from graph import Graph
from parts import example


def restore_folder() -> Graph:
    """Return a folder's photos through Restore Face with people, each saved under its own name."""
    graph = Graph(
        "# A folder of photos\n1. Put your photos into a folder within ComfyUI's *input* folder, "
        "press **R**, and choose it in *Load Photos of a Folder*.\n2. Press **upload** in the "
        "other photos: a good one of each person; type the name into *Person*.\n3. Press **Run**: "
        "what follows the folder runs once for each photo, and each result has its photo's name in "
        "the *output* folder.\n\n**Many photos**: set *how_many* to 1 and *first_photo* to "
        "*increment*, and queue as many runs as there are photos. Memory then holds one at a time, "
        "and a run that fails or is cancelled takes no other with it.\n\nWhat is done already is "
        "done again here; `pdgrad album` on the command line keeps a list of what is done, takes "
        "corrections of who is who, and can hand the faces to ComfyUI hosts (`--comfyui`).",
        needs="nothing for the examples; for photos the published weights. A file that is missing "
        "is named when you press **Run**.",
    )
    photos = graph.add("PDGradLoadFolder")
    left, right = (
        graph.add("PDGradLoadPhoto", f"A photo of {name}",
                  photo=example(f"{side} person of the group"))
        for name, side in (("Anna", "left"), ("Bert", "right"))
    )  # fmt: skip
    anna = graph.add("PDGradPerson", "Anna", name="Anna", references=left.out)
    bert = graph.add("PDGradPerson", "Bert", name="Bert", references=right.out, others=anna.out)
    result = graph.add(
        "PDGradRestoreFace",
        photo=photos.out,
        people=bert.out,
        landmarks=photos["landmarks"],
        faces="left-to-right",
        seed=1,
        steps=50,
    )
    saved = graph.add("SaveImage", "Restored", images=result.out, filename_prefix=photos["names"])
    places = ((0, 0), (0, 460), (0, 920), (1, 460), (1, 920), (2, 0), (3, 0))
    for node, (column, y) in zip(
        (photos, left, right, anna, bert, result, saved), places, strict=True
    ):
        graph.stand(node, column, y)
    return graph
