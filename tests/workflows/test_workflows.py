"""Every example workflow against the recorded schemas: ids, links, types and values."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / "workflows").glob("*.json"))
SCHEMAS = {
    **json.loads(Path(__file__).with_name("host_nodes.json").read_text()),
    **json.loads((ROOT / "tests" / "nodes" / "schemas.json").read_text()),
}
WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}


def names(files):
    return [file.stem for file in files]


@pytest.fixture(params=WORKFLOWS, ids=names(WORKFLOWS))
def workflow(request):
    """The UI format and the API format of one workflow."""
    api = request.param.parent / "api" / request.param.name
    return json.loads(request.param.read_text()), json.loads(api.read_text())


def test_there_are_workflows_and_each_has_both_formats():
    assert len(WORKFLOWS) >= 9
    assert names(WORKFLOWS) == names(sorted((ROOT / "workflows" / "api").glob("*.json")))


def test_the_files_are_those_that_the_script_writes(tmp_path):
    """All but where nodes stand, which takes the script a minute to find."""
    target = tmp_path / "workflows"
    command = [sys.executable, ROOT / "scripts" / "workflows", target, "--tries", "0"]
    subprocess.run(command, check=True, capture_output=True)
    for file in [*WORKFLOWS, *(ROOT / "workflows" / "api").glob("*.json")]:
        written = target / file.relative_to(ROOT / "workflows")
        assert unplaced(written) == unplaced(file), f"run python scripts/workflows: {file.name}"
    for file in (ROOT / "subgraphs").glob("*.json"):
        assert (tmp_path / "subgraphs" / file.name).read_bytes() == file.read_bytes(), file.name


def unplaced(file):
    """Return a workflow without its places."""
    graph = json.loads(file.read_text())
    for node in graph.get("nodes", []):
        del node["pos"]
    if "extra" in graph:
        graph["extra"] = {}
    return graph


STARTERS = [file for file in WORKFLOWS if file.stem[0].isdigit()]


def test_starters_come_first_and_studies_last():
    assert len(STARTERS) == 3
    assert [file.stem[0] for file in WORKFLOWS[:3]] == ["1", "2", "3"]
    assert WORKFLOWS[-1].stem.startswith("Study - ")


@pytest.mark.parametrize("file", STARTERS, ids=names(STARTERS))
def test_a_starter_needs_no_file_and_opens_legibly(file):
    graph = json.loads(file.read_text())
    assert "LoadImage" not in {node["type"] for node in graph["nodes"]}
    assert "**Needs** nothing" in graph["nodes"][-1]["widgets_values"][0]
    assert graph["extra"]["ds"]["scale"] > 0.6  # below it the page draws no text


@pytest.mark.parametrize("file", WORKFLOWS, ids=names(WORKFLOWS))
def test_no_node_stands_on_another_and_starters_hide_no_wire(file):
    graph = json.loads(file.read_text())
    nodes = {node["id"]: node for node in graph["nodes"]}
    title = 30
    boxes = {
        number: (x, y - title, x + width, y + height)
        for number, node in nodes.items()
        for (x, y), (width, height) in [(node["pos"], node["size"])]
    }
    for one, (left, top, right, bottom) in boxes.items():
        for other, (x0, y0, x1, y1) in boxes.items():
            apart = right <= x0 or x1 <= left or bottom <= y0 or y1 <= top
            assert one == other or apart, (one, other)
    if file in STARTERS:
        assert [hidden for link in graph["links"] if (hidden := behind(link, nodes, boxes))] == []


def behind(link, nodes, boxes):
    """Return the nodes behind which a link passes: a Bezier curve from right to left socket."""
    _, source, leaves, target, arrives, _ = link
    sockets = [one for one in nodes[target]["inputs"] if "widget" not in one]
    if arrives >= len(sockets):
        return []  # at a widget's height, which is the page's own
    x0, y0 = boxes[source][2], nodes[source]["pos"][1] + 20 * (leaves + 0.7)
    x1, y1 = boxes[target][0], nodes[target]["pos"][1] + 20 * (arrives + 0.7)
    reach = math.hypot(x1 - x0, y1 - y0) / 4
    hidden = set()
    for step in range(1, 40):
        t = step / 40
        a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
        x = a * x0 + b * (x0 + reach) + c * (x1 - reach) + d * x1
        y = (a + b) * y0 + (c + d) * y1
        hidden |= {
            number
            for number, (left, top, right, bottom) in boxes.items()
            if number not in (source, target) and left < x < right and top < y < bottom
        }
    return sorted(hidden)


def test_api_inputs_are_known_complete_and_of_the_right_type(workflow):
    _, prompt = workflow
    for node in prompt.values():
        schema = SCHEMAS[node["class_type"]]
        known = {one["id"]: one for one in schema["inputs"]}
        assert set(node["inputs"]) <= set(known), node["class_type"]
        required = {name for name, one in known.items() if not one["optional"]}
        assert required <= set(node["inputs"]), node["class_type"]
        for name, value in node["inputs"].items():
            if isinstance(value, list):
                source = SCHEMAS[prompt[value[0]]["class_type"]]["outputs"][value[1]]["type"]
                accepted = known[name]["type"].split(",")
                assert source in accepted or accepted == ["*"], (node["class_type"], name)
            else:
                check_value(known[name], value)


def check_value(schema, value):
    kinds = {"INT": int, "FLOAT": (int, float), "STRING": str, "BOOLEAN": bool, "COMBO": str}
    assert isinstance(value, kinds[schema["type"]]), schema["id"]
    # A file of the user's own, and what only the host lists, cannot be checked here.
    if schema["type"] == "COMBO" and schema["id"] not in ("ckpt_name", "image", "photo"):
        assert value in schema["options"], (schema["id"], value)
    if "min" in schema:
        assert schema["min"] <= value <= schema["max"], schema["id"]


def test_ui_and_api_format_say_the_same(workflow):
    graph, prompt = workflow
    notes = [node for node in graph["nodes"] if node["type"] == "MarkdownNote"]
    nodes = {str(node["id"]): node for node in graph["nodes"] if node not in notes}
    assert len(notes) == 1
    assert len(notes[0]["widgets_values"][0]) > 100
    assert set(nodes) == set(prompt)
    links = {link[0]: link for link in graph["links"]}
    assert len(links) == len(graph["links"])
    for number, node in nodes.items():
        assert node["type"] == prompt[number]["class_type"]
        assert inputs_of(node, links) == prompt[number]["inputs"]
        for slot, output in enumerate(node["outputs"]):
            for link in output["links"]:
                assert links[link][1:3] == [node["id"], slot]


def inputs_of(node, links):
    """Return a UI node's inputs as the frontend would send them."""
    schema = SCHEMAS[node["type"]]
    values = iter(node["widgets_values"])
    found = {}
    for one in schema["inputs"]:
        if one["type"] in WIDGETS:
            found[one["id"]] = next(values)
            if one.get("control_after_generate"):
                assert next(values) == "fixed"
            if one.get("image_upload"):
                assert next(values) == "image"
    assert next(values, None) is None
    for slot, one in enumerate(node["inputs"]):
        if one["link"] is not None:
            link = links[one["link"]]
            assert link[3:5] == [node["id"], slot]
            found[one["name"]] = [str(link[1]), link[2]]
    return found


def test_every_workflow_has_a_small_picture():
    for file in WORKFLOWS:
        picture = file.with_suffix(".jpg")
        assert picture.is_file(), file.name
        assert picture.stat().st_size < 150_000, picture.name
