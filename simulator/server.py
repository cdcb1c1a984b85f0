"""The HTTP server: reads a request, finds who answers it, writes the reply or hangs up."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from simulator.control import Control
from simulator.gateway import Gateway, conduct
from simulator.messages import Reply, Request, json_reply
from simulator.store import Store

BODY_LIMIT = 4 * 1024 * 1024


class SimulatorServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        *,
        store: Store,
        gateways: Sequence[Gateway],
        stopping: threading.Event,
    ) -> None:
        super().__init__(address, Handler)
        self.store = store
        self.gateways = gateways
        self.control = Control(store, gateways)
        self.stopping = stopping

    def server_bind(self) -> None:
        """Without the look-up of our own name, which waits for a DNS server that may not be."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "simulator", int(self.server_address[1])

    def answer(self, request: Request) -> Reply | None:
        """This function will answer a request; None means: hang up without a word."""
        if request.path.startswith("/control/"):
            return self.control.handle(request)
        if request.path == "/healthz":
            return json_reply(200, {"status": "ok"})
        for gateway in self.gateways:
            for operation in gateway.operations:
                if match := operation.is_for(request):
                    return conduct(
                        store=self.store,
                        gateway=gateway,
                        operation=operation,
                        request=request,
                        path_argument=unquote("".join(match.groups())),
                        stopping=self.stopping,
                    )
        return json_reply(404, {"code": "NOT_FOUND", "message": "There is no such path."})


class Handler(BaseHTTPRequestHandler):
    server: SimulatorServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    #: Headers and body leave in one packet.
    wbufsize = -1
    #: An idle connection is closed after this many seconds.
    timeout = 60

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def _handle(self) -> None:
        body = self._read_body()
        if body is None:
            message = f"The body needs a Content-Length of at most {BODY_LIMIT}."
            self._write(json_reply(413, {"code": "PARAM_ERROR", "message": message}))
            self.close_connection = True
            return
        address = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=address.path,
            query=dict(parse_qsl(address.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            peer=str(self.client_address[0]),
            target=self.path,
        )
        reply = self.server.answer(request)
        if reply is None:
            self.close_connection = True
        else:
            self._write(reply)

    def _read_body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if (
            not length.isdecimal()
            or int(length) > BODY_LIMIT
            or self.headers.get("Transfer-Encoding")
        ):
            return None
        return self.rfile.read(int(length))

    def _write(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: the ledger is the log."""
