"""How late clocks fire on a whole desk in use: real worker and beat, a million clocks waiting,
two hundred due every second, people at the pages beside it."""

import argparse
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path

import psycopg

from bench.inside import CLOCKS, migrate, run_inside
from bench.machine import describe_machine, describe_versions
from bench.postgres import own_database
from bench.results import NothingMeasured, Result
from bench.web import Call, ask, at_share
from tests.desk import Desk, wait_until

PENDING, PER_SECOND, SPAN_S = 1_000_000, 200, 300
QUICK_PENDING, QUICK_PER_SECOND, QUICK_SPAN_S = 6_000, 20, 10
LEAD_S = 60.0
PATIENCE_S = 120.0
GOAL_P99_S, GOAL_MAX_S = 1.2, 3.0
PAGES = ("/", "/rules/", "/notices/")
LATE = """
SELECT extract(epoch FROM fired_at - due_at)::float8, state FROM tickets_deadline
WHERE kind = 'agent_resolution' AND due_at BETWEEN %s AND %s
"""


def run(options: argparse.Namespace) -> Result:
    """This function will let the clocks fall due on a desk and a database of its own."""
    pending, pace, span = (
        (QUICK_PENDING, QUICK_PER_SECOND, QUICK_SPAN_S)
        if options.quick
        else (PENDING, options.n or PER_SECOND, SPAN_S)
    )
    machine = describe_machine()
    with own_database("lateness") as url, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        data = Path(folder) / "data"
        migrate(url, data)
        result = Result("lateness", machine, describe_versions(url))
        result.setup = {"pending": pending, "per_second": pace, "span_s": span}
        result.setup["quick"] = options.quick
        placed = {"timers": pace * span, "outage": 0, "calm": pending // CLOCKS}
        run_inside("place_timers", url, data, lead_s=LEAD_S, span_s=span, **placed)
        desk = Desk(data, url)
        try:
            desk.start()
            wait_until(desk.is_up, 180)
            measure(result, desk, pace * span, span)
        finally:
            desk.stop()
    return result


def measure(result: Result, desk: Desk, timers: int, span: int) -> None:
    up_at = datetime.now().astimezone()
    stopping, served = threading.Event(), [0]
    people = [threading.Thread(target=browse, args=(desk.port, stopping, served)) for _n in "ab"]
    for person in people:
        person.start()
    late, waiting, measured = wait_for_all(desk.database_url, up_at, timers)
    stopping.set()
    for person in people:
        person.join()
    if not late:
        raise NothingMeasured("no clock fired while the desk was up")
    if waiting:
        raise NothingMeasured(f"{waiting} clocks never fired")
    result.row("clocks that fell due while the desk was up", len(late), "clocks")
    result.row("pages served beside it", served[0] / measured, "pages/s")
    for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"), (1.0, "max")):
        result.row(f"lateness, {name}", at_share(late, share), "s")
    p99, longest = at_share(late, 0.99), max(late)
    result.goal("lateness, p99", f"<= {GOAL_P99_S} s", p99, p99 <= GOAL_P99_S)
    result.goal("lateness, max", f"<= {GOAL_MAX_S} s", longest, longest <= GOAL_MAX_S)
    if len(late) < timers:
        result.notes.append(
            f"{timers - len(late)} clocks fell due before the desk was up and are not counted."
        )


def browse(port: int, stopping: threading.Event, served: list[int]) -> None:
    """Somebody who looks at one page after another, with half a second to read each."""
    while not stopping.wait(0.5):
        for address in PAGES:
            status, _body = ask(port, Call(address))
            assert status == 200, f"{address}: {status}"
            served[0] += 1


def wait_for_all(url: str, up_at: datetime, timers: int) -> tuple[list[float], int, float]:
    """This function will wait until all that falls due has fired, or time is over."""
    started = time.monotonic()
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT max(due_at) FROM tickets_deadline d WHERE kind = 'agent_resolution'"
            " AND due_at < now() + interval '1 day'"
        ).fetchone()
        assert row is not None
        last_due = row[0]
        while True:
            over = (datetime.now().astimezone() - last_due).total_seconds()
            if over > 0:
                found = connection.execute(LATE, (up_at, last_due)).fetchall()
                waiting = sum(state == "pending" for _late, state in found)
                if not waiting or over > PATIENCE_S:
                    late = [seconds for seconds, state in found if state == "fired"]
                    return late, waiting, time.monotonic() - started
            time.sleep(1.0)
