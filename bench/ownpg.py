"""A PostgreSQL of the bench's own that can be stopped the hard way and comes back with every
commit it confirmed."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from helpdesk.lifeline import die_with_parent
from tests.postgres import copy_package, find_package, init_data, unprivileged_account

#: Every commit is on the disk before it is confirmed, as in production.
SETTINGS = ["max_connections=120", "synchronous_commit=on", "fsync=on", "max_wal_size=512MB"]


class OwnPostgres:
    """One server on a socket in a folder of its own."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bench-pg-"))
        package: Path = find_package()
        self._account: dict[str, Any] = {}
        if os.geteuid() == 0:
            package = copy_package(package, self.folder / "install")
            self._account = unprivileged_account()
            os.chown(self.folder, self._account["user"], self._account["group"])
        self._binaries = package / "pginstall" / "bin"
        init_data(self._binaries, self.folder / "data", self._account)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgres://postgres@/postgres?host={self.folder}"

    def start(self) -> None:
        parent = os.getpid()
        settings = [part for setting in SETTINGS for part in ("-c", setting)]
        folder = str(self.folder)
        command = [str(self._binaries / "postgres"), "-D", f"{folder}/data", "-k", folder, "-h", ""]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *settings],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                process_group=0,
                preexec_fn=lambda: die_with_parent(parent, signal.SIGINT),
                **self._account,
            )
        self.wait_until_ready()

    def wait_until_ready(self, seconds: float = 120.0) -> None:
        end = time.monotonic() + seconds
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                assert time.monotonic() < end, (self.folder / "log").read_text(errors="replace")
                time.sleep(0.05)

    def crash(self) -> None:
        """This function will stop it at once: nothing is flushed, clients are cut off."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)  # what PostgreSQL calls an immediate shutdown
        self._process.wait(60)

    def remove(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)
