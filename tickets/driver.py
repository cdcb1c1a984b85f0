"""Running the desk's clockwork without Celery, each kind of work in a thread of its own.

A gateway that answers slowly must not make a deadline late, so whatever leaves the building runs
beside the sweep. Each thread has its own database connection, and loses it without dying.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from orders.api.idempotency import forget_answers
from orders.deliveries import rescue_top_ups
from orders.settlement import rescue_refunds
from tickets.deadman import ping_deadman
from tickets.mass_refunds import carry_on_batches
from tickets.models import Deadline
from tickets.relay import relay
from tickets.steady_clock import read_steady
from tickets.sweep import sweep
from tickets.transfer_receipts import erase_spent_details
from tickets.watchdog import watch
from tickets.webhooks.delivering import deliver_webhooks, forget_deliveries
from tickets.worries import tell_worries

logger = logging.getLogger(__name__)

NAME = "command"
LONGEST_WAIT_S = 1.0
#: Between two rounds when something due is held by somebody else.
SHORTEST_WAIT_S = 0.05
#: How long the end waits for a call to a gateway; what it leaves behind, its lease returns.
PATIENCE_S = 5.0

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Round:
    """Something done again and again. ``step`` says how many rows it took up."""

    name: str
    step: Callable[[Clock], int]
    wait_s: Callable[[Clock], float]


def sweep_once(clock: Clock) -> int:
    now = read_steady(clock)
    return sweep(now=now, driver=NAME) if now is not None else 0


def relay_once(clock: Clock) -> int:
    return relay(clock=clock)


def rescue_once(clock: Clock) -> int:
    return rescue_refunds(clock=clock) + rescue_top_ups(clock=clock)


def carry_on_once(clock: Clock) -> int:
    return carry_on_batches(clock=clock)


def watch_once(clock: Clock) -> int:
    now = clock()
    found = watch(now=now)
    tell_worries(found, now=now)
    ping_deadman(now=now)
    return sum(found.values())


def deliver_once(clock: Clock) -> int:
    return deliver_webhooks(clock=clock)


def forget_once(clock: Clock) -> int:
    return (
        forget_answers(now=clock())
        + forget_deliveries(now=clock())
        + erase_spent_details(now=clock())
    )


def until_next_due(clock: Clock) -> float:
    """This function will say how long the sweep may sleep: a second, or less if one falls due."""
    next_due = (
        Deadline.objects.filter(state=Deadline.State.PENDING, quarantined_at__isnull=True)
        .order_by("due_at")
        .values_list("due_at", flat=True)
        .first()
    )
    if next_due is None:
        return LONGEST_WAIT_S
    left = (next_due - clock()).total_seconds()
    return min(max(left, SHORTEST_WAIT_S), LONGEST_WAIT_S)


#: The same work and spacing as helpdesk.celery's beat_schedule.
ROUNDS = (
    Round("sweep", sweep_once, until_next_due),
    Round("relay", relay_once, lambda clock: LONGEST_WAIT_S),
    Round("gateways", rescue_once, lambda clock: LONGEST_WAIT_S),
    Round("webhooks", deliver_once, lambda clock: 2.0),
    Round("batches", carry_on_once, lambda clock: 5.0),
    Round("watchdog", watch_once, lambda clock: 60.0),
    Round("old answers", forget_once, lambda clock: 3600.0),
)


def run_once(*, clock: Clock) -> int:
    """This function will do one round of everything and say how many deadlines fired.

    Money and errands twice: the first relay may decide a refund, whose result is news again.
    """
    fired = sweep_once(clock)
    for step in (relay_once, carry_on_once, rescue_once, relay_once):
        step(clock)
    return fired


def run_forever(*, clock: Clock, stopping: threading.Event) -> None:
    """This function will keep everything going until ``stopping`` is set."""
    threads = [
        threading.Thread(target=repeat, args=(one, clock, stopping), name=one.name, daemon=True)
        for one in ROUNDS
    ]
    for thread in threads:
        thread.start()
    stopping.wait()
    give_up_at = time.monotonic() + PATIENCE_S
    for thread in threads:
        thread.join(max(give_up_at - time.monotonic(), 0))


def repeat(one: Round, clock: Clock, stopping: threading.Event) -> None:
    while not stopping.is_set():
        stopping.wait(attempt(one, clock))
    connection.close()


def attempt(one: Round, clock: Clock) -> float:
    """This function will do one round and say how long to wait; nothing that goes wrong ends it.

    A connection that broke is thrown away: the next round asks for a new one, and goes on asking
    until the database is back.
    """
    try:
        one.step(clock)
        return one.wait_s(clock)
    except Exception:
        logger.exception("%s failed; again in %g s", one.name, LONGEST_WAIT_S)
        connection.close()
        return LONGEST_WAIT_S
