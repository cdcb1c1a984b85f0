"""A whole desk of a test's own: real processes, a real broker, on the suite's database engine."""

import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
CHILDREN = {"valkey", "simulator", "web", "worker", "timers", "beat"}


@contextmanager
def fresh_database() -> Iterator[str]:
    """This function will yield a DATABASE_URL: of an empty database on the server that the suite
    runs on, or "" for SQLite in the desk's own folder."""
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        yield ""
        return
    name = f"desk_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> float:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "waited in vain"
        time.sleep(0.02)
    return time.monotonic() - started


class Desk:
    """One copy of the desk, started the way `./run` starts it."""

    def __init__(self, data: Path, database_url: str = "") -> None:
        self.data, self.port, self.database_url = data, free_port(), database_url
        self.process: subprocess.Popen[str] | None = None
        self.output = data.with_name(f"{data.name}.out")

    def start(self) -> float:
        started = time.monotonic()
        self.process = self.popen()
        wait_until(self.answers, 240)
        return time.monotonic() - started

    def environment(self) -> dict[str, str]:
        """What every process of this copy is given."""
        return {
            "PATH": os.environ["PATH"],
            "HELPDESK_EMBEDDED": "1",
            "HELPDESK_DATA": str(self.data),
            "PORT": str(self.port),
            # Whatever .env says in a developer's checkout:
            **dict.fromkeys(["REDIS_URL", "CELERY_BROKER_URL", "SITE_URL", "SECRET_KEY"], ""),
            "DATABASE_URL": self.database_url,
            "DEMO": "1",
        }

    def popen(self, **changes: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "helpdesk.embedded"],
            cwd=ROOT,
            env=self.environment() | changes,
            stdout=self.output.open("a"),
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.output.read_text()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def is_up(self) -> bool:
        """Everything answers, and the person at the terminal was told so."""
        return "The desk is up" in self.output.read_text()

    def children(self) -> dict[str, int]:
        try:
            record = json.loads((self.data / "processes.json").read_text())
        except FileNotFoundError:
            return {}
        return {child["name"]: child["pid"] for child in record["children"]}

    def everyone(self) -> list[str]:
        """Every process that was given this copy's folder, at whatever depth."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if (
                    entry.name.isdigit()
                    and f"={self.data}\0".encode() in (entry / "environ").read_bytes()
                ):
                    found.append((entry / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
        return found

    def stop(self, signum: int = signal.SIGTERM) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signum)
            self.process.wait(60)
