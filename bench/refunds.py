"""Thousands of refunds while everything goes wrong, judged by the other side's book."""

import argparse
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from bench.faultmix import NOTIFY_MODES
from bench.machine import describe_machine, describe_versions
from bench.oracle import KINDS
from bench.postgres import own_database
from bench.results import NothingMeasured, Result
from bench.torture import Course, Plan, torture
from tests.desk import Desk, wait_until

FULL = Plan(refunds=2000, seed=20261124, per_second=6.0, query_now_after_s=60.0, patience_s=240.0)
#: WeChat Pay wants a minute between asking and asking again: more than a quick run has.
QUICK = Plan(
    refunds=80,
    seed=20261124,
    per_second=10.0,
    long_waits=False,
    kill_every_s=1.5,
    most_kills=4,
    flush_after_s=4.0,
    patience_s=60.0,
    aftermath_s=0.0,
    query_now_after_s=0.0,
    channels=("alipay", "shop", "sandbox"),
)
#: A step that is due waits for a worker, of which some are always dead.
MOST_OVERDUE_S = 60.0
NOT_SHORTENED = (
    "No wait of a channel was shortened: Alipay 10 s before a query and 3 s between refunds of a "
    "payment, WeChat Pay 60 s each, as in production."
)


def run(options: argparse.Namespace) -> Result:
    """This function will measure on a desk and a database of its own, once for each seed."""
    plan, machine, courses = choose_plan(options), describe_machine(), []
    plans = [replace(plan, seed=plan.seed + n) for n in range(options.runs)]
    with own_database("versions") as url:
        versions = describe_versions(url)
    for each in plans:
        print(f"Seed {each.seed}: {each.refunds} refunds", flush=True)
        courses.append(run_once(each, say=Every(5 if options.quick else 15)))
        require_something_happened(courses[-1])
    result = Result("refunds", machine, versions, setup=describe_setup(plans, courses, options))
    write_rows(result, plans, courses)
    write_promises(result, courses)
    result.notes = list(list_notes(plan, courses, options))
    return result


def run_once(plan: Plan, *, say: Callable[[str], None]) -> Course:
    with own_database("refunds") as url, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        desk = Desk(Path(folder) / "data", url)
        desk.data.mkdir(mode=0o700)
        try:
            desk.start()
            wait_until(desk.is_up, 90)
            return torture(desk, plan, say=say)
        finally:
            desk.stop()


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
    if options.seed is not None:
        plan = replace(plan, seed=options.seed)
    if options.n is not None:
        plan = replace(plan, refunds=options.n)
    if options.per_second is not None:
        plan = replace(plan, per_second=options.per_second)
    if options.kill_every is not None:
        plan = replace(plan, kill_every_s=options.kill_every)
    if options.channels:
        plan = replace(plan, channels=tuple(options.channels.split(",")))
    if options.patient:
        plan = replace(plan, query_now_after_s=None, patience_s=3600.0)
    return plan


def require_something_happened(course: Course) -> None:
    """This function will refuse to call a run without money, faults or kills a measurement.

    :raises NothingMeasured: with what did not happen.
    """
    happened = {
        "no refund was planned": course.planned["planned"],
        "no refund went through": course.findings.states["succeeded"],
        "no money moved": course.findings.effects,
        "no worker was killed": course.kills["worker"],
        "the broker was not flushed": course.flushes,
        **{f"fault {kind} hit no call": hits for kind, hits in course.count_faults().items()},
    }
    if missing := [what for what, count in happened.items() if not count]:
        raise NothingMeasured(", ".join(missing))


def describe_setup(
    plans: list[Plan], courses: list[Course], options: argparse.Namespace
) -> dict[str, object]:
    plan = {n: v for n, v in vars(plans[0]).items() if n not in ("channels", "seed")}
    return {
        **plan,
        "seeds": [each.seed for each in plans],
        "channels": courses[0].channels,
        "quick": options.quick,
        "worker_processes": 2 * (1 + plans[0].extra_workers),
        "findings": [
            {kind: found[:20] for kind, found in course.findings.wrong.items()}
            for course in courses
        ],
        "faults": [
            {f"{target} {kind}": hits for (target, kind), hits in sorted(course.faults.items())}
            for course in courses
        ],
    }


def list_notes(plan: Plan, courses: list[Course], options: argparse.Namespace) -> Iterator[str]:
    yield f"Seeds: {', '.join(str(plan.seed + n) for n in range(len(courses)))}."
    yield NOT_SHORTENED
    if plan.query_now_after_s is not None:
        pressed = ", ".join(str(course.queried_now) for course in courses)
        yield (
            f"From {plan.query_now_after_s:.0f} s after the last order on, “Query now” was pressed "
            f"on whatever waited longer than its channel's minimum: {pressed} times."
        )
    if options.quick:
        yield "Quick: without WeChat Pay, whose minimum wait is longer than a quick run."
    busiest = max(load for course in courses for load in course.loads)
    yield (
        f"Everything ran on this one machine: desk, {2 * (1 + plan.extra_workers)} worker "
        f"processes, database and simulator; load average up to {busiest:.1f}. Times to settle "
        "hold the faults' own delays, and killed workers starting again."
    )


def write_rows(result: Result, plans: list[Plan], courses: list[Course]) -> None:
    rows = [dict(list_rows(course)) for course in courses]
    names = {name: None for row in rows for name in row}
    for what, unit in names:
        result.row_of(what, [row.get((what, unit), 0) for row in rows], unit)


def list_rows(course: Course) -> Iterator[tuple[tuple[str, str], float]]:
    found = course.findings
    yield ("refunds wanted", "refunds"), len(course.intended)
    yield ("second wishes for the same refund, refused", "wishes"), course.planned["refused"]
    yield ("ordered again after a final refusal", "refunds"), course.ordered_again
    for state, count in sorted(found.states.items()):
        yield (f"refunds {state}", "refunds"), count
    yield ("money that moved", "fen"), found.effects_fen
    for channel in course.channels:
        for operation in ("refund", "query", "notify"):
            if calls := course.calls[f"{channel}.{operation}"]:
                yield (f"calls {channel}.{operation}", "calls"), calls
        yield (f"effects {channel}.refund", "effects"), course.effects[f"{channel}.refund"]
    for channel, lines in sorted(course.reconciled.items()):
        yield (f"lines of the bill of {channel} matched by reconcile", "lines"), lines
    yield ("calls that met a fault", "%"), round(100 * course.fault_share, 1)
    for kind, count in sorted(course.count_faults().items()):
        yield (f"fault {kind}", "results" if kind in NOTIFY_MODES else "calls"), count
    for kind, count in sorted(course.kills.items()):
        yield (f"kill -9, {kind}", "kills"), count
    yield ("steps that a kill cut off", "steps"), course.cut_off
    yield ("broker flushes", "flushes"), course.flushes
    for share, name in ((0.5, "p50"), (0.99, "p99"), (1.0, "max")):
        yield (f"time to settle, {name}", "s"), at_share(course.settled_after_s, share)
    yield ("longest that a due step waited", "s"), course.longest_overdue_s
    yield ("wall time", "s"), course.wall_s


def write_promises(result: Result, courses: list[Course]) -> None:
    for kind in KINDS:
        examples = [what for course in courses for what in course.findings.wrong.get(kind, [])]
        said = f"{len(examples)}: {', '.join(examples[:3])}"
        result.promise(kind, "0", len(examples), not examples, said)
    manual = sum(course.findings.states["manual"] for course in courses)
    result.promise("handed to people", "0", manual, not manual)
    stuck = max(course.unscheduled for course in courses)
    result.promise("under way without a next step", "0", stuck, not stuck)
    longest = max(course.longest_overdue_s for course in courses)
    target = f"<= {MOST_OVERDUE_S:.0f} s"
    result.promise("longest that a due step waited", target, longest, longest <= MOST_OVERDUE_S)


def at_share(values: list[float], share: float) -> float:
    """This function will return the smallest value that this share of all values does not pass."""
    return values[max(0, math.ceil(len(values) * share) - 1)] if values else 0.0
