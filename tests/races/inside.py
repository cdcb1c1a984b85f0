"""The process that runs races on a database of its own, for bench.races.

DATABASE_URL=... python -m tests.races.inside RUNS SEED     prints one JSON object
"""

import json
import logging
import os
import sys
import time
from collections import Counter
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from django.core.management import call_command  # noqa: E402

from orders.ledger import find_differences  # noqa: E402
from tests.races.money import RACES  # noqa: E402
from tests.races.race import Race, Starter, run_race  # noqa: E402
from tests.stories import Desk, make_person, set_policy, staff  # noqa: E402


def open_desk() -> Desk:
    call_command("migrate", verbosity=0)
    staff("9-24")
    set_policy()
    roles = {"lin": "agent", "wang": "supervisor", "zhao": "supervisor"}
    return Desk({name: make_person(name, role) for name, role in roles.items()})


def run_kind(kind: type[Race], desk: Desk, runs: int, seed: int) -> dict[str, Any]:
    """This function will run one kind of race; a wrong end does not stop the others."""
    starter, winners, wrong = Starter(f"{kind.name} {seed}"), Counter[str](), list[str]()
    started = time.monotonic()
    for run in range(runs):
        try:
            winners[run_race(kind(desk), starter)] += 1
        except AssertionError as error:
            wrong.append(f"run {run}: {error} {error.__cause__ or ''}".strip())
    seconds = time.monotonic() - started
    print(f"{kind.name}: {dict(winners)}, {len(wrong)} wrong", file=sys.stderr, flush=True)
    return {"name": kind.name, "winners": winners, "wrong": wrong, "seconds": seconds}


def main(number: int, runs: int, seed: int) -> None:
    # There is no broker here: every woken task would say that it is left to the sweep.
    logging.disable(logging.WARNING)
    found = run_kind(RACES[number], open_desk(), runs, seed)
    print(json.dumps({**found, "differences": [d.what for d in find_differences()]}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
