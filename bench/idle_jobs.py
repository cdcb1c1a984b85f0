"""What the idle bench has done inside the desk: pending clocks by the million, and a tick."""

import statistics
import time
from datetime import timedelta
from typing import Any

import psycopg
from django.db import connection

from bench.inside import CLOCKS
from bench.lives import open_dispute, promise, set_up
from bench.population import add_copies, read_pattern, spread
from bench.sweep_jobs import database_url
from helpdesk import clock
from tickets.models import Deadline, Ticket
from tickets.sweep import sweep


def prepare_idle(*, pending: int) -> dict[str, Any]:
    """This function will fill the desk up to so many pending clocks, none of them due."""
    now = clock.now()
    if not Ticket.objects.exists():
        set_up(now=now)
        promise(now=now)
        open_dispute(now=now)
    have = Ticket.objects.count()
    with psycopg.connect(database_url()) as reader:
        pattern = read_pattern(reader, Ticket.objects.earliest("pk").pk)
    calm = spread(timedelta(), timedelta(minutes=9))
    missing = pending // CLOCKS - have
    add_copies(database_url(), [(pattern, 1)], missing, shift=calm, start=have)
    return {"pending": Deadline.objects.filter(state=Deadline.State.PENDING).count()}


def tick(*, rounds: int, runs: int) -> dict[str, Any]:
    """This function will do what beat wakes a worker for, with nothing due, and time it.

    The clock is read, the claim asked for, and the round written down for /healthz/timers.
    """
    sweep(now=clock.now(), driver="bench")
    medians = []
    for _run in range(runs):
        taken = []
        for _round in range(rounds):
            started = time.perf_counter()
            fired = sweep(now=clock.now(), driver="bench")
            taken.append((time.perf_counter() - started) * 1000)
            assert fired == 0, "something was due"
        medians.append(statistics.median(taken))
    return {"medians_ms": medians, "claim_ms": [time_claim(rounds) for _run in range(runs)]}


def time_claim(rounds: int) -> float:
    """This function will time the claim's statement alone."""
    query = (
        "SELECT id FROM tickets_deadline WHERE state = 'pending' AND quarantined_at IS NULL"
        " AND due_at <= %s ORDER BY due_at, id LIMIT 300 FOR UPDATE SKIP LOCKED"
    )
    taken = []
    with connection.cursor() as cursor:
        for _round in range(rounds):
            now = clock.now()
            started = time.perf_counter()
            cursor.execute(query, [now])
            cursor.fetchall()
            taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)
