"""What the sweep bench has done inside the desk: a heap of due clocks, firing it, judging it."""

import os
import resource
import time
from datetime import timedelta
from typing import Any

import psycopg

from bench.lives import open_dispute, promise, set_up
from bench.population import add_copies, read_pattern, spread
from helpdesk import clock
from tickets.chain import event_hash
from tickets.models import Breach, Deadline, Event, Notice, Ticket
from tickets.sweep import fire_batch
from tickets.watchdog import watch

SAMPLE = 500
WATCHED = ("tickets_without_clock", "fired_without_event", "paused_without_pause")


def database_url() -> str:
    """This function will name this desk's database, as it was named to us."""
    return os.environ["DATABASE_URL"]


def prepare_heap(*, due: int, waiting: int = 0) -> dict[str, Any]:
    """This function will fill the desk with disputes whose agent's clock is due by now, and with
    others whose clocks have time."""
    now = clock.now()
    set_up(now=now)
    promise(now=now)
    calm = open_dispute(now=now).pk
    promise(now=now, agent_resolution="PT2H")
    pressing = open_dispute(now=now - timedelta(hours=2, minutes=10)).pk
    with psycopg.connect(database_url()) as reader:
        calm_one, pressing_one = read_pattern(reader, calm), read_pattern(reader, pressing)
    url, minutes = database_url(), timedelta(minutes=9)
    add_copies(url, [(calm_one, 1)], waiting, shift=spread(-minutes, minutes), start=1)
    # The pattern itself is due as well.
    later = spread(timedelta(), minutes)
    add_copies(url, [(pressing_one, 1)], due - 1, shift=later, start=1 + waiting)
    return {"due": Deadline.objects.filter(state="pending", due_at__lte=clock.now()).count()}


def sweep_all(*, batch: int) -> dict[str, Any]:
    """This function will fire all that is due, as one worker does."""
    fired, cpu = 0, time.process_time()
    started = time.perf_counter()
    while count := fire_batch(now=clock.now(), limit=batch):
        fired += count
    taken = time.perf_counter() - started
    return {
        "fired": fired,
        "seconds": taken,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def check_heap() -> dict[str, Any]:
    """This function will count what firing wrote, and judge chains and reconcilers."""
    found = watch(now=clock.now())
    fired = Deadline.objects.filter(state=Deadline.State.FIRED)
    sample = list(fired.order_by("?").values_list("ticket_id", flat=True)[:SAMPLE])
    return {
        "pending_due": Deadline.objects.filter(state="pending", due_at__lte=clock.now()).count(),
        "fired": fired.count(),
        "supervisor": Ticket.objects.filter(level=Ticket.Level.SUPERVISOR).count(),
        "fired_events": Event.objects.filter(kind=Event.Kind.DEADLINE_FIRED).count(),
        "events": Event.objects.count(),
        "deadlines": Deadline.objects.count(),
        "breaches": Breach.objects.count(),
        "notices": Notice.objects.count(),
        "broken_chains": sum(not is_chain_whole(pk) for pk in sample),
        "wrong": {name: found[name] for name in WATCHED if found[name]},
    }


def is_chain_whole(ticket_id: int) -> bool:
    """This function will compute a ticket's chain again from what stands there."""
    prev_hash = ""
    for event in Event.objects.filter(ticket=ticket_id).order_by("seq"):
        if event.prev_hash != prev_hash:
            return False
        prev_hash = event_hash(
            prev_hash=prev_hash,
            seq=event.seq,
            kind=event.kind,
            actor=event.actor,
            at=event.at,
            data=event.data,
        )
        if event.hash != prev_hash:
            return False
    return Ticket.objects.get(pk=ticket_id).event_hash == prev_hash
