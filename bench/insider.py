"""A process of the desk's own kind beside a running desk: makes refund intents through the domain,
looks on, presses the buttons that people press, and at the end reads out the desk's books.

    python -m bench.insider      one JSON object a line in, one out

    {"do": "channels"}           -> the channels whose refunds this desk can send
    {"do": "place", "orders": []} -> order number -> the numbers that its refunds will have
    {"do": "plan", "orders": []} -> how many wishes were planned, how many second ones refused;
                                    with "held" they wait for "release"
    {"do": "release", "origins": []} -> how many held refunds may go now, all at once
    {"do": "watch"}              -> refunds by state; how long the most overdue step has waited
    {"do": "order_again"}        -> how many finally refused refunds were ordered once more
    {"do": "query_now"}          -> how many refunds that wait longer than they must were hastened
    {"do": "read_books"}         -> every refund of the bench, sums, ledger, reconciliation
    {"do": "read_pace", "origins": []}   -> refunds a second, times to settle
    {"do": "time_steps", "orders": []}   -> what each step of a refund takes, in milliseconds
"""

import json
import os
import sys
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")
django.setup()

from django.db import connections, transaction  # noqa: E402
from django.db.models import Count, Min  # noqa: E402

from bench.books import list_refunds, read_books, read_pace  # noqa: E402
from bench.phases import time_steps  # noqa: E402
from helpdesk import clock  # noqa: E402
from helpdesk.wake import wake  # noqa: E402
from orders.channels import CODES, has_channel  # noqa: E402
from orders.intake import put_order  # noqa: E402
from orders.models import Order, Refund, refund_number  # noqa: E402
from orders.payload import OrderPayload, to_facts  # noqa: E402
from orders.refunds import RefundOrder, UnableToRefund, plan_refunds  # noqa: E402
from orders.routes import get_manners  # noqa: E402
from orders.settlement import hasten_refund  # noqa: E402

THREADS = 4
IN_FLIGHT = ("planned", "requested", "accepted", "unknown")


def main() -> int:
    verbs: dict[str, Callable[[dict[str, Any]], Any]] = {
        "channels": lambda _asked: [code for code in CODES if has_channel(code)],
        "place": lambda asked: place(asked["orders"]),
        "plan": lambda asked: plan(asked["orders"], held=asked.get("held", False)),
        "release": lambda asked: release(asked["origins"]),
        "watch": lambda _asked: watch(),
        "order_again": lambda _asked: order_again(),
        "query_now": lambda _asked: query_now(),
        "read_books": lambda asked: read_books(
            asked["channels"], datetime.fromisoformat(asked["since"])
        ),
        "read_pace": lambda asked: read_pace(asked["origins"]),
        "time_steps": lambda asked: time_steps(asked["orders"], place_order),
    }
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(verbs[asked["do"]](asked), default=str), flush=True)
    return 0


def place(orders: list[dict[str, Any]]) -> dict[str, list[str]]:
    """This function will place orders; it says which numbers their refunds will have."""
    with ThreadPoolExecutor(THREADS) as pool:
        numbers = list(pool.map(in_thread(place_order), orders))
    return {order["order_no"]: found for order, found in zip(orders, numbers, strict=True)}


def place_order(order: dict[str, Any]) -> list[str]:
    now = clock.now()
    payload = OrderPayload(data=order["payload"], context={"now": now})
    payload.is_valid(raise_exception=True)
    facts = to_facts(payload.validated_data)
    stored = put_order(
        order_no=order["order_no"], facts=facts, source=Order.Source.SHOP_API, now=now
    )
    return [
        refund_number(
            origin=uuid.UUID(order["origin"]),
            purpose=Refund.Purpose.REMEDY,
            cycle=1,
            payment_uuid=str(payment.uuid),
            generation=1,
        )
        for payment in stored.order.payments.all()
    ]


def plan(orders: list[dict[str, Any]], *, held: bool) -> dict[str, int]:
    """This function will order the orders' refunds, some of them three times at once."""
    tries = [order | {"held": held} for order in orders for _try in range(order["tries"])]
    with ThreadPoolExecutor(THREADS) as pool:
        return dict(Counter(pool.map(in_thread(plan_one), tries)))


def in_thread(work: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def run(order: dict[str, Any]) -> Any:
        try:
            return work(order)
        finally:
            connections.close_all()

    return run


def plan_one(order: dict[str, Any]) -> str:
    row = Order.objects.get(order_no=order["order_no"])
    try:
        with transaction.atomic(durable=True):
            refunds = plan_refunds(
                order_id=row.pk,
                intent=name_intent(uuid.UUID(order["origin"])),
                amount_fen=order["amount_fen"],
                held=order["held"],
                now=clock.now(),
            )
            for refund in refunds * order["extra_wakes"]:
                wake("orders.tasks.execute_refund", refund.pk)
    except UnableToRefund:
        return "refused"
    return "planned"


def release(origins: list[str]) -> int:
    """This function will do at one stroke what release_refunds does for each origin: a heap."""
    now, held = clock.now(), list_refunds().filter(origin__in=origins, held=True)
    ids = list(held.values_list("pk", flat=True))
    Refund.objects.filter(pk__in=ids).update(
        held=False, state=Refund.State.REQUESTED, requested_at=now, next_attempt_at=now
    )
    for refund_id in ids:
        wake("orders.tasks.execute_refund", refund_id)
    return len(ids)


def name_intent(origin: uuid.UUID) -> RefundOrder:
    return RefundOrder(
        origin=origin, purpose=Refund.Purpose.REMEDY, cycle=1, requested_by="staff:0"
    )


def watch() -> dict[str, Any]:
    now = clock.now()
    states = list_refunds().order_by().values("state").annotate(count=Count("pk"))
    live = list_refunds().filter(state__in=IN_FLIGHT)
    first_due = live.filter(next_attempt_at__lte=now).aggregate(at=Min("next_attempt_at"))["at"]
    return {
        "states": {row["state"]: row["count"] for row in states},
        "unsettled": live.count() + len(find_refused()),
        "unscheduled": live.filter(next_attempt_at=None).count(),
        "overdue_s": (now - first_due).total_seconds() if first_due else 0.0,
    }


def order_again() -> int:
    """This function will do what a supervisor does about a refund that its channel refused for
    good: find out why, and order it once more. It keeps its number unless that was closed."""
    again = 0
    for refund in find_refused():
        payments = refund.payment.order.payments.count()
        with suppress(UnableToRefund), transaction.atomic(durable=True):
            plan_refunds(
                order_id=refund.payment.order_id,
                intent=name_intent(refund.origin),
                # What was paid in parts was wanted whole, and both parts may be refused.
                amount_fen=refund.amount_fen if payments == 1 else None,
                now=clock.now(),
            )
            again += 1
    return again


def find_refused() -> list[Refund]:
    """This function will list the refunds that were refused for good and not ordered again."""
    rejected = list_refunds().filter(state=Refund.State.REJECTED)
    same = Refund.objects.filter(origin__in=list(rejected.values_list("origin", flat=True)))
    last: dict[tuple[uuid.UUID, int], Refund] = {}
    for refund in same.select_related("payment__order").order_by("generation"):
        last[refund.origin, refund.payment_id] = refund
    return [refund for refund in last.values() if refund.state == Refund.State.REJECTED]


def query_now() -> int:
    """This function will press "Query now" on every refund that waits longer than its channel's
    minimum wait, as an impatient supervisor would."""
    now, pressed = clock.now(), 0
    waiting = list_refunds().filter(
        state__in=IN_FLIGHT, last_sent_at__isnull=False, next_attempt_at__gt=now
    )
    for refund in waiting.select_related("payment"):
        soonest = refund.last_sent_at + get_manners(refund.payment.channel).min_query_wait
        if refund.next_attempt_at > max(now, soonest) + timedelta(seconds=1):
            pressed += hasten_refund(refund_no=refund.refund_no, now=now)
    return pressed


if __name__ == "__main__":
    sys.exit(main())
