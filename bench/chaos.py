"""Thousands of clocks while everything is killed, judged from outside.

Who judges holds a list of its own, made before anything ran: which clock is due when. Afterwards
each must have fired exactly once and not early, with everything that belongs to it. A run in which
nothing fired or nothing was killed measures nothing.
"""

import argparse
import random
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from bench.fleet import Fleet
from bench.inside import environment, migrate, run_inside
from bench.machine import describe_machine, describe_versions
from bench.ownpg import OwnPostgres
from bench.results import NothingMeasured, Result
from bench.web import at_share
from tests.desk import free_port

SEEDS, TIMERS, SPAN_S = 5, 20_000, 240
QUICK_TIMERS, QUICK_SPAN_S = 300, 20
#: Of all clocks, those that are an hour late when they are first seen: what an outage leaves.
OUTAGE_SHARE = 0.1
KILL_EVERY_S, QUICK_KILL_EVERY_S = 3.0, 3.0
PATIENCE_S = 240.0
#: How long after the database is back its absence may still explain a late clock.
RECOVERY_S = 10.0
GOAL_P99_S, GOAL_KILLS = 3.0, 300
NEVER = datetime.max.replace(tzinfo=UTC)
FAKETIME = "usr/lib/*/faketime/libfaketime.so.1"


@dataclass
class Course:
    """One run: what was done to the desk, and what was found."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    #: From when to when there was no database.
    outages: list[tuple[datetime, datetime]] = field(default_factory=list)
    wrong: dict[str, int] = field(default_factory=dict)
    fired: int = 0
    late_s: list[float] = field(default_factory=list)
    late_calm_s: list[float] = field(default_factory=list)
    letters: int = 0
    clocks_off: bool = False
    began_at: datetime = NEVER


def run(options: argparse.Namespace) -> Result:
    """This function will let the same desk be harmed by one seed after another."""
    timers = options.n or (QUICK_TIMERS if options.quick else TIMERS)
    span = QUICK_SPAN_S if options.quick else SPAN_S
    seeds = 1 if options.quick else max(options.runs, SEEDS)
    first = 20261128 if options.seed is None else options.seed
    machine, courses = describe_machine(), []
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        faketime = find_faketime(Path(folder))
        for seed in range(first, first + seeds):
            with own_postgres() as server:
                versions = describe_versions(server.url)
                course = harm_one(
                    server, Path(folder) / f"data{seed}", faketime, seed, timers, span
                )
            courses.append(course)
            print(f"seed {seed}: {course.fired} fired, {dict(course.kills)}, {course.wrong}")
    result = Result("chaos", machine, versions)
    result.setup = {
        "timers": timers,
        "span_s": span,
        "seeds": [course.seed for course in courses],
        "quick": options.quick,
    }
    if faketime is None:
        result.say_unmeasured("workers whose clocks are 300 s off", "libfaketime is not there")
    write(result, courses)
    return result


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    server = OwnPostgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def find_faketime(folder: Path) -> Path | None:
    """This function will find Debian's libfaketime, or fetch the package without installing it."""
    if found := next(Path("/").glob(FAKETIME), None):
        return found
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return None
    fetch = ["apt-get", "download", "-q", "libfaketime"]
    subprocess.run(fetch, cwd=folder, capture_output=True, check=False, timeout=120)
    for package in folder.glob("libfaketime_*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, folder / "faketime"], check=True)
    return next((folder / "faketime").glob(FAKETIME), None)


def harm_one(
    server: OwnPostgres, data: Path, faketime: Path | None, seed: int, timers: int, span: int
) -> Course:
    """This function will start a desk on an empty server, harm it while its clocks fall due, wait
    until it has caught up, and judge."""
    course = Course(seed, clocks_off=faketime is not None)
    migrate(server.url, data)
    env = environment(server.url, data) | {"PORT": str(free_port())}
    expected = place_timers(server.url, data, timers, span)
    fleet = Fleet(env, data, faketime)
    course.began_at = datetime.now().astimezone()
    try:
        fleet.start_all()
        harm(server, fleet, course, expected, span)
        wait_for_all(server.url, fleet, len(expected))
    finally:
        fleet.stop()
    course.kills = fleet.kills
    judge(server.url, data, expected, course)
    return course


def place_timers(url: str, data: Path, timers: int, span: int) -> dict[int, datetime]:
    """This function will place the clocks and list them for the judge: key -> due."""
    outage = int(timers * OUTAGE_SHARE)
    run_inside("place_timers", url, data, timers=timers, outage=outage, lead_s=25, span_s=span)
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT id, due_at FROM tickets_deadline"
            " WHERE kind = 'agent_resolution' AND state = 'pending'"
        ).fetchall()
    if len(rows) != timers:
        raise NothingMeasured(f"{len(rows)} clocks were placed instead of {timers}")
    return dict(rows)


def harm(
    server: OwnPostgres, fleet: Fleet, course: Course, expected: dict[int, datetime], span: int
) -> None:
    chance = random.Random(course.seed)
    last_due = max(expected.values())
    next_kill = time.monotonic() + 12
    # Two stops of the database at most, each with calm around it.
    next_broker, next_crash = next_kill + 8, next_kill + span / 3
    while datetime.now(last_due.tzinfo) < last_due:
        time.sleep(0.1)
        fleet.tend()
        now = time.monotonic()
        if now >= next_kill:
            next_kill = now + KILL_EVERY_S * chance.uniform(0.5, 1.5)
            fleet.kill(fleet.choose_victim(chance), away_s=chance.uniform(0.2, 2.0))
        if now >= next_broker:
            next_broker = now + chance.uniform(12, 25)
            fleet.flush_broker()
            if chance.random() < 0.5:
                fleet.kill("valkey", away_s=0.5)
        if now >= next_crash:
            next_crash = now + span / 2
            course.outages.append(crash(server, fleet))


def crash(server: OwnPostgres, fleet: Fleet) -> tuple[datetime, datetime]:
    begun = datetime.now().astimezone()
    server.crash()
    time.sleep(1.0)
    server.start()
    fleet.kills["postgresql"] += 1
    return begun, datetime.now().astimezone() + timedelta(seconds=RECOVERY_S)


def wait_for_all(url: str, fleet: Fleet, count: int) -> None:
    """This function will leave the desk alone until it has caught up, or time is over; what is
    still missing then is lost."""
    end = time.monotonic() + PATIENCE_S
    query = (
        "SELECT count(*) FILTER (WHERE kind = 'agent_resolution' AND state = 'fired')"
        " FROM tickets_deadline"
    )
    while time.monotonic() < end:
        fleet.tend()
        with psycopg.connect(url) as connection:
            row = connection.execute(query).fetchone()
        if row and row[0] >= count:
            return
        time.sleep(0.5)


#: Per expected clock: whether and when it fired, and how often all that belongs to it is there.
FOUND = """
SELECT d.id, d.due_at, d.fired_at, t.level,
    (SELECT count(*) FROM tickets_event e WHERE e.deadline_id = d.id
        AND e.kind = 'deadline_fired'),
    (SELECT count(*) FROM tickets_event e WHERE e.ticket_id = t.id AND e.kind = 'escalated'),
    (SELECT count(*) FROM tickets_deadline n WHERE n.ticket_id = t.id
        AND n.kind = 'supervisor_resolution'),
    (SELECT count(*) FROM tickets_breach b WHERE b.deadline_id = d.id),
    (SELECT count(*) FROM tickets_notice m WHERE m.ticket_id = t.id AND m.kind = 'escalated')
FROM tickets_deadline d JOIN tickets_ticket t ON t.id = d.ticket_id WHERE d.id = ANY(%s)
"""


def judge(url: str, data: Path, expected: dict[int, datetime], course: Course) -> None:
    """This function will hold what stands there against the judge's own list."""
    wrong: Counter[str] = Counter(lost=0, early=0, doubled=0, half=0, moved=0)
    with psycopg.connect(url) as connection:
        rows = connection.execute(FOUND, (list(expected),)).fetchall()
    found = {row[0]: row[1:] for row in rows}
    for key, due_at in expected.items():
        stored_due, fired_at, level, *counts = found.get(key, (None, None, None, 0))
        if fired_at is None:
            wrong["lost"] += 1
            continue
        course.fired += 1
        wrong["early"] += fired_at < due_at
        wrong["moved"] += stored_due != due_at
        wrong["doubled"] += any(count > 1 for count in counts)
        wrong["half"] += any(count < 1 for count in counts) or level != "supervisor"
        note_lateness(course, due_at, fired_at)
    checked = run_inside("check_heap", url, data)
    wrong["broken chains"] = checked["broken_chains"]
    wrong["found by reconcilers"] = sum(checked["wrong"].values())
    course.wrong = dict(wrong)
    if not course.fired:
        raise NothingMeasured("no clock fired at all")


def note_lateness(course: Course, due_at: datetime, fired_at: datetime) -> None:
    late = (fired_at - due_at).total_seconds()
    if due_at < course.began_at:
        # Due before the desk was started: how late it is says when that was.
        return
    course.late_s.append(late)
    if not any(begun <= fired_at and due_at <= over for begun, over in course.outages):
        course.late_calm_s.append(late)


def write(result: Result, courses: list[Course]) -> None:
    names = sorted({name for course in courses for name in course.kills})
    for name in names:
        result.row_of(f"kill -9 or worse: {name}", [c.kills[name] for c in courses], "times")
    kills = sum(course.kills.total() for course in courses)
    result.row("all of them, over all seeds", kills, "times")
    result.row_of("clocks fired", [c.fired for c in courses], "clocks")
    for share, name in ((0.5, "p50"), (0.99, "p99"), (1.0, "max")):
        everything = [at_share(course.late_s, share) for course in courses]
        result.row_of(f"lateness, {name}", everything, "s")
        calm = [at_share(c.late_calm_s, share) for c in courses]
        result.row_of(f"lateness outside database downtime, {name}", calm, "s")
    for what in courses[0].wrong:
        count = sum(course.wrong[what] for course in courses)
        result.promise(what, "0", count, count == 0)
    if not all(course.late_calm_s for course in courses):
        result.say_unmeasured("lateness of a seed", "no clock fell due while there was a database")
    p99 = max(at_share(course.late_calm_s, 0.99) for course in courses)
    goal = "p99 lateness outside database downtime, worst seed"
    result.goal(goal, f"<= {GOAL_P99_S} s", p99, p99 <= GOAL_P99_S)
    result.goal("kills over all seeds", f">= {GOAL_KILLS}", kills, kills >= GOAL_KILLS)
    result.notes = [
        *result.notes,
        "Outside: a list of clocks and instants made before the desk started, in the judge's own "
        "memory. An hour's outage is played by clocks that were due an hour before the start.",
        f"Database downtime counts until {RECOVERY_S:.0f} s after the server answers again.",
    ]
