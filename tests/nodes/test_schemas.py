"""Ids, input ids and their order are public: saved workflows depend on them."""

import json
import re
from pathlib import Path

import pytest
from host_double import ROOT, describe

SNAPSHOT = Path(__file__).with_name("schemas.json")


def test_schemas_are_those_of_the_snapshot(pack):
    """A change is a decision: inputs are only ever appended. Deleting the file renews it."""
    found = {name: describe(node.define_schema()) for name, node in pack.nodes.items()}
    if not SNAPSHOT.exists():
        SNAPSHOT.write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads(SNAPSHOT.read_text())


def test_every_node_and_input_is_explained(pack):
    for node_id, node in pack.nodes.items():
        schema = node.define_schema()
        assert node_id.startswith("PDGrad")
        assert schema.category.startswith("PDGrad/")
        assert len(schema.description) > 40, node_id
        for socket in schema.inputs:
            assert socket.tooltip, f"{node_id}.{socket.id}"


def test_numbers_have_range_step_and_rounding(pack):
    for node_id, node in pack.nodes.items():
        for socket in node.define_schema().inputs:
            needed = {"INT": "default min max step", "FLOAT": "default min max step round"}
            for option in needed.get(socket.kind, "").split():
                assert option in socket.options, f"{node_id}.{socket.id} has no {option}"
            if "min" in socket.options:
                low, high = socket.options["min"], socket.options["max"]
                assert low <= socket.options["default"] <= high
            if socket.kind == "COMBO":
                assert socket.options["default"] in socket.options["options"]


def test_ids_are_unique_among_inputs_and_outputs(pack):
    for node in pack.nodes.values():
        schema = node.define_schema()
        ids = [socket.id for socket in [*schema.inputs, *schema.outputs]]
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("name", "constant", "core"),
    [
        ("align", "BORDERS", ("pdgrad_core.alignment.warp", "BORDERS")),
        ("paste", "MAX_SCALE", ("pdgrad_core.alignment.paste_back", "MAX_SCALE")),
        ("paste", "FEATHER_FRACTION", ("pdgrad_core.alignment.paste_settings", "FEATHER_FRACTION")),
    ],
)
def test_values_repeated_for_a_quick_import_agree_with_the_core(pack, name, constant, core):
    here = getattr(pack.module(f"nodes.{name}"), constant)
    there = getattr(pack.module(core[0]), core[1])
    assert (list(here) if isinstance(here, list) else here) == (
        list(there) if isinstance(here, list) else there
    )


def test_methods_come_from_the_registries(pack):
    options = {
        socket.id: socket.options["options"]
        for node in ("PDGradGradientSurgery", "PDGradDDPMSampler", "PDGradDegrade")
        for socket in pack.nodes[node].define_schema().inputs
        if socket.kind == "COMBO"
    }
    assert options["method"] == pack.module("pdgrad_core.combiners").COMBINERS.names()
    assert (
        options["strength_mode"] == pack.module("pdgrad_core.guidance.strengths").STRENGTHS.names()
    )
    assert options["stepper"] == pack.module("pdgrad_core.diffusion.steppers").STEPPERS.names()
    presets = pack.module("pdgrad_core.degradations.presets").PRESETS
    assert options["preset"] == [*presets, "own values"]


def test_the_door_imports_nothing_heavy():
    import subprocess
    import sys

    code = (
        f"import importlib.util, sys; spec = importlib.util.spec_from_file_location('pack', "
        f"{str(ROOT / '__init__.py')!r}); module = importlib.util.module_from_spec(spec); "
        "sys.modules['pack'] = module; spec.loader.exec_module(module); "
        "assert module.WEB_DIRECTORY == './js' and not hasattr(module, 'NODE_CLASS_MAPPINGS'); "
        "print(sorted({'torch', 'numpy', 'cv2', 'lpips'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_node_has_a_help_page_that_names_its_inputs(pack):
    for node_id, node in pack.nodes.items():
        page = (ROOT / "js" / "docs" / f"{node_id}.md").read_text().replace("<wbr>", "")
        schema = node.define_schema()
        assert page.startswith(f"# {schema.display_name}\n")
        for socket in schema.inputs:
            assert f"<code>{socket.id}</code>" in page, f"{node_id}.md does not explain {socket.id}"
        for picture in re.findall(r"\]\((\w+\.jpg)\)", page):
            assert (ROOT / "js" / "docs" / picture).is_file(), picture


def test_every_output_is_explained(pack):
    for node_id, node in pack.nodes.items():
        for socket in node.define_schema().outputs:
            assert socket.tooltip, f"{node_id}.{socket.id}"
