"""The Fetch Weights tab in a real ComfyUI's page: shown first, fetched on a click, checked."""

import hashlib
import json
import os
from pathlib import Path
from urllib.parse import urljoin

import pytest
from browser import CHROMIUM, open_page
from comfyui import ComfyUI
from file_server import FileServer, serving

pytestmark = [pytest.mark.host, pytest.mark.timeout(600)]

CONTENT = b"weights" * 300_000

SERVED = """
# Lets the pack's catalogue point to a server on this machine, as soon as it is loaded.
import sys, threading, time
from dataclasses import replace

NODE_CLASS_MAPPINGS = {{}}

def redirect():
    while True:
        for name, module in list(sys.modules.items()):
            ours = name.endswith("pdgrad.pdgrad_core.weights.catalogue")
            if ours and hasattr(module, "weight_file"):
                module.CATALOGUE = tuple(
                    replace(one, url={url!r}, size_bytes={size}, sha256={sha256!r})
                    if one.url else one
                    for one in module.CATALOGUE
                )
                return
        time.sleep(0.02)

threading.Thread(target=redirect, daemon=True).start()
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    pytest.importorskip("playwright", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    checkout = Path(os.environ.get("COMFYUI_PATH", "~/comfy/ComfyUI")).expanduser()
    base = tmp_path_factory.mktemp("fetch") / "base"
    patch = pytest.MonkeyPatch()
    # Nothing that lies elsewhere on this machine is found.
    patch.setenv("HOME", str(base.parent))
    patch.setenv("no_proxy", "127.0.0.1")
    with serving(FileServer(CONTENT)) as files:
        sha256 = hashlib.sha256(CONTENT).hexdigest()
        source = SERVED.format(url=files.url, size=len(CONTENT), sha256=sha256)
        host = ComfyUI(checkout, base, others={"local_weights": source})
        patch.undo()
        try:
            with open_page(host.url) as page:
                yield page.page, base / "models", files
        finally:
            host.stop()


def test_the_tab_shows_licences_then_fetches_on_a_click(opened, tmp_path):
    page, models, files = opened
    # The frontends name a tab's button in different ways.
    page.locator("[aria-label^='PDGrad: fetch'], .pdgrad-weights-tab-button").first.click()
    page.wait_for_selector(".pdgrad-weights .pdgrad-weight", timeout=60_000)
    text = page.inner_text(".pdgrad-weights")
    for part in ("iddpm_ffhq512_ema500000.pth", "NTU S-Lab License", "Nothing is", "2 MB"):
        assert part in text
    assert str(models / "pdgrad") in text
    button = page.locator(".pdgrad-fetch")
    assert "under the licences above" in button.inner_text()
    assert files.asked == [], "looking is no download"
    rows = page.locator(".pdgrad-weight")
    for index in range(rows.count()):
        if rows.nth(index).get_attribute("data-name") != "vgg16":
            box = rows.nth(index).locator("input[type=checkbox]")
            if box.count():
                box.uncheck()
    assert button.inner_text().startswith("Fetch 1 file (2 MB)")
    page.screenshot(path=tmp_path / "before.png")
    button.click()
    page.wait_for_selector('.pdgrad-weight[data-name="vgg16"][data-state="done"]', timeout=60_000)
    assert (models / "pdgrad" / "vgg16-397923af.pth").read_bytes() == CONTENT
    said = page.inner_text('.pdgrad-weight[data-name="vgg16"] .pdgrad-said')
    assert "its sha256 is the published one" in said
    assert len(files.asked) == 1
    page.screenshot(path=tmp_path / "after.png")
    folder = os.environ.get("PDGRAD_PICTURES")
    if folder:
        for name in ("before", "after"):
            (Path(folder) / f"{name}.png").write_bytes((tmp_path / f"{name}.png").read_bytes())


def test_another_site_cannot_start_a_download(opened):
    page, _, files = opened
    before = list(files.asked)
    answer = page.request.post(
        urljoin(page.url, "/pdgrad/weights/fetch"),
        headers={"Origin": "http://elsewhere.example", "Content-Type": "application/json"},
        data=json.dumps({"names": ["awing"]}),
    )
    assert answer.status == 403
    assert files.asked == before
