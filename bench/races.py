"""A thousand races of each kind on PostgreSQL: whoever comes first, the end has to be right."""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.harm import ROOT
from bench.machine import describe_machine, describe_versions
from bench.postgres import own_database
from bench.results import NothingMeasured, Result

FULL, QUICK = 1000, 20
SEED = 20261128
#: As many as tests.races.money lists; importing it here would need the desk's settings.
KINDS = 4
#: Whatever this process uses: the tests' own, on the database that is named.
SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.settings", "TEST_DB_NAME": ""}


def run(options: argparse.Namespace) -> Result:
    """This function will run the kinds beside each other, each on an empty database of its own.

    :raises NothingMeasured: a process broke off, or one side always came first.
    """
    runs = options.n or (QUICK if options.quick else FULL)
    seed = SEED if options.seed is None else options.seed
    machine = describe_machine()
    with own_database("versions") as url:
        result = Result("races", machine, describe_versions(url), setup={"seed": seed})
    with ThreadPoolExecutor(KINDS) as pool:
        found = list(pool.map(lambda number: run_inside(number, runs, seed), range(KINDS)))
    for race in found:
        if len(race["winners"]) < 2 and not race["wrong"]:
            raise NothingMeasured(f"{race['name']}: always the same came first, {race['winners']}")
        write_race(result, race, runs)
    differences = [what for race in found for what in race["differences"]]
    said = ", ".join(differences[:3])
    result.promise("differences in the ledgers", "0", len(differences), not differences, said)
    return result


def run_inside(number: int, runs: int, seed: int) -> dict[str, Any]:
    with own_database("races") as url:
        done = subprocess.run(
            [sys.executable, "-m", "tests.races.inside", str(number), str(runs), str(seed)],
            cwd=ROOT,
            env={**os.environ, **SETTINGS, "DATABASE_URL": url},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise NothingMeasured(f"the races broke off with exit code {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def write_race(result: Result, race: dict[str, Any], runs: int) -> None:
    name, wrong = race["name"], race["wrong"]
    result.row(f"{name}: races", runs, "races")
    for winner, count in sorted(race["winners"].items()):
        result.row(f"{name}: first was {winner}", count, "races")
    result.row(f"{name}: a race took, preparation and all", 1000 * race["seconds"] / runs, "ms")
    said = "; ".join(wrong[:3])
    result.promise(f"{name}: wrong ends", "0", len(wrong), not wrong, said)
