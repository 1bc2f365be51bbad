"""Another package brings one member of every family: found everywhere, and nothing here is edited.

The members lie in tests/plugin, a folder laid out like the package itself.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from networks import images
from small_models import write_small_models

from pdgrad_core.families import FAMILIES
from pdgrad_core.images import load_image, save_image

TESTS = Path(__file__).parents[1]
TOYS = {
    "recipes": "toy_recipe",
    "losses": "toy_loss",
    "combiners": "toy_combiner",
    "contractions": "toy_contraction",
    "restorers": "toy_restorer",
    "priors": "toy_prior",
    "steppers": "toy_stepper",
    "strengths": "toy_strength",
    "features": "toy_network",
    "degradations": "toy_preset",
    "metrics": "toy_metric",
    "objectives": "toy_objective",
    "studies": "toy",
}

SCHEMAS = """
import json, sys, tempfile
from pathlib import Path
import pytest
sys.path.insert(0, {support!r})
from host_double import Pack, describe
with pytest.MonkeyPatch.context() as patch:
    nodes = Pack(Path(tempfile.mkdtemp()), patch).nodes
    print(json.dumps({{name: describe(node.define_schema()) for name, node in nodes.items()}}))
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugins") / "toys"
    shutil.copytree(TESTS / "plugin", folder)
    return folder


def python(plugins, *words, **environment):
    environment = {**os.environ, "PDGRAD_PLUGINS": str(plugins), **environment}
    return subprocess.run(
        [sys.executable, *map(str, words)], env=environment, capture_output=True, text=True
    )


def pdgrad(plugins, *words, **environment):
    return python(plugins, "-m", "pdgrad_core", *words, **environment)


def words_of(text):
    return set(re.findall(r"[\w+-]+", text))


def test_there_is_a_toy_of_every_family():
    assert set(TOYS) == set(FAMILIES) == {path.name for path in (TESTS / "plugin").iterdir()}


def test_every_member_is_listed_with_its_family(plugin):
    found = json.loads(pdgrad(plugin, "methods", "--json").stdout)
    for family, name in TOYS.items():
        assert found[family][name], family
    assert found["studies"]["pdgrad"].startswith("The study of PDGrad: its ablations")
    assert set(TOYS.values()) <= words_of(pdgrad(plugin, "methods", "--help").stdout)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (
            "restore",
            "toy_recipe --amount toy_combiner toy_stepper toy_strength toy_restorer toy_prior",
        ),
        ("degrade", "toy_preset"),
        ("ablate", "toy"),
    ],
)
def test_the_command_line_offers_them(plugin, command, expected):
    assert set(expected.split()) <= words_of(pdgrad(plugin, command, "--help").stdout)


def test_training_knows_the_toys_preset(plugin):
    script = TESTS.parent / "scripts" / "train.py"
    assert "toy_objective" in words_of(python(plugin, script, "--help").stdout)


def test_the_pipeline_runs_a_recipe_of_toys(plugin, tmp_path):
    save_image(images(1, 64, seed=1), tmp_path / "face.png")
    toys = ("--recipe", "toy_recipe", "--amount", "2", "--prior", "toy_prior")
    toys += ("--restorer", "toy_restorer", "--stepper", "toy_stepper")
    toys += ("--strength-mode", "toy_strength", "--aligned", "--models", "demo")
    paths = ("--out", tmp_path / "out.png", "--report", tmp_path / "report.json")
    done = pdgrad(plugin, "restore", tmp_path / "face.png", *toys, *paths, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert load_image(tmp_path / "out.png").shape == (1, 3, 64, 64)
    (photo,) = json.loads((tmp_path / "report.json").read_text())["photos"]
    assert photo["settings"]["recipe"] == "toy_recipe"
    assert photo["settings"]["amount"] == 2
    assert {"toy.loss", "pixels.loss", "toys.cosine"} <= set(photo["trace"][0])
    bad = pdgrad(plugin, "restore", tmp_path / "face.png", *toys, *paths, "--amount", "9")
    assert "amount must be a number from 0 to 5" in bad.stderr


def test_a_degradation_preset_degrades(plugin, tmp_path):
    save_image(images(1, 64, seed=1), tmp_path / "face.png")
    command = ("degrade", tmp_path / "face.png", "--preset", "toy_preset", "--json")
    done = pdgrad(plugin, *command, "--out", tmp_path / "bad.png")
    assert 1 <= json.loads(done.stdout)["noise_delta"] <= 2


@pytest.fixture(scope="module")
def schemas(plugin):
    done = python(plugin, "-c", SCHEMAS.format(support=str(TESTS / "support")))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def options(schemas, node, name):
    (one,) = (socket for socket in schemas[node]["inputs"] if socket["id"] == name)
    return one.get("options")


@pytest.mark.parametrize(
    ("node", "name", "toy"),
    [
        ("PDGradRestoreFace", "recipe", "toy_recipe"),
        ("PDGradRestoreFace", "restorer", "toy_restorer"),
        ("PDGradGradientSurgery", "method", "toy_combiner"),
        ("PDGradDDPMSampler", "stepper", "toy_stepper"),
        ("PDGradDDPMSampler", "strength_mode", "toy_strength"),
        ("PDGradLoadPrior", "weights", "toy_prior"),
        ("PDGradLoadRestorer", "weights", "toy_restorer"),
        ("PDGradLoadFeatures", "toy_network", "toy_network"),
        ("PDGradDegrade", "preset", "toy_preset"),
    ],
)
def test_the_nodes_offer_them(schemas, node, name, toy):
    assert toy in options(schemas, node, name)


def test_a_loss_and_a_contraction_have_nodes_with_their_parameters(schemas):
    loss = {one["id"]: one for one in schemas["PDGradToyLoss"]["inputs"]}
    assert list(loss) == ["features", "image", "weight", "sharpness", "name"]
    assert (loss["sharpness"]["min"], loss["sharpness"]["max"]) == (0.1, 10.0)
    contraction = [one["id"] for one in schemas["PDGradToyContraction"]["inputs"]]
    assert contraction == ["image", "mask", "previous", "weight"]
    surgery = [one["id"] for one in schemas["PDGradGradientSurgery"]["inputs"]]
    assert surgery[-2:] == ["method_seed", "method_share"]


def test_no_node_of_ours_changes_but_by_what_is_appended(schemas):
    ours = json.loads((TESTS / "nodes" / "schemas.json").read_text())
    for node, known in ours.items():
        ids = [one["id"] for one in known["inputs"]]
        assert [one["id"] for one in schemas[node]["inputs"]][: len(ids)] == ids


CONTRACTS = [
    "recipes/test_contract.py",
    "losses/test_losses.py",
    "combiners/test_combiners.py",
    "contractions/test_contract.py",
    "restorers/test_contract.py",
    "diffusion/test_priors.py",
    "diffusion/test_steppers.py",
    "guidance/test_strength.py",
    "features/test_contract.py",
    "degradations/test_presets.py",
    "metrics/test_metrics.py",
    "training/test_layout.py",
    "evidence/test_studies.py",
]


def test_the_contract_tests_of_every_family_run_for_the_toys(plugin):
    tests = [TESTS / "core" / name for name in CONTRACTS]
    done = python(plugin, "-m", "pytest", "-q", "-k", "toy", "-rA", *tests)
    assert done.returncode == 0, done.stdout[-3000:]
    passed = [line for line in done.stdout.splitlines() if line.startswith("PASSED")]
    for name in CONTRACTS:
        assert any(name in line for line in passed), name


def test_an_installed_package_is_found_by_its_entry_point(plugin, tmp_path):
    shutil.copytree(plugin, tmp_path / "toy_package" / "pdgrad")
    (tmp_path / "toy_package" / "__init__.py").touch()
    (tmp_path / "toy_package" / "pdgrad" / "__init__.py").touch()
    info = tmp_path / "toy_package-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-package\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[pdgrad.plugins]\ntoys = toy_package.pdgrad\n")
    done = pdgrad("", "methods", "losses", "recipes", PYTHONPATH=str(tmp_path))
    assert {"toy_loss", "toy_recipe"} <= words_of(done.stdout), done.stderr
    for gone in ("toy_package.gone", "gone.pdgrad", "gone"):
        (info / "entry_points.txt").write_text(f"[pdgrad.plugins]\ntoys = {gone}\n")
        lost = pdgrad("", "methods", "losses", PYTHONPATH=str(tmp_path))
        assert lost.returncode == 1
        said = f"pdgrad: The entry point 'toys' of the group 'pdgrad.plugins' names '{gone}'"
        assert lost.stderr.startswith(said)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("losses/broken.py", "1 / 0", "broken.py cannot be loaded (ZeroDivisionError"),
        ("losses/pixel.py", "", "has the name of a module of"),
        (
            "combiners/again.py",
            "from .base import COMBINERS, Combiner\n"
            "@COMBINERS.register('sum')\nclass Again(Combiner): ...",
            "Two combiner classes are named 'sum'",
        ),
        (
            "recipes/clash.py",
            "from dataclasses import dataclass\n"
            "from typing import Annotated\n"
            "from ..parameters import Param\n"
            "from .base import RECIPES, Recipe\n"
            "@dataclass(frozen=True, kw_only=True)\n"
            "class Clash(Recipe):\n"
            "    device: Annotated[float, Param(0, 1)] = 0.0\n"
            "RECIPES.add('clash', Clash(name='clash', title='Clash'))\n",
            "The parameter 'device' of clash would be the option --device, which this command has",
        ),
    ],
)
def test_a_plugin_that_cannot_be_used_is_one_sentence(tmp_path, file, text, message):
    path = tmp_path / "plugin" / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    done = pdgrad(tmp_path / "plugin", "restore", "--help")
    assert done.returncode == 1
    assert done.stderr.startswith("pdgrad: ") and message in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path):
    done = pdgrad(tmp_path / "gone", "methods", "losses")
    assert done.returncode == 1
    assert done.stderr.startswith("pdgrad: PDGRAD_PLUGINS names ")
    assert done.stderr.endswith("gone, which is no folder; mend or unset it.\n")


def test_without_plugins_there_is_no_toy(tmp_path):
    write_small_models(tmp_path / "models")
    assert "toy" not in pdgrad("", "methods").stdout
