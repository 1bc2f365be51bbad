"""Every example workflow against the recorded schemas: ids, links, types and values."""

import json
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
    script = ROOT / "scripts" / "workflows"
    subprocess.run([sys.executable, script, tmp_path], check=True, capture_output=True)
    for file in [*WORKFLOWS, *(ROOT / "workflows" / "api").glob("*.json")]:
        written = tmp_path / file.relative_to(ROOT / "workflows")
        assert written.read_text() == file.read_text(), f"run python scripts/workflows: {file.name}"


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
    if schema["type"] == "COMBO" and schema["id"] not in ("ckpt_name", "image"):
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
