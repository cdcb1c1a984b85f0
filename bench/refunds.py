"""Thousands of refunds while everything goes wrong, judged by the other side's book."""

import argparse
import math
import tempfile
from pathlib import Path

from bench.machine import describe_machine, describe_versions
from bench.postgres import own_database
from bench.results import NothingMeasured, Result
from bench.torture import Course, Plan, torture
from tests.desk import Desk

FULL = Plan(orders=2000, seed=20261124, per_second=5.0)
#: WeChat Pay wants a minute between asking and asking again: more than a quick run has.
QUICK = Plan(
    orders=60,
    seed=20261124,
    per_second=20.0,
    long_waits=False,
    kill_every_s=1.5,
    most_kills=3,
    flush_after_s=2.5,
    patience_s=60.0,
    aftermath_s=0.0,
    hurry_after_s=3.0,
    channels=("alipay", "shop", "sandbox"),
)
#: What the oracle may find, in the order of how bad it is. All of it is wanted to be none.
KINDS = (
    "paid more than once",
    "called refused, and money moved",
    "called paid, and nothing moved",
    "money moved under a number that the desk does not know",
    "another amount or payment than intended",
    "called refused, and the channel never said so",
    "payments refunded beyond what was paid",
    "sums differ: payments",
    "sums differ: ledger",
    "sums differ: reservations",
    "the ledger contradicts itself",
    "reconcile finds a difference",
)
SETTLED = ("succeeded", "rejected")
#: A step that is due waits for a worker, of which some are always dead.
MOST_OVERDUE_S = 60.0


def run(options: argparse.Namespace) -> Result:
    """This function will measure on a desk and a database of its own."""
    plan = choose_plan(options)
    machine = describe_machine()
    with own_database("refunds") as url, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        versions = describe_versions(url)
        desk = Desk(Path(folder) / "data", url)
        desk.data.mkdir(mode=0o700)
        try:
            desk.start()
            course = torture(desk, plan, say=Every(5 if options.quick else 15))
        finally:
            desk.stop()
    require_something_happened(course)
    result = Result("refunds", machine, versions, setup=describe_setup(plan, course, options))
    write_rows(result, plan, course)
    write_goals(result, course)
    return result


class Every:
    """Prints every so manieth line."""

    def __init__(self, lines: int) -> None:
        self._lines, self._count = lines, 0

    def __call__(self, line: str) -> None:
        if self._count % self._lines == 0:
            print(line, flush=True)
        self._count += 1


def choose_plan(options: argparse.Namespace) -> Plan:
    plan = QUICK if options.quick else FULL
    changes: dict[str, object] = {}
    if options.seed is not None:
        changes["seed"] = options.seed
    if options.channels:
        changes["channels"] = tuple(options.channels.split(","))
    return Plan(**{**vars(plan), **changes})


def require_something_happened(course: Course) -> None:
    """This function will refuse to call a run without money, faults or kills a measurement.

    :raises NothingMeasured: with what did not happen.
    """
    happened = {
        "no refund was planned": course.planned["planned"],
        "no refund went through": course.findings.states["succeeded"],
        "no money moved": course.findings.effects,
        "no call met a fault": sum(course.faults.values()),
        "no worker was killed": course.kills["worker"],
        "the broker was not flushed": course.flushes,
    }
    if missing := [what for what, count in happened.items() if not count]:
        raise NothingMeasured(", ".join(missing))


def describe_setup(plan: Plan, course: Course, options: argparse.Namespace) -> dict[str, object]:
    return {
        **{name: value for name, value in vars(plan).items() if name != "channels"},
        "channels": course.channels,
        "quick": options.quick,
        "worker_processes": 2 * (1 + plan.extra_workers),
        "findings": {kind: found[:20] for kind, found in course.findings.wrong.items()},
    }


def write_rows(result: Result, plan: Plan, course: Course) -> None:
    found = course.findings
    refunds = found.states.total()
    result.row("orders", plan.orders, "orders")
    result.row("refunds intended", refunds, "refunds")
    result.row("second wishes for the same refund, refused", course.planned["refused"], "wishes")
    for state, count in sorted(found.states.items()):
        result.row(f"refunds {state}", count, "refunds")
    result.row("effects in the simulator's ledger", found.effects, "effects")
    result.row("money that moved", found.effects_fen, "fen")
    for channel, lines in sorted(course.reconciled.items()):
        result.row(f"lines of the bill of {channel} matched by reconcile", lines, "lines")
    for target, count in sorted(course.calls.items()):
        result.row(f"calls {target}", count, "calls")
    result.row("calls that met a fault", 100 * course.fault_share, "%")
    for (target, mode), count in sorted(course.faults.items()):
        result.row(f"fault {mode} on {target}", count, "calls")
    for kind, count in sorted(course.kills.items()):
        result.row(f"kill -9, {kind}", count, "kills")
    result.row("broker flushes", course.flushes, "flushes")
    for share, name in ((0.5, "p50"), (0.99, "p99"), (1.0, "max")):
        result.row(f"time to settle, {name}", at_share(course.settled_after_s, share), "s")
    result.row("longest that a due step waited", course.longest_overdue_s, "s")
    result.row("wall time", course.wall_s, "s")


def write_goals(result: Result, course: Course) -> None:
    for kind in KINDS:
        count, examples = course.findings.count(kind), course.findings.wrong.get(kind, [])[:3]
        result.goal(kind, "0", count, count == 0, f"{count}: {', '.join(examples)}")
    states = course.findings.states
    result.goal("handed to people", "0", states["manual"], states["manual"] == 0)
    left = sum(n for state, n in states.items() if state not in (*SETTLED, "manual"))
    said = f"{left} were under way when patience ended; the next step of each has its time."
    result.goal("not settled in the end", "0", left, left == 0, said)
    stuck = course.unscheduled
    result.goal("under way without a next step", "0", stuck, stuck == 0)
    longest = course.longest_overdue_s
    met = longest <= MOST_OVERDUE_S
    result.goal("longest that a due step waited", f"<= {MOST_OVERDUE_S:.0f} s", longest, met)


def at_share(values: list[float], share: float) -> float:
    """This function will return the smallest value that this share of all values does not pass."""
    return values[max(0, math.ceil(len(values) * share) - 1)] if values else 0.0
