"""One exchange ends in time and in bounds, whatever the other side does."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from orders.wire import ANSWER_LIMIT, NoAnswer, exchange, mask_payload

HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


@pytest.fixture
def server() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """A server whose one connection is handled as the test says."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()

    def serve(handle: Callable[[socket.socket], None]) -> str:
        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                try:
                    handle(connection)
                except OSError:
                    return  # The client hung up, as it should.

        threading.Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    yield serve
    listener.close()


def test_a_server_that_drips_does_not_hold_us(server):
    def drip(connection: socket.socket) -> None:
        connection.sendall(HEAD)
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)

    begun = time.monotonic()
    with pytest.raises(NoAnswer, match="longer than"):
        exchange("GET", server(drip), timeout=0.3)
    assert time.monotonic() - begun < 2


def test_an_endless_answer_is_cut(server):
    def flood(connection: socket.socket) -> None:
        connection.sendall(HEAD)
        while True:
            connection.sendall(b"x" * 65536)

    with pytest.raises(NoAnswer, match=f"larger than {ANSWER_LIMIT}"):
        exchange("GET", server(flood), timeout=5)


@pytest.mark.parametrize("answer", [b"", b"not http\r\n\r\n", HEAD.replace(b"200", b"2")])
def test_an_answer_that_is_none(server, answer):
    with pytest.raises(NoAnswer):
        exchange("GET", server(lambda connection: connection.sendall(answer)), timeout=1)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://", "nonsense", "http://[::1/"])
def test_an_address_where_nobody_is(url):
    with pytest.raises(NoAnswer):
        exchange("GET", url, timeout=1)


def test_a_redirect_is_not_followed(server):
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    answer = exchange("GET", server(lambda connection: connection.sendall(moved)), timeout=1)
    assert answer.status == 302
    assert answer.json() is None


def test_masks():
    payload = {"account": "13800001234", "name": "张伟", "sign": "S", "status": "success", "n": 1}
    assert mask_payload(payload) == {
        "account": "138****1234",
        "name": "张*",
        "status": "success",
        "n": 1,
    }
