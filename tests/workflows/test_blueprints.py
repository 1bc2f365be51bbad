"""The subgraph blueprints: links, ends and promoted widgets are whole, and name what exists."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "subgraphs").glob("*.json"))
SCHEMAS = json.loads((ROOT / "tests" / "nodes" / "schemas.json").read_text())
INPUT_NODE, OUTPUT_NODE = -10, -20


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def file(request):
    return request.param


@pytest.fixture
def definition(file):
    (found,) = json.loads(file.read_text())["definitions"]["subgraphs"]
    return found


def test_there_are_two():
    assert [file.stem for file in FILES] == [
        "Restore a Face (PDGrad)",
        "Restore with Any Combination (PDGrad)",
    ]


def test_the_file_is_one_node_of_its_name(file, definition):
    graph = json.loads(file.read_bytes().decode("ascii"))  # the host reads in any encoding
    (node,) = graph["nodes"]
    assert node["type"] == definition["id"]
    assert node["title"] == definition["name"] == file.stem
    for side in ("inputs", "outputs"):
        outside = [(one["name"], one["type"]) for one in node[side]]
        assert outside == [(one["name"], one["type"]) for one in definition[side]]
    assert [one["name"] for one in node["inputs"]] == ["photo", "reference"]
    assert [one["name"] for one in node["outputs"]] == ["result"]
    assert definition["description"]


def test_inside_are_our_nodes_without_loading_and_saving(definition):
    kinds = {node["type"] for node in definition["nodes"]}
    assert kinds
    assert kinds <= set(SCHEMAS) - {"PDGradLoadPhoto"}


def test_both_ends_know_of_every_link(definition):
    nodes = {node["id"]: node for node in definition["nodes"]}
    links = {link["id"]: link for link in definition["links"]}
    assert len(links) == len(definition["links"])
    assert definition["state"]["lastLinkId"] >= max(links)
    assert definition["state"]["lastNodeId"] >= max(nodes)
    for number, link in links.items():
        if link["origin_id"] == INPUT_NODE:
            source = definition["inputs"][link["origin_slot"]]
            assert number in source["linkIds"]
        else:
            source = nodes[link["origin_id"]]["outputs"][link["origin_slot"]]
            assert number in source["links"]
        if link["target_id"] == OUTPUT_NODE:
            target = definition["outputs"][link["target_slot"]]
            assert target["linkIds"] == [number]
        else:
            target = nodes[link["target_id"]]["inputs"][link["target_slot"]]
            assert target["link"] == number
        assert source["type"] == link["type"]
        assert link["type"] in target["type"].split(",")


def test_no_socket_names_a_link_that_is_not_there(definition):
    links = {link["id"] for link in definition["links"]}
    named = {number for one in definition["inputs"] for number in one["linkIds"]}
    named |= {number for one in definition["outputs"] for number in one["linkIds"]}
    for node in definition["nodes"]:
        named |= {one["link"] for one in node["inputs"] if one["link"] is not None}
        named |= {number for one in node["outputs"] for number in one["links"]}
    assert named == links
    assert all(one["linkIds"] for one in (*definition["inputs"], *definition["outputs"]))


def test_promoted_widgets_exist(file, definition):
    (node,) = json.loads(file.read_text())["nodes"]
    kinds = {str(one["id"]): one["type"] for one in definition["nodes"]}
    promoted = node["properties"]["proxyWidgets"]
    assert promoted
    for number, widget in promoted:
        assert widget in {one["id"] for one in SCHEMAS[kinds[number]]["inputs"]}
