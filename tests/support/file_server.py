"""A web server on this machine that sends one file, well or badly."""

import contextlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """What the server sends and what it was asked.

    Attributes:
        content: The file.
        ranges: Whether it honours Range headers.
        sends_length: Whether it states Content-Length.
        stops_after: Bytes of the body after which it closes the connection; None for all.
        status: Status of every answer; None for the ordinary ones.
        claims_length: What it states as Content-Length; None for the truth.
        asked: The Range header of each request, None where there was none.
    """

    content: bytes
    ranges: bool = True
    sends_length: bool = True
    stops_after: int | None = None
    status: int | None = None
    claims_length: str | None = None
    asked: list[str | None] = field(default_factory=list)
    url: str = ""

    def answer(self, request):
        header = request.headers.get("Range")
        self.asked.append(header)
        if self.status is not None:
            request.send_error(self.status)
            return
        start = int(header.removeprefix("bytes=").split("-")[0]) if header and self.ranges else 0
        size = len(self.content)
        if start and start >= size:
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{size}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        if self.sends_length:
            request.send_header("Content-Length", self.claims_length or str(size - start))
        request.end_headers()
        body = self.content[start:]
        request.wfile.write(body if self.stops_after is None else body[: self.stops_after])
        request.close_connection = True


@contextlib.contextmanager
def serving(server):
    """Run a FileServer on a free port of 127.0.0.1 and set its `url`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.answer(self)

        def log_message(self, *args):
            pass

    class Listener(ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            """Say nothing: a client that hangs up is part of what is tested."""

    with Listener(("127.0.0.1", 0), Handler) as listener:
        server.url = f"http://127.0.0.1:{listener.server_port}/file.pth"
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()
