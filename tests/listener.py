"""An address that providers can be given for their news: it keeps what comes.

with Listener() as ears:
    ears.url                 # hand this out
    letter = ears.wait()     # .path .headers (lower case) .body
    ears.status = 500        # what it answers from now on
"""

import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Letter:
    path: str
    headers: Mapping[str, str]
    body: bytes


class Listener:
    def __init__(self) -> None:
        self.status = 200
        #: Paths that were asked for by GET.
        self.gets: list[str] = []
        self._letters: queue.Queue[Letter] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._make_handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Listener":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self, within: float = 10) -> Letter:
        """The next letter, oldest first."""
        return self._letters.get(timeout=within)

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(listener.status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                listener._letters.put(Letter(self.path, headers, body))

            def do_GET(self) -> None:
                listener.gets.append(self.path)
                self.send_response(listener.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        return Handler
