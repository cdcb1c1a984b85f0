"""A heap of clocks due at once: the desk, hand-written SQL that writes the same rows, and the
peer's own escalation."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from bench import floor
from bench.inside import migrate, run_inside
from bench.machine import describe_machine, describe_versions
from bench.peer import NoPeer, Peer
from bench.postgres import copy_of, own_database
from bench.results import NothingMeasured, Result

DUE, QUICK_DUE = 100_000, 1_000
RUNS = 5
BATCH = 500
PEER_TICKETS, QUICK_PEER_TICKETS = 1000, 100
GOAL_SHARE, GOAL_TIMES = 0.6, 100.0
#: What both must have written; the rest of a fired clock's rows follows from these.
WRITTEN = ("fired", "supervisor", "fired_events", "events", "deadlines", "breaches", "notices")


def run(options: argparse.Namespace) -> Result:
    """This function will fire the same heap again and again, the two in turns."""
    due = options.n or (QUICK_DUE if options.quick else DUE)
    runs = 2 if options.quick else RUNS
    machine = describe_machine()
    with own_database("sweep") as url, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        data = Path(folder) / "data"
        migrate(url, data)
        result = Result("sweep", machine, describe_versions(url))
        result.setup = {"due": due, "batch": BATCH, "runs": runs, "quick": options.quick}
        prepared = run_inside("prepare_heap", url, data, due=due, waiting=due)
        if prepared["due"] != due:
            raise NothingMeasured(f"{prepared['due']} clocks are due instead of {due}")
        ours, theirs = [], []
        for _run in range(runs):
            theirs.append(fire_by_hand(url, data, due))
            ours.append(fire_by_desk(url, data, due))
        write_rows(result, due, ours, theirs)
        measure_peer(result, options, Path(folder), due / middle([o["seconds"] for o in ours]))
    return result


def fire_by_hand(url: str, data: Path, due: int) -> dict[str, Any]:
    with copy_of(url, "floor") as copy:
        fired, seconds = floor.drain(copy, batch=BATCH)
        return judge(copy, data, due, fired) | {"seconds": seconds}


def fire_by_desk(url: str, data: Path, due: int) -> dict[str, Any]:
    with copy_of(url, "desk") as copy:
        found = run_inside("sweep_all", copy, data, batch=BATCH)
        return judge(copy, data, due, found["fired"]) | found


def judge(url: str, data: Path, due: int, fired: int) -> dict[str, Any]:
    """This function will look at what was written.

    :raises NothingMeasured: not all was fired, a chain is broken, or a reconciler finds something.
    """
    found: dict[str, Any] = run_inside("check_heap", url, data)
    if fired != due or found["fired"] != due or found["pending_due"]:
        raise NothingMeasured(f"{fired} of {due} fired: {found}")
    if found["broken_chains"] or found["wrong"]:
        raise NothingMeasured(f"written wrongly: {found}")
    return found


def write_rows(
    result: Result, due: int, ours: list[dict[str, Any]], theirs: list[dict[str, Any]]
) -> None:
    if any(ours[0][name] != theirs[0][name] for name in WRITTEN):
        raise NothingMeasured(f"they did not write the same rows: {ours[0]}, {theirs[0]}")
    shares = [t["seconds"] / o["seconds"] for t, o in zip(theirs, ours, strict=True)]
    result.row_of("the desk's sweep", [due / o["seconds"] for o in ours], "clocks/s")
    result.row_of("hand-written SQL", [due / t["seconds"] for t in theirs], "clocks/s")
    result.row_of("the desk's share of hand-written SQL", shares, "")
    python = [o["cpu_seconds"] / due * 1e6 for o in ours]
    result.row_of("of that Python's own processor time, a clock", python, "us")
    result.row_of("memory of the sweeping process, most", [o["peak_mb"] for o in ours], "MB")
    share = middle(shares)
    result.goal("share of hand-written SQL", f">= {GOAL_SHARE}", share, share >= GOAL_SHARE)


def measure_peer(
    result: Result, options: argparse.Namespace, folder: Path, per_second: float
) -> None:
    tickets = QUICK_PEER_TICKETS if options.quick else PEER_TICKETS
    runs = 2 if options.quick else RUNS
    try:
        with own_database("peer") as url:
            peer = Peer.install(folder / "peer", url)
            seconds = [peer.escalate(tickets) for _run in range(runs)]
    except NoPeer as error:
        result.say_unmeasured("django-helpdesk's escalate_tickets", str(error))
        return
    result.row_of("django-helpdesk's escalate_tickets", [tickets / s for s in seconds], "tickets/s")
    times = per_second / (tickets / middle(seconds))
    result.goal(
        "times django-helpdesk, a ticket", f">= {GOAL_TIMES:.0f}", times, times >= GOAL_TIMES
    )


def middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
