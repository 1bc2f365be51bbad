"""One sentence for one fault: beside its input, before the queue and again before the work."""

import asyncio

import pytest

PLAN = {
    "recipe": "pdgrad", "models": "demo", "restorer": "the recipe's own", "photo_is": "auto",
    "steps": 0, "tau": 0,
}  # fmt: skip


def lines(node, values):
    """Return what the host shows for a node's answer, as its `execution.py` goes about it."""
    from comfy_execution.graph_utils import ExecutionBlocker

    answers = [node.validate_inputs(**values)]
    waiting = [one for one in answers if isinstance(one, asyncio.Task) and not one.done()]
    assert not waiting
    answers = [one.result() if isinstance(one, asyncio.Task) else one for one in answers]
    return [
        (name, str(answer))
        for name in values
        for answer in answers
        if answer is not True and not isinstance(answer, ExecutionBlocker)
    ]


@pytest.mark.parametrize(
    ("wrong", "about", "said"),
    [
        ({"tau": 5, "steps": 9}, "tau", "there can be 1 to 5 steps"),
        ({"tau": 1200}, "tau", "from 0 to 1000, not 1200"),
        ({"steps": -1}, "steps", "from 0 to 1000, not -1"),
        ({"recipe": "pdgrd"}, "recipe", "Did you mean 'pdgrad'?"),
        ({"photo_is": "a cat"}, "photo_is", "It can be auto"),
    ],
)
@pytest.mark.parametrize("order", [list(PLAN), sorted(PLAN), sorted(PLAN, reverse=True)])
def test_the_host_shows_one_line_beside_the_input_it_is_about(pack, wrong, about, said, order):
    values = {**PLAN, **wrong}
    shown = lines(pack.nodes["PDGradRestoreFace"], {name: values[name] for name in order})
    assert [name for name, _ in shown] == [about]
    assert said in shown[0][1]


@pytest.mark.parametrize(
    ("node", "layers"),
    [("PDGradLossBuilder", "perceptual_layers"), ("PDGradPerceptualLoss", "layers")],
)
def test_a_wrong_text_is_said_beside_itself(pack, node, layers):
    values = {"level": "low", "form": "squared", "batch_mode": "auto", layers: "conv7_1"}
    known = pack.nodes[node].define_schema().inputs
    ids = {one.id for one in known}
    shown = lines(pack.nodes[node], {n: v for n, v in values.items() if n in ids})
    assert [name for name, _ in shown] == [layers]
    assert "conv7_1" in shown[0][1]


def test_a_missing_input_keeps_no_other_from_being_checked(pack):
    """The host says by itself what is missing."""
    assert [name for name, _ in lines(pack.nodes["PDGradRestoreFace"], {"tau": 1200})] == ["tau"]
    assert lines(pack.nodes["PDGradRestoreFace"], {"tau": 12}) == []


def test_a_right_answer_shows_no_line(pack):
    assert lines(pack.nodes["PDGradRestoreFace"], PLAN) == []
    assert lines(pack.nodes["PDGradRestoreFace"], dict.fromkeys(PLAN)) == []


def test_every_node_with_a_wrong_choice_shows_one_line(pack):
    for node_id, node in pack.nodes.items():
        known = pack.module("nodes.schema")
        for one in node.define_schema().inputs:
            if known.options_of(one) is not None:
                shown = lines(node, {one.id: "magic", **_others(node, one.id)})
                assert [name for name, _ in shown] == [one.id], node_id


def _others(node, name):
    import inspect

    return {key: None for key in inspect.signature(node.validate_inputs).parameters if key != name}


def test_the_answer_is_an_ordinary_sentence_to_everybody_else(pack):
    answer = pack.nodes["PDGradRestoreFace"].validate_inputs(**{**PLAN, "tau": 1200})
    assert isinstance(answer, str)
    assert answer == "tau must be from 0 to 1000, not 1200."


def test_a_node_that_takes_lists_is_answered_too(pack):
    values = {name: [value] for name, value in {**PLAN, "tau": 1200}.items()}
    assert [name for name, _ in lines(pack.nodes["PDGradRestoreFace"], values)] == ["tau"]


def test_a_connected_value_is_checked_when_it_has_arrived(pack, faces):
    """Before the queue it is not known; the host then hands over None."""
    with pytest.raises(pack.error("InvalidInputError"), match="preset cannot be 'magic'"):
        pack.run("PDGradDegrade", image=faces(), preset="magic")
    with pytest.raises(pack.error("InvalidInputError"), match="kernel_px must be an odd number"):
        pack.run("PDGradDegrade", image=faces(), kernel_px=40)
