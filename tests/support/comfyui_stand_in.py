"""A stand-in for a ComfyUI host: answers the documented routes, and restores nothing."""

import contextlib
import json
import threading
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from pdgrad_core.albums.executors.comfyui_prompt import face_from, png


class StandIn:
    """Answers as a host does; a face is "restored" by giving its crop back darker.

    Attributes:
        dies_after: Jobs after which it hangs up on everybody; None for never.
        error: (type, message) of an execution error, instead of a result.
    """

    def __init__(self, dies_after=None, error=None, nodes=None, refuses=False):
        self.dies_after, self.error, self.refuses = dies_after, error, refuses
        self.files, self.history, self.prompts = {}, {}, []
        node = {"input": {"optional": {"speed_up": ["COMBO"]}}}
        self.nodes = nodes or dict.fromkeys(
            ("PDGradLoadPhoto", "PDGradRestoreFace", "ImageBatch", "PreviewImage"), node
        )

    def get(self, path, query):
        if path.startswith("/object_info/"):
            kind = path.rpartition("/")[2]
            return {kind: self.nodes[kind]} if kind in self.nodes else {}
        if path.startswith("/history/"):
            number = path.rpartition("/")[2]
            return {number: self.history[number]} if number in self.history else {}
        if path == "/queue":
            return {"queue_running": [], "queue_pending": []}
        assert path == "/view"
        return self.files[query["filename"][0]]

    def upload(self, name, subfolder, data):
        self.files[f"{subfolder}/{name}"] = data
        return {"name": name, "subfolder": subfolder, "type": "input"}

    def prompt(self, prompt):
        self.prompts.append(prompt)
        number = str(len(self.prompts))
        outputs = {}
        for node, one in prompt.items():
            if one["class_type"] == "PreviewImage":
                restore = prompt[one["inputs"]["images"][0]]["inputs"]
                loaded = prompt[restore["photo"][0]]["inputs"]["photo"]
                face = face_from(self.files[loaded], 64)
                shown = f"{number}-{node}.png"
                self.files[shown] = png(face * 0.5 - 0.5)
                outputs[node] = {"images": [{"filename": shown, "subfolder": "", "type": "temp"}]}
        status = {"status_str": "success", "completed": True, "messages": []}
        if self.error:
            kind, said = self.error
            data = {"exception_type": kind, "exception_message": said}
            status = {"status_str": "error", "messages": [["execution_error", data]]}
            outputs = {}
        self.history[number] = {"outputs": outputs, "status": status}
        return {"prompt_id": number}


class Handler(BaseHTTPRequestHandler):
    host = None

    def dead(self):
        host = self.host
        if host.dies_after is not None and len(host.prompts) > host.dies_after:
            self.close_connection = True
            return True
        return False

    def answer(self, found, status=200):
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if not self.dead():
            parts = urlsplit(self.path)
            self.answer(self.host.get(parts.path, parse_qs(parts.query)))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/prompt" and self.host.refuses:
            wrong = {"errors": [{"details": "tau cannot be 2000"}]}
            self.answer({"error": {"message": "invalid"}, "node_errors": {"1": wrong}}, 400)
            return
        found = {}
        if self.path == "/upload/image":
            found = self.uploaded(body)
        elif self.path == "/prompt":
            found = self.host.prompt(json.loads(body)["prompt"])
        if not self.dead():
            self.answer(found)

    def uploaded(self, body):
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = {
            part.get_param("name", header="content-disposition"): part
            for part in message_from_bytes(head + body).get_payload()
        }
        image, subfolder = parts["image"], parts["subfolder"].get_payload()
        return self.host.upload(image.get_filename(), subfolder, image.get_payload(decode=True))

    def log_message(self, *args):
        pass


class Listener(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Say nothing: clients that hang up are part of what is tested."""


@contextlib.contextmanager
def serving(host):
    """Run a stand-in on a free port of 127.0.0.1 and return its address."""
    handler = type("Own", (Handler,), {"host": host})
    with Listener(("127.0.0.1", 0), handler) as listener:
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.server_port}"
        finally:
            listener.shutdown()
            thread.join()
