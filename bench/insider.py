"""A process of the desk's own kind beside a running desk: makes refund intents through the domain,
looks on, and at the end reads out the desk's books.

    python -m bench.insider      one JSON object a line in, one out

    {"do": "channels"}           -> the channels whose refunds this desk can send
    {"do": "plan", "orders": []} -> how many intents were planned, how many second wishes refused
    {"do": "watch"}              -> refunds by state; how long the most overdue step has waited
    {"do": "hurry"}              -> as if the waits were over: what no worker holds is due now
    {"do": "read_books"}         -> every refund of the bench, sums, the ledger's own check
"""

import importlib.util
import json
import os
import sys
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")
django.setup()

from django.db import connections, transaction  # noqa: E402
from django.db.models import Count, F, Min, Q, Sum  # noqa: E402

from helpdesk import clock  # noqa: E402
from helpdesk.wake import wake  # noqa: E402
from orders.channels import CODES, has_channel  # noqa: E402
from orders.intake import put_order  # noqa: E402
from orders.models import Order, Payment, Refund  # noqa: E402
from orders.payload import OrderPayload, to_facts  # noqa: E402
from orders.refunds import RefundOrder, UnableToRefund, plan_refunds  # noqa: E402

#: Orders of the bench begin with this; those of the demo shop do not.
PREFIX = "BENCH"
THREADS = 4
IN_FLIGHT = ("planned", "requested", "accepted", "unknown")


def main() -> int:
    verbs: dict[str, Callable[[dict[str, Any]], Any]] = {
        "channels": lambda _asked: [code for code in CODES if has_channel(code)],
        "plan": lambda asked: plan(asked["orders"]),
        "watch": lambda _asked: watch(),
        "hurry": lambda _asked: hurry(),
        "read_books": lambda asked: read_books(asked["channels"]),
    }
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(verbs[asked["do"]](asked), default=str), flush=True)
    return 0


def plan(orders: list[dict[str, Any]]) -> dict[str, int]:
    """This function will place orders and order their refunds, some of them twice at once."""
    tries = [order for order in orders for _try in range(order["tries"])]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(in_thread(place_order), orders))
        return dict(Counter(pool.map(in_thread(plan_one), tries)))


def in_thread(work: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def run(order: dict[str, Any]) -> Any:
        try:
            return work(order)
        finally:
            connections.close_all()

    return run


def place_order(order: dict[str, Any]) -> None:
    now = clock.now()
    payload = OrderPayload(data=order["payload"], context={"now": now})
    payload.is_valid(raise_exception=True)
    facts = to_facts(payload.validated_data)
    put_order(order_no=order["order_no"], facts=facts, source=Order.Source.SHOP_API, now=now)


def plan_one(order: dict[str, Any]) -> str:
    intent = RefundOrder(
        origin=uuid.UUID(order["origin"]),
        purpose=Refund.Purpose.REMEDY,
        cycle=1,
        requested_by="staff:0",
        reason="",
    )
    row = Order.objects.get(order_no=order["order_no"])
    try:
        with transaction.atomic(durable=True):
            refunds = plan_refunds(
                order_id=row.pk, intent=intent, amount_fen=order["amount_fen"], now=clock.now()
            )
            for refund in refunds * order["extra_wakes"]:
                wake("orders.tasks.execute_refund", refund.pk)
    except UnableToRefund:
        return "refused"
    return "planned"


def watch() -> dict[str, Any]:
    now = clock.now()
    ours = ours_only()
    states = ours.order_by().values("state").annotate(count=Count("pk"))
    live = ours.filter(state__in=IN_FLIGHT)
    first_due = live.filter(next_attempt_at__lte=now).aggregate(at=Min("next_attempt_at"))["at"]
    return {
        "states": {row["state"]: row["count"] for row in states},
        "live": live.count(),
        "unscheduled": live.filter(next_attempt_at=None).count(),
        "overdue_s": seconds(first_due, now) or 0.0,
        "next_step_in_s": seconds(now, live.aggregate(at=Min("next_attempt_at"))["at"]),
    }


def hurry() -> int:
    """This function will shorten the waits between tries. What a worker holds, or held when it was
    killed, keeps its lease: more calls were begun than are written down."""
    asked = Count("calls", filter=Q(calls__operation__in=("request", "query")))
    ours = ours_only().filter(state__in=IN_FLIGHT, next_attempt_at__gt=clock.now())
    free = ours.annotate(asked=asked).filter(asked__gte=F("attempts"))
    waiting = Refund.objects.filter(pk__in=list(free.values_list("pk", flat=True)))
    return waiting.filter(next_attempt_at__gt=clock.now()).update(next_attempt_at=clock.now())


def read_books(channels: list[str]) -> dict[str, Any]:
    refunds = ours_only().select_related("payment__order").order_by("pk")
    payments = Payment.objects.filter(order__order_no__startswith=PREFIX)
    return {
        "refunds": [describe(refund) for refund in refunds],
        "known_numbers": list(Refund.objects.values_list("refund_no", flat=True)),
        "refunded_fen": payments.aggregate(fen=Sum("refunded_fen"))["fen"] or 0,
        "reserved_fen": payments.aggregate(fen=Sum("reserved_fen"))["fen"] or 0,
        "overdrawn": sum(p.refunded_fen + p.reserved_fen > p.amount_fen for p in payments),
        **read_ledger(),
        "reconciled": reconcile(channels),
    }


def describe(refund: Refund) -> dict[str, Any]:
    return {
        "number": refund.refund_no,
        "intent": f"{refund.origin}:{refund.payment.pk}",
        "channel": refund.payment.channel,
        "trade_no": refund.payment.trade_no,
        "amount_fen": refund.amount_fen,
        "state": refund.state,
        "code": refund.code,
        "settled_after_s": seconds(refund.requested_at, refund.settled_at),
        "calls": dict(Counter(refund.calls.values_list("operation", flat=True))),
    }


def read_ledger() -> dict[str, Any]:
    """The double entry, where this desk keeps one."""
    if importlib.util.find_spec("orders.ledger") is None:
        return {}
    from orders import ledger
    from orders.models import LedgerEntry

    paid = LedgerEntry.objects.filter(
        account__startswith="refunds_paid", order__order_no__startswith=PREFIX
    )
    return {
        "ledger_paid_fen": paid.aggregate(fen=Sum("amount_fen"))["fen"] or 0,
        "ledger_differences": [str(difference) for difference in ledger.find_differences()],
    }


def reconcile(channels: list[str]) -> dict[str, Any]:
    """Today's bills of the channels, where this desk can fetch and compare them."""
    if importlib.util.find_spec("orders.reconciling") is None:
        return {}
    from orders.reconciling.bills import fetched_bills
    from orders.reconciling.runs import list_channels
    from orders.reconciling.runs import reconcile as reconcile_day
    from orders.reconciling.statement import day_of

    matched: dict[str, int] = {}
    differences: list[str] = []
    for channel in (code for code in list_channels() if code in channels):
        today = day_of(clock.now())
        bills = fetched_bills(channel, today=today)
        run = reconcile_day(channel=channel, day=today, bills=bills, by="bench", now=clock.now())
        matched[channel] = run.matched
        differences += [f"{channel}: {run.message}"] if run.message else []
        differences += [
            f"{channel}: {row.kind} {row.subject} {row.number}" for row in run.differences.all()
        ]
    return {"matched": matched, "differences": differences}


def ours_only() -> Any:
    return Refund.objects.filter(payment__order__order_no__startswith=PREFIX)


def seconds(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None


if __name__ == "__main__":
    sys.exit(main())
