"""Several people on one photo, each guided by photos of their own, stage by stage."""

from __future__ import annotations

from graph import Graph, Node, Output
from parts import example


def restore_group_of_people() -> Graph:
    """Return Match People with its guides in the losses, as a graph of every stage."""
    graph = Graph(
        "# Several people on one photo\nOne *Person* per person, connected in a row. *Match "
        "People* finds the faces, says who they are, and hands on what guides each: one *Face "
        "Loss* serves all faces, each towards its own person's photos by their weights. An unknown "
        "face is pulled by the coarse face alone.\n\nWhere a name is wrong, say so in "
        "*corrections*: `0: Anna`, or `1: ?`.\n\nFor photos: choose **ffhq512-prior**, "
        "**codeformer**, **arcface-iresnet50** and **vgg16** in the loaders, and tau 700 in "
        "the sampler.",
    )
    photo = graph.add("PDGradLoadPhoto", "The group photo", photo=example("bad group photo"))
    people = _people(graph)
    features = graph.add("PDGradLoadFeatures")
    restorer, prior = graph.add("PDGradLoadRestorer"), graph.add("PDGradLoadPrior")
    matched = graph.add(
        "PDGradMatchPeople",
        photo=photo.out,
        people=people,
        features=features.out,
        restorer=restorer.out,
        prior=prior.out,
        landmarks=photo["landmarks"],
    )
    coarse = graph.add("PDGradCoarseRestore", image=matched.out, restorer=restorer.out)

    guidance = _guidance(graph, features.out, coarse.out, matched)
    result = graph.add(
        "PDGradDDPMSampler",
        prior=prior.out,
        image=coarse.out,
        guidance=guidance.out,
        seed=1,
        steps=50,
        tau=350,
    )
    pasted = graph.add(
        "PDGradPasteFaces", photo=photo.out, restored=result.out, placement=matched["placement"]
    )
    graph.add("SaveImage", "Restored", images=pasted.out, filename_prefix="pdgrad/people")
    graph.add("PreviewImage", "Who is who", images=matched["names"])
    return graph


def _guidance(graph: Graph, features: Output, coarse: Output, matched: Node) -> Node:
    """Add the four losses, those towards references by the guides, and their surgeries."""

    def loss(name: str, own: bool) -> Output:
        more = {"guides": matched["guides"]} if own else {}
        image = matched["references"] if own else coarse
        level = name.partition("_")[0]
        given = {"features": features, "image": image, "level": level, "name": name}
        return graph.add("PDGradLossBuilder", name, **given, **more).out

    low_c, low_r = loss("low_c", own=False), loss("low_r", own=True)
    high_r, high_c = loss("high_r", own=True), loss("high_c", own=False)
    kind = "PDGradGradientSurgery"
    low = graph.add(kind, "Surgery: low level", pivot=low_c, other=low_r, name="low")
    high = graph.add(kind, "Surgery: high level", pivot=high_r, other=high_c, name="high")
    return graph.add("PDGradAddGuidance", first=low.out, second=high.out)


def _people(graph: Graph) -> Output:
    """Add two people with a photo each."""
    left, right = (
        graph.add(
            "PDGradLoadPhoto", f"A photo of {name}", photo=example(f"{side} person of the group")
        )
        for name, side in (("Anna", "left"), ("Bert", "right"))
    )
    anna = graph.add("PDGradPerson", "Anna", name="Anna", references=left.out)
    bert = graph.add("PDGradPerson", "Bert", name="Bert", references=right.out, others=anna.out)
    return bert.out
