"""Any life of a desk keeps every promise: the state machine of tests/test_invariants.py, as long as
nobody wants to wait for it every day."""

import argparse
import os
import re
import subprocess
import sys
import time

from bench.inside import ROOT
from bench.machine import describe_machine, describe_versions
from bench.postgres import own_database
from bench.results import NothingMeasured, Result

SEQUENCES, STEPS = 2000, 50
QUICK_SEQUENCES, QUICK_STEPS = 5, 20


def run(options: argparse.Namespace) -> Result:
    """This function will let Hypothesis make up lives on PostgreSQL and judge every step."""
    sequences = options.n or (QUICK_SEQUENCES if options.quick else SEQUENCES)
    steps = QUICK_STEPS if options.quick else STEPS
    machine = describe_machine()
    with own_database("model") as url:
        result = Result("model", machine, describe_versions(url))
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider",
             "tests/test_invariants.py"],
            cwd=ROOT,
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith("HELPDESK_")},
                "DATABASE_URL": url,
                "TEST_DB_NAME": f"test_{url.rpartition('/')[2]}",
                "INVARIANTS": f"{sequences}x{steps}",
            },
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        seconds = time.monotonic() - started
    passed = re.search(r"(\d+) passed", done.stdout)
    if not passed and "failed" not in done.stdout:
        raise NothingMeasured(done.stdout[-2000:] + done.stderr[-2000:])
    result.setup = {"sequences": sequences, "steps": steps, "quick": options.quick}
    result.row("sequences", sequences, "sequences")
    result.row("steps of each, at most", steps, "steps")
    result.row("time", seconds, "s")
    broken = int(done.returncode != 0)
    result.promise("lives that break a promise", "0", broken, not broken, done.stdout[-3000:])
    return result
