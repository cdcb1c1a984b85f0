"""Clocks that fall due while a bench looks on."""

from datetime import datetime, timedelta
from typing import Any

import psycopg

from bench.lives import open_dispute, promise, set_up
from bench.population import Pattern, add_copies, read_pattern, spread
from bench.sweep_jobs import database_url
from helpdesk import clock
from tickets.models import Deadline

KIND = Deadline.Kind.AGENT_RESOLUTION


def place_timers(
    *, timers: int, outage: int, lead_s: float, span_s: float, calm: int = 0
) -> dict[str, Any]:
    """This function will place clocks that fall due over ``span_s`` seconds from ``lead_s`` seconds
    on, ``outage`` of them an hour ago, and ``calm`` disputes with none that does."""
    set_up(now=clock.now())
    url = database_url()
    if calm:
        add_copies(
            url, [(pattern(hours_ago=0, within="P30D")[0], 1)], calm, shift=still, start=10**6
        )
    late, _due_at = pattern(hours_ago=3, within="PT2H")
    due, at = pattern(hours_ago=2, within="PT2H")
    minutes = timedelta(minutes=10)
    if outage:
        add_copies(url, [(late, 1)], outage - 1, shift=spread(-minutes, minutes), start=1)
    # Filling took its time: the span begins when it is over, as nearly as can be told before.
    begin = clock.now() + timedelta(seconds=lead_s + (timers - outage) / 800)
    shift = spread(begin - at, timedelta(seconds=span_s))
    add_copies(url, [(due, 1)], timers - outage - 1, shift=shift, start=1 + outage)
    return {"placed": Deadline.objects.filter(kind=KIND, state="pending").count() - calm}


def still(_number: int) -> timedelta:
    return timedelta()


def pattern(*, hours_ago: int, within: str) -> tuple[Pattern, datetime]:
    """This function will lead a life with such an agent's clock, and say when that is due."""
    now = clock.now() - timedelta(hours=hours_ago)
    promise(now=now, agent_resolution=within)
    ticket = open_dispute(now=now)
    with psycopg.connect(database_url()) as reader:
        return read_pattern(reader, ticket.pk), ticket.deadlines.get(kind=KIND).due_at
