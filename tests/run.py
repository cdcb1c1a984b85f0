"""`./run test`: the whole suite on SQLite and then on PostgreSQL. Neither is ever skipped.

Tests share the cores; those that run a desk of processes, or judge how quick one is, come
afterwards and have the machine to themselves. With arguments, pytest alone decides.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

NOTHING_COLLECTED = 5
PYTEST = [sys.executable, "-m", "pytest"]
#: The two halves of the suite: every test has a place in exactly one.
SHARES = (["-n", "logical", "-q", "-m", "not alone"], ["-q", "-m", "alone"])


def main(arguments: list[str]) -> int:
    results = [run_suite("SQLite", "", arguments)]
    with postgres_url() as url:
        results.append(run_suite("PostgreSQL", url, arguments))
    print()
    for name, code, seconds in results:
        print(f"{name:<11}{outcome(code)} in {seconds:.0f} s")
    return max(code for _, code, _ in results)


@contextmanager
def postgres_url() -> Iterator[str]:
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    from tests.postgres import private_postgres

    with private_postgres() as url:
        yield url


def run_suite(name: str, url: str, arguments: list[str]) -> tuple[str, int, float]:
    shown = "" if not url or "@/" in url else " (DATABASE_URL)"
    print(f"\n=== {name}{shown} ===", flush=True)
    started = time.monotonic()
    # An empty DATABASE_URL means SQLite, whatever .env says.
    environment = os.environ | {"DATABASE_URL": url}
    codes = [
        subprocess.run([*PYTEST, *how], env=environment, check=False).returncode
        for how in ([arguments] if arguments else SHARES)
    ]
    return name, max(codes), time.monotonic() - started


def outcome(code: int) -> str:
    return {0: "green", NOTHING_COLLECTED: "nothing collected"}.get(code, f"RED (exit {code})")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
