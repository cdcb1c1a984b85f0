"""One job in a process of the desk's own kind, on a bench's database.

python -m bench.inside JOB '{"what": "it needs"}'      prints one JSON object
"""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

#: A dispute that has just been opened under the promise has this many clocks running.
CLOCKS = 6
ROOT = Path(__file__).resolve().parent.parent
#: job -> where it is; a function of that name that takes keywords.
JOBS = {
    "prepare_heap": "bench.sweep_jobs",
    "sweep_all": "bench.sweep_jobs",
    "check_heap": "bench.sweep_jobs",
    "prepare_idle": "bench.idle_jobs",
    "tick": "bench.idle_jobs",
    "prepare_drafts": "bench.web_jobs",
    "count_send": "bench.web_jobs",
    "check_sent": "bench.web_jobs",
    "fill_desk": "bench.web_jobs",
    "count_page": "bench.web_jobs",
    "ask_watchdog": "bench.web_jobs",
    "place_timers": "bench.chaos_jobs",
}


def environment(url: str, data: Path) -> dict[str, str]:
    """This function will say what a process of a desk on this database is given."""
    return {
        "PATH": os.environ["PATH"],
        "HELPDESK_EMBEDDED": "1",
        "HELPDESK_DATA": str(data),
        **dict.fromkeys(["REDIS_URL", "CELERY_BROKER_URL", "SITE_URL", "SECRET_KEY"], ""),
        "DATABASE_URL": url,
        "DEMO": "1",
    }


def run_inside(job: str, url: str, data: Path, **asked: Any) -> Any:
    """This function will have one job done and return what it found.

    :raises RuntimeError: it failed; with the end of what it said.
    """
    done = subprocess.run(
        [sys.executable, "-m", "bench.inside", job, json.dumps(asked, default=str)],
        cwd=ROOT,
        env=environment(url, data),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{job} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def migrate(url: str, data: Path) -> None:
    """This function will give an empty database the desk's tables and roles, and the folder what
    its pages link to."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    for command in (["migrate"], ["setup_roles"], ["collectstatic", "--noinput"]):
        subprocess.run(
            [sys.executable, "manage.py", *command, "-v0"],
            cwd=ROOT,
            env=environment(url, data),
            check=True,
            stdout=subprocess.DEVNULL,
        )


def main(job: str, asked: str) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")
    django.setup()
    work = getattr(importlib.import_module(JOBS[job]), job)
    print(json.dumps(work(**json.loads(asked)), default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])
