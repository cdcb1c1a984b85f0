"""The desk's own books at the end, read inside the desk: refunds, sums, ledger, reconciliation."""

import io
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

from django.core.management import CommandError, call_command
from django.db.models import Sum

from helpdesk import clock
from orders import ledger
from orders.models import LedgerEntry, Payment, ReconciliationRun, Refund
from orders.reconciling.nightly import list_channels
from orders.reconciling.statement import day_of

#: Orders of the bench begin with this; those of the demo shop do not.
PREFIX = "BENCH"


def list_refunds() -> Any:
    return Refund.objects.filter(payment__order__order_no__startswith=PREFIX)


def read_books(channels: list[str], since: datetime) -> dict[str, Any]:
    """This function will read everything that the oracle compares."""
    refunds = list_refunds().select_related("payment__order").order_by("pk")
    payments = Payment.objects.filter(order__order_no__startswith=PREFIX)
    paid = LedgerEntry.objects.filter(
        account__startswith="refunds_paid", order__order_no__startswith=PREFIX
    )
    return {
        "refunds": [describe(refund) for refund in refunds],
        "known_numbers": list(Refund.objects.values_list("refund_no", flat=True)),
        "refunded_fen": payments.aggregate(fen=Sum("refunded_fen"))["fen"] or 0,
        "reserved_fen": payments.aggregate(fen=Sum("reserved_fen"))["fen"] or 0,
        "overdrawn": sum(p.refunded_fen + p.reserved_fen > p.amount_fen for p in payments),
        "ledger_paid_fen": paid.aggregate(fen=Sum("amount_fen"))["fen"] or 0,
        "ledger_differences": [str(difference) for difference in ledger.find_differences()],
        "reconciled": reconcile_all(channels, since=since),
    }


def describe(refund: Refund) -> dict[str, Any]:
    calls = Counter(refund.calls.values_list("operation", flat=True))
    finished = calls["request"] + calls["query"]
    return {
        "number": refund.refund_no,
        "intent": f"{refund.origin}:{refund.payment.pk}",
        "channel": refund.payment.channel,
        "trade_no": refund.payment.trade_no,
        "amount_fen": refund.amount_fen,
        "state": refund.state,
        "code": refund.code,
        "requested_at": refund.requested_at,
        "settled_at": refund.settled_at,
        # Begun by a worker that did not live to write down what came of it.
        "cut_off": max(0, refund.attempts - finished),
    }


def reconcile_all(channels: list[str], *, since: datetime) -> dict[str, Any]:
    """This function will run the desk's own `reconcile` over the days of the bench, for each
    channel of which there are bills."""
    matched: Counter[str] = Counter()
    differences: list[str] = []
    today = day_of(clock.now())
    days = [day_of(since) + timedelta(days=n) for n in range((today - day_of(since)).days + 1)]
    for channel in (code for code in list_channels() if code in channels):
        for day in days:
            matched[channel] += 0
            differences += reconcile_day(channel, day, matched)
    return {"matched": matched, "differences": differences}


def reconcile_day(channel: str, day: date, matched: Counter[str]) -> list[str]:
    said = io.StringIO()
    try:
        call_command("reconcile", channel=channel, date=day.isoformat(), stdout=said)
        code = 0
    except CommandError as error:
        code = error.returncode
        said.write(str(error))
    run = ReconciliationRun.objects.filter(channel=channel, day=day).latest("pk")
    matched[channel] += run.matched
    if code == 0:
        return []
    rows = [f"{channel}: {row.kind} {row.subject} {row.number}" for row in run.differences.all()]
    return rows or [f"{channel} {day}: exit code {code}: {said.getvalue()[-300:]}"]


def read_pace(origins: list[str]) -> dict[str, Any]:
    """This function will say how fast a heap of refunds was settled."""
    refunds = Refund.objects.filter(origin__in=origins, state=Refund.State.SUCCEEDED)
    times = [
        (start, end)
        for start, end in refunds.values_list("requested_at", "settled_at")
        if start and end
    ]
    waits = sorted((end - start).total_seconds() for start, end in times)
    whole = max(end for _start, end in times) - min(start for start, _end in times)
    return {
        "refunds": len(times),
        "per_second": len(times) / whole.total_seconds(),
        "p50_s": waits[len(waits) // 2],
        "p99_s": waits[int(len(waits) * 0.99)],
    }
