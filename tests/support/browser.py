"""ComfyUI's page in headless Chromium: loading a workflow, running it, looking at it."""

import json
import shutil
import time
from contextlib import contextmanager

CHROMIUM = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)

SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.Minimap.Visible": False,
    "Comfy.Workflow.ShowMissingModelsWarning": False,
    "Comfy.Graph.CanvasInfo": False,
    "LiteGraph.Canvas.LowQualityRenderingZoomThreshold": 0.05,
}

FIT = """([ids, margin]) => {
  const canvas = window.app.canvas;
  const room = canvas.canvas.getBoundingClientRect();
  const nodes = window.app.graph.nodes.filter((n) => !ids || ids.includes(String(n.id)));
  let [left, top, right, bottom] = [1e9, 1e9, -1e9, -1e9];
  for (const n of nodes) {
    left = Math.min(left, n.pos[0]); top = Math.min(top, n.pos[1] - 30);
    right = Math.max(right, n.pos[0] + n.size[0]); bottom = Math.max(bottom, n.pos[1] + n.size[1]);
  }
  const across = (room.width - 2 * margin) / (right - left);
  const down = (room.height - 2 * margin) / (bottom - top);
  const scale = Math.min(1, across, down);
  canvas.ds.scale = scale;
  canvas.ds.offset[0] = margin / scale - left;
  canvas.ds.offset[1] = margin / scale - top;
  canvas.setDirty(true, true);
  return [
    room.left + margin, room.top + margin, (right - left) * scale, (bottom - top) * scale,
  ];
}"""


class Page:
    """The page of one server, in one browser tab.

    Attributes:
        errors: Messages of exceptions in the page's scripts.
    """

    def __init__(self, page, url):
        self.page, self.url = page, url
        self.errors = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.open()

    def open(self):
        """Load the page, as after pressing F5."""
        self.page.goto(self.url, timeout=180_000)
        ready = "window.app?.graph && window.app.extensionManager && window.app.canvas"
        self.page.wait_for_function(ready, timeout=180_000)
        time.sleep(3)

    def load(self, workflow):
        """Load a workflow in UI format."""
        self.page.evaluate("async (graph) => { await window.app.loadGraphData(graph) }", workflow)
        time.sleep(1.5)

    def prompt(self):
        """Return the graph on the page as it would be queued, `{id: {class_type, inputs}}`."""
        return self.page.evaluate("async () => (await window.app.graphToPrompt()).output")

    def run(self, seconds=180):
        """Press Run and wait until the queue is empty."""
        self.page.evaluate("async () => { await window.app.queuePrompt(0) }")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.5)
            queue = self.page.evaluate("async () => (await fetch('/queue')).json()")
            if not queue["queue_running"] and not queue["queue_pending"]:
                time.sleep(1.5)
                return
        raise TimeoutError(f"the workflow did not end in {seconds} s")

    def points(self):
        """Return the number of points that each sampler's plot shows."""
        script = "() => [...document.querySelectorAll('.pdgrad-plot')].map(e => +e.dataset.points)"
        return self.page.evaluate(script)

    def texts(self):
        """Return the texts shown on nodes."""
        script = "() => [...document.querySelectorAll('.pdgrad-text')].map(e => e.textContent)"
        return self.page.evaluate(script)

    def picture(self, path, nodes=None, margin=110):
        """Write a screenshot of the graph, or of some nodes by id, cropped to them."""
        x, y, width, height = self.page.evaluate(FIT, [nodes, margin])
        time.sleep(1.0)
        rim = 6 if nodes else 20
        clip = {"x": x - rim, "y": y - rim, "width": width + 2 * rim, "height": height + 2 * rim}
        self.page.screenshot(path=path, clip=clip)


@contextmanager
def open_page(url, width=1700, height=1000):
    """Open a server's page; what greets new users is switched off."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": width, "height": height})
        for name, value in SETTINGS.items():
            tab.request.post(f"{url}/settings/{name}", data=json.dumps(value))
        try:
            yield Page(tab, url)
        finally:
            browser.close()
