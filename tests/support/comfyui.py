"""A real ComfyUI on loopback with the pack linked in: starting, queueing, listening."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]

PREVIEW = 4
"""Kind of a binary message: an image with metadata; 1 is one without."""


@dataclass
class Run:
    """What one queued prompt did.

    Attributes:
        status: "success", "error" or "interrupted".
        outputs: What each node showed, by node id.
        events: (type, data) of every message about it.
        previews: Number of preview images.
        message: The exception's message, where there was one.
        seconds: From queueing to the end.
    """

    status: str = ""
    outputs: dict = field(default_factory=dict)
    events: list = field(default_factory=list)
    previews: int = 0
    message: str = ""
    seconds: float = 0.0

    @property
    def executed(self):
        """Nodes that ran and were not taken from the cache, in order."""
        return [data["node"] for kind, data in self.events if kind == "executing" and data["node"]]


class ComfyUI:
    """A server process.

    Its models, inputs, outputs and custom nodes lie in a folder of its own; the checkout is not
    touched.

    Args:
        checkout: Where main.py lies.
        folder: An empty folder.
        pack: The pack to link in.
        others: Further packs: the source of their `__init__.py` by name.

    $COMFYUI_FRONTEND names the folder of another frontend than the one installed.
    """

    def __init__(self, checkout, folder, pack=ROOT, others=None):
        self.folder = folder
        for name in ("custom_nodes", "input", "output", "models", "temp", "user"):
            (folder / name).mkdir(parents=True)
        (folder / "custom_nodes" / "pdgrad").symlink_to(pack)
        for name, source in (others or {}).items():
            (folder / "custom_nodes" / name).mkdir()
            (folder / "custom_nodes" / name / "__init__.py").write_text(source)
        example = checkout / "input" / "example.png"
        if example.is_file():
            shutil.copy(example, folder / "input")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        command = [
            *(sys.executable, "main.py", "--cpu", "--listen", "127.0.0.1", "--disable-auto-launch"),
            *("--port", str(self.port), "--base-directory", str(folder)),
            *("--preview-method", "auto"),
        ]
        if os.environ.get("COMFYUI_FRONTEND"):
            command += ["--front-end-root", os.environ["COMFYUI_FRONTEND"]]
        self.log = folder / "log.txt"
        # One arena: glibc's others make resident memory go up and down by 100 MB.
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, cwd=checkout, stdout=log, stderr=subprocess.STDOUT, env=environment
            )
        self._wait()

    def _wait(self):
        for _ in range(600):
            if self.process.poll() is not None:
                break
            try:
                self.get("/system_stats")
                return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.5)
        self.stop()
        raise RuntimeError(f"ComfyUI did not start:\n{self.log.read_text()[-3000:]}")

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return json.load(answer)

    def post(self, path, data):
        """Return (status, answer)."""
        body = json.dumps(data).encode()
        request = urllib.request.Request(
            self.url + path, body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else {}
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def image(self, shown):
        """Return one shown image's pixels as a Pillow picture."""
        from io import BytesIO
        from urllib.parse import urlencode

        from PIL import Image

        with urllib.request.urlopen(f"{self.url}/view?{urlencode(shown)}", timeout=20) as answer:
            return Image.open(BytesIO(answer.read())).convert("RGB")

    def memory_mb(self):
        """Return the process's resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def run(self, prompt, cancel_after=None, seconds=300):
        """Queue a prompt in API format and listen until it ends.

        Args:
            prompt: `{id: {class_type, inputs}}`.
            cancel_after: Progress steps of any node after which Cancel is pressed.
            seconds: The longest it may take.
        """
        return asyncio.run(asyncio.wait_for(self._run(prompt, cancel_after), seconds))

    async def _run(self, prompt, cancel_after):
        import aiohttp

        run, start = Run(), time.monotonic()
        client = f"test-{start}"
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{self.url}/ws?clientId={client}", max_msg_size=0) as page,
        ):
            status, answer = await asyncio.to_thread(
                self.post, "/prompt", {"prompt": prompt, "client_id": client}
            )
            if status != 200:
                run.status, run.message = "refused", json.dumps(answer)
                return run
            number = answer["prompt_id"]
            async for message in page:
                if message.type == aiohttp.WSMsgType.BINARY:
                    run.previews += int.from_bytes(message.data[:4], "big") in (1, PREVIEW)
                    continue
                kind, data = (json.loads(message.data)[key] for key in ("type", "data"))
                run.events.append((kind, data))
                if kind == "progress" and cancel_after and data["value"] >= cancel_after:
                    cancel_after = None
                    await asyncio.to_thread(self.post, "/interrupt", {})
                if kind == "executed":
                    run.outputs[data["node"]] = data["output"] or {}
                if kind.startswith("execution_") and data.get("prompt_id") == number:
                    ending = kind.removeprefix("execution_")
                    if ending in ("success", "error", "interrupted"):
                        run.status = ending
                        run.message = data.get("exception_message", "")
                        break
        run.seconds = time.monotonic() - start
        return run
