"""The page of a real ComfyUI in headless Chromium: every workflow loaded, one run."""

import json
import os
from pathlib import Path

import pytest
from browser import CHROMIUM, open_page
from comfyui import ComfyUI

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / "workflows").glob("*.json"))

pytestmark = [pytest.mark.host, pytest.mark.timeout(900)]


def workflow(name):
    return json.loads((ROOT / "workflows" / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    pytest.importorskip("playwright", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    if not (ROOT / "pdgrad_core" / "embedded" / "weights" / "prior.safetensors").is_file():
        pytest.skip("the embedded demo weights are not here")
    checkout = Path(os.environ.get("COMFYUI_PATH", "~/comfy/ComfyUI")).expanduser()
    host = ComfyUI(checkout, tmp_path_factory.mktemp("page") / "base")
    try:
        with open_page(host.url) as page:
            yield page
    finally:
        host.stop()


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_a_loaded_workflow_queues_what_its_api_format_says(page, file):
    page.load(json.loads(file.read_text()))
    api = json.loads((file.parent / "api" / file.name).read_text())
    found = page.prompt()
    assert set(found) == set(api)
    for number, node in api.items():
        assert found[number]["class_type"] == node["class_type"]
        # The page adds inputs of its own where it shows a text.
        inputs = {name: found[number]["inputs"].get(name) for name in node["inputs"]}
        assert inputs == node["inputs"], node["class_type"]


def test_a_wired_workflow_runs_and_its_trace_survives_a_reload(page, tmp_path):
    page.load(workflow("Method - PDGrad with several references"))
    page.picture(tmp_path / "all.png")  # newer pages hold only what is in view
    assert page.points() == [0]
    page.run()
    assert page.points() == [50]
    assert any("PSNR" in text for text in page.texts())
    page.picture(tmp_path / "graph.png")
    assert (tmp_path / "graph.png").stat().st_size > 20_000
    kept = page.page.evaluate("() => window.app.graph.serialize()")
    page.open()
    page.load(kept)
    page.picture(tmp_path / "all.png")
    assert page.points() == [50]
    assert any("PSNR" in text for text in page.texts())


def test_widget_values_are_not_shifted_by_what_the_nodes_show(page):
    page.load(workflow("3 Restore with any combination"))
    kept = page.page.evaluate("() => window.app.graph.serialize()")
    values = {node["id"]: node.get("widgets_values") for node in kept["nodes"]}
    for node in workflow("3 Restore with any combination")["nodes"]:
        if node["type"].startswith("PDGrad"):
            assert values[node["id"]] == node["widgets_values"], node["type"]


def test_the_trace_reaches_a_sampler_inside_a_subgraph(page):
    page.load(workflow("Mix - upscale and compare"))
    page.page.evaluate(
        """() => {
          const graph = window.app.graph;
          const node = graph.nodes.find((one) => one.comfyClass === "PDGradDDPMSampler");
          graph.convertToSubgraph(new Set([node]));
        }"""
    )
    page.run()
    points = page.page.evaluate(
        """() => window.app.graph.nodes.flatMap((one) => one.subgraph?.nodes ?? [])
          .map((one) => one.properties.pdgrad_trace?.t.length)"""
    )
    assert 25 in points


def test_nodes_have_their_stages_colours_and_the_pack_throws_nothing(page):
    page.load(workflow("3 Restore with any combination"))
    colours = page.page.evaluate(
        """() => Object.fromEntries(window.app.graph.nodes
          .filter((one) => one.comfyClass?.startsWith("PDGrad"))
          .map((one) => [one.comfyClass, one.color]))"""
    )
    assert all(colours.values()), colours
    assert colours["PDGradLoadPrior"] != colours["PDGradDDPMSampler"]
    assert not [message for message in page.errors if "pdgrad" in message]


def test_wires_have_colours_of_their_own(page):
    page.load(workflow("3 Restore with any combination"))
    colours = page.page.evaluate(
        """() => {
          const map = window.app.canvas.constructor.link_type_colors;
          const root = getComputedStyle(document.documentElement);
          const types = Object.keys(map).filter((one) => /^PDG_[A-Z]+$/.test(one));
          return types.map((one) => [
            map[one],
            window.app.canvas.default_connection_color_byType[one],
            root.getPropertyValue(`--color-datatype-${one}`).trim(),
          ]);
        }"""
    )
    assert len(colours) == len({link for link, _, _ in colours}) == 10
    for link, slot, vue in colours:
        assert link == slot == vue
        assert link.startswith("#")


def test_restore_face_shows_before_and_after(page, tmp_path):
    page.load(workflow("1 Restore a face"))
    look = """() => {
      const view = document.querySelector(".pdgrad-compare");
      const images = [...view.querySelectorAll("img")];
      return {
        pairs: view.dataset.pairs, split: view.dataset.split, height: view.clientHeight,
        loaded: images.map((one) => one.naturalWidth), clip: images[1].style.clipPath,
      };
    }"""
    assert page.page.evaluate(look)["pairs"] == "0"
    page.run()
    # The host has finished; the page still has to hear of it and to load two pictures.
    page.page.wait_for_function(f"() => ({look})().loaded.every((width) => width > 0)")
    found = page.page.evaluate(look)
    assert (found["pairs"], found["split"], found["loaded"]) == ("1", "50", [64, 64])
    assert found["height"] >= 200
    page.page.evaluate(
        """() => {
          const view = document.querySelector(".pdgrad-compare");
          const place = view.getBoundingClientRect();
          const clientX = place.left + place.width * 0.25;
          view.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY: place.top + 5 }));
        }"""
    )
    moved = page.page.evaluate(look)
    assert moved["split"] == "25"
    assert moved["clip"].endswith("25%)")
    kept = page.page.evaluate("() => window.app.graph.serialize()")
    node = next(one for one in kept["nodes"] if one["type"] == "PDGradRestoreFace")
    values = next(
        one["widgets_values"]
        for one in workflow("1 Restore a face")["nodes"]
        if one["type"] == "PDGradRestoreFace"
    )
    assert node["widgets_values"] == values


def test_the_plot_is_drawn_at_its_own_size(page, tmp_path):
    page.load(workflow("3 Restore with any combination"))
    page.picture(tmp_path / "all.png")  # brings every node into view
    sizes = page.page.evaluate(
        """() => [...document.querySelectorAll(".pdgrad-plot")].map((one) => [
          one.width, one.height, one.clientWidth * devicePixelRatio,
          one.clientHeight * devicePixelRatio,
        ])"""
    )
    assert sizes
    for width, height, shown_width, shown_height in sizes:
        assert abs(width - shown_width) <= 1
        assert abs(height - shown_height) <= 1


def test_a_wrong_number_is_said_once_beside_its_input(page):
    page.load(workflow("1 Restore a face"))
    refused = page.page.evaluate(
        """async () => {
          const node = window.app.graph.nodes.find((one) => one.comfyClass === "PDGradRestoreFace");
          const set = { tau: 5, steps: 9 };
          for (const one of node.widgets) if (one.name in set) one.value = set[one.name];
          await window.app.queuePrompt(0);
          return { id: node.id, errors: window.app.lastNodeErrors };
        }"""
    )
    page.page.keyboard.press("Escape")
    (found,) = refused["errors"].values()
    assert [one["extra_info"]["input_name"] for one in found["errors"]] == ["tau"]
    assert "there can be 1 to 5 steps" in found["errors"][0]["details"]


def test_texts_are_served_in_chinese(page):
    texts = page.page.evaluate("async () => (await fetch('/i18n')).json()")
    node = texts["zh"]["nodeDefs"]["PDGradRestoreFace"]
    assert node["inputs"]["references"]["name"] == "参考图"
    assert texts["en"]["nodeDefs"]["PDGradRestoreFace"]["inputs"]["references"]["tooltip"]


def test_help_pages_are_served_with_their_pictures(page):
    for node in ("PDGradDDPMSampler", "PDGradLossBuilder"):
        for ending in ("md", "jpg"):
            answer = page.page.request.get(f"{page.url}/extensions/pdgrad/docs/{node}.{ending}")
            assert answer.ok, f"{node}.{ending}"
