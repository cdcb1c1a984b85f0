"""Reports: disputes, promises and money, grouped by whom or by what."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import (
    Count,
    F,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
)
from django.db.models.functions import Coalesce, ExtractHour

from orders.models import Order, Payment, Refund
from tickets.models import Ticket
from tickets.reports import Kept, Kind, Period, judged, name_fate
from tickets.staffing import desk_tz


def first_channel(order: str) -> Subquery:
    """The channel of an order's first payment: of several the one it began with."""
    payments = Payment.objects.filter(order=OuterRef(order)).order_by("pk")
    return Subquery(payments.values("channel")[:1])


def of_ticket(column: str) -> Subquery:
    """A column of the dispute that a refund was given for; null where nobody had to ask."""
    return Subquery(Ticket.objects.filter(uuid=OuterRef("origin")).values(column)[:1])


#: Ways to group, each with its expression for tickets, for their deadlines and for refunds.
GROUPS: dict[str, tuple[Any, Any, Any]] = {
    "agent": (F("assignee"), F("ticket__assignee"), of_ticket("assignee")),
    "supplier": (
        F("order__supplier"),
        F("ticket__order__supplier"),
        F("payment__order__supplier"),
    ),
    "channel": (
        first_channel("order"),
        first_channel("ticket__order"),
        F("payment__channel"),
    ),
    "product": (
        F("order__product_name"),
        F("ticket__order__product_name"),
        F("payment__order__product_name"),
    ),
    "cause": (F("cause"), F("ticket__cause"), of_ticket("cause")),
    "hour": (
        ExtractHour("opened_at", tzinfo=desk_tz()),
        ExtractHour("ticket__opened_at", tzinfo=desk_tz()),
        ExtractHour(of_ticket("opened_at"), tzinfo=desk_tz()),
    ),
}


@dataclass
class Row:
    """One line of a report. ``opened`` counts disputes opened in the period; promises and money
    count where they were sealed and settled in it."""

    key: Any
    opened: int = 0
    promise: Kept = field(default_factory=Kept)
    late_replies: int = 0
    late_handling: int = 0
    refunds: int = 0
    refunded_fen: int = 0


def report(by: str, period: Period, *, now: datetime) -> list[Row]:
    """This function will make the report by one of GROUPS, busiest first (hours in their order).

    Three statements, however many rows.
    """
    of_tickets, of_deadlines, of_refunds = GROUPS[by]
    rows: dict[Any, Row] = {}
    opened = opened_in(period).annotate(key=of_tickets).values_list("key")
    for key, count in opened.annotate(n=Count("pk")):
        row_of(rows, key).opened += count
    fates = judged(period, now=now).annotate(key=of_deadlines)
    for key, kind, is_broken, state, count in fates.values_list(
        "key", "kind", "is_broken", "state"
    ).annotate(n=Count("pk")):
        add_fate(row_of(rows, key), kind, name_fate(is_broken, state), count)
    for key, count, fen in (
        settled_in(period)
        .annotate(key=of_refunds)
        .values_list("key")
        .annotate(n=Count("pk"), fen=Sum(Coalesce("paid_fen", "amount_fen")))
    ):
        row = row_of(rows, key)
        row.refunds, row.refunded_fen = row.refunds + count, row.refunded_fen + fen
    if by == "hour":
        return sorted(rows.values(), key=lambda row: (row.key is None, row.key))
    return sorted(rows.values(), key=lambda row: (-row.opened, -row.refunds, str(row.key)))


def row_of(rows: dict[Any, Row], key: Any) -> Row:
    """Nothing known is one line, whether the column is empty or null."""
    known = None if key == "" else key
    return rows.setdefault(known, Row(known))


def add_fate(row: Row, kind: str, fate: str, count: int) -> None:
    if kind == Kind.COMMITMENT:
        row.promise.add(fate, count)
    elif fate == "broken":
        if kind == Kind.FIRST_REPLY:
            row.late_replies += count
        else:
            row.late_handling += count


def total(rows: Iterable[Row]) -> Row:
    """This function will add the lines of a report up."""
    result = Row("")
    for row in rows:
        result.opened += row.opened
        for fate in ("kept", "broken", "given_up"):
            result.promise.add(fate, getattr(row.promise, fate))
        result.late_replies += row.late_replies
        result.late_handling += row.late_handling
        result.refunds += row.refunds
        result.refunded_fen += row.refunded_fen
    return result


def opened_in(period: Period) -> QuerySet[Ticket]:
    return Ticket.objects.filter(
        is_drill=False, opened_at__gte=period.since, opened_at__lt=period.until
    ).order_by()


def settled_in(period: Period) -> QuerySet[Refund]:
    """Money that really went back in the period, whoever asked for it."""
    return (
        Refund.objects.filter(
            state=Refund.State.SUCCEEDED,
            settled_at__gte=period.since,
            settled_at__lt=period.until,
        )
        .exclude(payment__order__source=Order.Source.DRILL)
        .order_by()
    )
