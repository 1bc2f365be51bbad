"""The three starters: a face, a group photo, and every stage as a node of its own.

They open with the pack's example pictures and run on the demo models; for photos of one's own the
pictures are replaced, and nothing else in the first two.
"""

from __future__ import annotations

from graph import Graph, Node
from parts import Face, example, sampled, surgery

BAD, GOOD = "The photo to restore", "A good photo of the same person"

FROM_THE_PAGE = (
    "A weight file that is missing is named with its address, size and licence when you press "
    "**Run**, all of them at once."
)


def restore_a_face() -> Graph:
    """Return the whole restoration in one node."""
    graph = Graph(
        "# Restore a face\n1. Press **upload** in the upper photo: the face to restore.\n2. Press "
        "**upload** in the lower one: a good photo of the same person.\n3. Press **Run**.\n\nUntil "
        "then you see drawn examples. *recipe* is the method; *steps*, *tau* and *strength* at 0 "
        "are the recipe's own. Only the face changes: it is found, restored and laid back.",
        needs="nothing for the examples; for photos the published weights. " + FROM_THE_PAGE,
    )
    photo = graph.add("PDGradLoadPhoto", BAD, photo=example("bad photo"))
    reference = graph.add("PDGradLoadPhoto", GOOD, photo=example("same person"))
    result = graph.add(
        "PDGradRestoreFace", photo=photo.out, references=reference.out, seed=1, steps=50
    )
    saved = graph.add("SaveImage", "Restored", images=result.out, filename_prefix="pdgrad/restored")
    _in_columns(graph, photo, reference, result, saved)
    return graph


def restore_a_group_photo() -> Graph:
    """Return a group photo whose faces are each restored by their own person's photos."""
    graph = Graph(
        "# Restore a group photo\n1. Press **upload** in the upper photo: the group.\n2. Press "
        "**upload** in the lower ones: a good photo of one person each, and type the person's name "
        "into *Person*. For more people, add a photo and a *Person*, and connect it in the row.\n"
        "3. Press **Run**.\n\nEvery face is compared with everybody's photos, and restored by "
        "those of its own person; *Restore Face* says who it took for whom. Faces of nobody known "
        "are restored without a photo, or left alone: *unknown_faces*. The example's faces are "
        "drawn, so their landmarks come with it; in your photo they are found.",
        needs="nothing for the examples; for photos the published weights. " + FROM_THE_PAGE,
    )
    photo = graph.add("PDGradLoadPhoto", "The group photo", photo=example("bad group photo"))
    left, right = (
        graph.add(
            "PDGradLoadPhoto",
            f"A person of the group, {number}",
            photo=example(f"{side} person of the group"),
        )
        for number, side in enumerate(("left", "right"), start=1)
    )
    anna = graph.add("PDGradPerson", name="Anna", references=left.out)
    bert = graph.add("PDGradPerson", name="Bert", references=right.out, others=anna.out)
    result = graph.add(
        "PDGradRestoreFace",
        photo=photo.out,
        people=bert.out,
        landmarks=photo["landmarks"],
        faces="left-to-right",
        seed=1,
        steps=50,
    )
    saved = graph.add("SaveImage", "Restored", images=result.out, filename_prefix="pdgrad/group")
    pictures = ((photo, "photo"), (left, "photo"), (anna, "name"), (right, "photo"), (bert, "name"))
    shown = ("recipe", "unknown_faces", "strength", "seed")
    graph.app = (*pictures, *((result, name) for name in shown))
    for node, (column, y) in zip(
        (photo, left, right, anna, bert, result, saved),
        ((0, 0), (0, 460), (0, 920), (1, 460), (1, 920), (2, 0), (3, 0)),
        strict=True,
    ):
        graph.stand(node, column, y)
    return graph


def _in_columns(graph: Graph, photo: Node, reference: Node, result: Node, saved: Node) -> None:
    pictures = ((photo, "photo"), (reference, "photo"))
    graph.app = (*pictures, *((result, name) for name in ("recipe", "faces", "strength", "seed")))
    graph.stand(photo, 0, 0)
    graph.stand(reference, 0, 460)
    graph.stand(result, 1, 0)
    graph.stand(saved, 2, 0)


# The longest wires run straight along the top; below them every column has its frame.
WIRED_PLACES = (
    *((0, 0), (0, 660), (1, 120), (1, 800), (2, 300), (3, 230), (3, 860)),
    *((4, 560), (4, 1240), (4, 1580), (4, 900), (5, 640), (5, 1280), (6, 900), (6, 560)),
    *((7, 230), (8, 0), (9, 0)),
)
"""Column and height of each node of the wired starter, in the order in which it places them."""


def restore_with_any_combination() -> Graph:
    """Return every stage as a node of its own, to be changed and wired anew."""
    graph = Graph(
        "# Restore with any combination\nWhat *Restore Face* does, stage by stage, for changing: "
        "other losses, another surgery, a contraction, another sampler.\n\nLosses towards the "
        "coarse face (c) and the reference (r), at a low and a high level; surgery keeps one of "
        "each pair as the pivot; the sampler follows their sum, and plots how they conflict.\n\n"
        "For photos: choose **ffhq512-prior**, **codeformer**, **arcface-iresnet50** and "
        "**vgg16** in the loaders, **detect** with 512 px in both *Align Faces*, and tau 700 in "
        "the sampler; 350 suits the demo models.",
        needs="nothing for the examples; for photos the published weights. " + FROM_THE_PAGE,
    )
    photo = graph.add("PDGradLoadPhoto", BAD, photo=example("bad photo"))
    known = graph.add("PDGradLoadPhoto", GOOD, photo=example("same person"))
    prior, features = graph.add("PDGradLoadPrior"), graph.add("PDGradLoadFeatures")
    restorer = graph.add("PDGradLoadRestorer")
    aligned = {"method": "already aligned", "size_px": 64}
    faces = graph.add("PDGradAlignFaces", "The face", photo=photo.out, **aligned)
    reference = graph.add("PDGradAlignFaces", "The reference's face", photo=known.out, **aligned)
    coarse = graph.add("PDGradCoarseRestore", image=faces.out, restorer=restorer.out)
    before = len(graph.nodes)
    face = Face(prior, features, photo, reference, faces, coarse)
    guidance = surgery(graph, features.out, coarse.out, reference.out)
    losses, surgeries = graph.nodes[before : before + 4], graph.nodes[before + 4 :]
    result = sampled(graph, face, guidance.out, tau=350)
    pasted = graph.add(
        "PDGradPasteFaces", photo=photo.out, restored=result.out, placement=faces["placement"]
    )
    saved = graph.add("SaveImage", "Restored", images=pasted.out, filename_prefix="pdgrad/restored")
    titled: dict[str, list[Node]] = {
        "Photos": [photo, known],
        "Aligned faces": [faces, reference],
        "Coarse face": [restorer, coarse],
        "Losses": [features, *losses],
        "Gradient surgery": surgeries[:2],
        "Sampling": [prior, surgeries[2], result],
        "Back into the photo": [pasted, saved],
    }
    graph.groups.update(titled)
    placed = (photo, known, faces, reference, restorer, coarse, features, *losses, *surgeries)
    placed = (*placed, prior, result, pasted, saved)
    for node, (column, y) in zip(placed, WIRED_PLACES, strict=True):
        graph.stand(node, column, y)
    return graph
