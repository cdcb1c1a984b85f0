"""A worker may be gone at any instant: money moves once all the same, and nothing is forgotten.

One clean run lists every commit and every call of a refund's way. Then the way is gone once for
each point of that list, by a process that ends there; then again from what the database holds. In
the end the simulator's book, ours, the ticket and its notices must be what the clean run left.

A process that dies before a commit leaves what one leaves that died after the commit before it, so
the suite takes the points before on one database and those after on the other, and not the posting
of notices. `CRASH_POINTS=all` takes every point on either.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from orders.ledger import find_differences
from orders.models import PacingBucket, Payment, Refund
from tests.crashes.paths import PATHS
from tests.simulator_fixture import Simulator
from tests.stories import MINUTE, Desk, acting
from tickets.actors import Actor
from tickets.models import Event, Notice, Ticket

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parent.parent.parent
APPLICATION, DIED = "crash_points", 77
EVERY_POINT = os.environ.get("CRASH_POINTS") == "all"
#: Not the refund's own: letters leave, and the sweep notes that it was there.
BESIDE = ("commit: tickets_notice", "commit: tickets_sweepbeat")


class Workers:
    """The processes that die; see tests.crashes.worker."""

    def __init__(self, simulator: Simulator) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crashes.worker", str(connection.settings_dict["NAME"])],
            cwd=ROOT,
            env={**os.environ, **simulator.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._read() == "ready"

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def go(self, name: str, desk: Desk, ticket: Ticket, die_at: int | None = None) -> Any:
        assert self._process.stdin is not None
        asked = {
            "path": name,
            "ticket": ticket.pk,
            "people": {who: (a.role, a.user_id) for who, a in actors(desk).items()},
            "now": PATHS[name].starts.isoformat(),
            "die_at": die_at,
        }
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        return json.loads(self._read())

    def stop(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def workers(django_db_setup: None, simulator_process: Simulator) -> Iterator[Workers]:
    found = Workers(simulator_process)
    yield found
    found.stop()


def actors(desk: Desk) -> dict[str, Actor]:
    return {name: acting(user) for name, user in desk.people.items()}


def begin(name: str, desk: Desk, simulator: Simulator) -> Ticket:
    """A dispute at the start of the way, with a bank that will behave as the way demands."""
    path = PATHS[name]
    simulator.reset()
    # The day begins anew for every point; a bucket filled later in it would never fill again.
    PacingBucket.objects.all().delete()
    bank = Desk(desk.people, bank=simulator)
    bank.now = desk.now
    order = bank.order(channel=path.channel, price_fen=path.price_fen)
    payment = order.payments.get()
    facts = {"channel": path.channel, "paid_at": payment.paid_at.isoformat()}
    simulator.trade(payment.channel_trade_no, payment.amount_fen, **facts)
    ticket = bank.open(order)
    path.before(bank, ticket, actors(desk))
    path.arm(simulator, ticket)
    return ticket


def is_gone() -> bool:
    """A server ends a dead client's transaction, and its locks, when it notices."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [APPLICATION]
        )
        (count,) = cursor.fetchone()
    return count == 0


def take_up(name: str, desk: Desk, simulator: Simulator, ticket: Ticket) -> None:
    """Whoever is left goes on, a little later, from what the database holds."""
    simulator.wait_for(is_gone, within=60)
    path = PATHS[name]
    survivor = Desk(desk.people, bank=simulator)
    survivor.now = path.starts + 2 * MINUTE
    path.go(survivor, ticket, actors(desk))


def story_of(ticket: Ticket, simulator: Simulator) -> dict[str, Any]:
    """All that may be seen of a dispute in the end. Times are left out, and so are calls: one that
    died must be asked about."""
    ticket = Ticket.objects.get(pk=ticket.pk)
    refunds = list(Refund.objects.filter(origin=ticket.uuid).order_by("generation"))
    payment = Payment.objects.get(order=ticket.order_id)
    effects = [
        (effect["number"], effect["trade_no"], effect["amount_fen"])
        for effect in simulator.ledger()["effects"]
        if effect["target"].endswith(".refund")
    ]
    paid = [r for r in refunds if r.state == Refund.State.SUCCEEDED]
    # One effect for each refund that counts as paid, under its number, and none besides.
    assert effects == [(r.refund_no, payment.channel_trade_no, r.amount_fen) for r in paid]
    assert payment.refunded_fen == sum(r.paid_fen or 0 for r in paid)
    assert payment.reserved_fen == 0
    assert list(find_differences()) == []
    return {
        "ends": (
            ticket.status,
            ticket.outcome,
            [r.state for r in refunds],
            [amount_fen for _number, _trade_no, amount_fen in effects],
        ),
        "level": ticket.level,
        "events": Counter(Event.objects.filter(ticket=ticket).values_list("kind", flat=True)),
        "notices": Counter(told_about(ticket)),
        "deadlines": Counter(ticket.deadlines.values_list("kind", "state")),
    }


def told_about(ticket: Ticket) -> Iterator[tuple[Any, ...]]:
    """Told is told: whether alone or in a summary depends on how many other disputes the same
    people had letters about a moment ago."""
    told = {Notice.State.FOLDED: Notice.State.SENT}
    letters = Notice.objects.filter(ticket=ticket)
    for audience, user, kind, state in letters.values_list("audience", "user", "kind", "state"):
        yield audience, user, kind, told.get(Notice.State(state), state)


def choose(points: list[str]) -> list[int]:
    if EVERY_POINT:
        return list(range(len(points)))
    side = "after" if connection.vendor == "postgresql" else "before"
    return [
        index
        for index, point in enumerate(points)
        if point.startswith(side) and not point.endswith(BESIDE)
    ]


@pytest.mark.parametrize("name", PATHS)
def test_a_worker_that_dies_at_any_point(
    name: str, desk: Desk, simulator: Simulator, workers: Workers
) -> None:
    path = PATHS[name]
    whole = begin(name, desk, simulator)
    said = workers.go(name, desk, whole)
    assert said["exit"] == 0
    expected = story_of(whole, simulator)
    assert expected["ends"] == path.ends
    points = said["points"]
    assert sum(point == "before call" for point in points) >= 1

    chosen = choose(points)
    for index in chosen:
        ticket = begin(name, desk, simulator)
        died = workers.go(name, desk, ticket, die_at=index)
        assert died["exit"] == DIED, f"{index} {points[index]}"
        take_up(name, desk, simulator, ticket)
        assert story_of(ticket, simulator) == expected, f"died {index}: {points[index]}"

    kinds = Counter(point.partition(":")[0] for point in points)
    print(f"\n{name}: {len(chosen)} of {len(points)} points, {dict(kinds)}")
    assert desk.worries() == {}
