"""Our side of a bill: payments and refunds of one channel, as entries to compare."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Coalesce

from orders.models import HandSettlement, Payment, Refund
from orders.reconciling.entries import Entry, Standing
from orders.reconciling.statement import BEIJING, Line, LineKind

#: SQLite allows a limited number of parameters in a statement.
CHUNK = 500
PAID_REFUNDS = (Refund.State.SUCCEEDED,)
UNDER_WAY = (
    Refund.State.REQUESTED,
    Refund.State.ACCEPTED,
    Refund.State.UNKNOWN,
    Refund.State.MANUAL,
)


def find_entries(*, channel: str, lines: Iterable[Line], posted: tuple[str, ...]) -> list[Entry]:
    """This function will find whatever a bill's lines may mean, whenever it was."""
    refund_nos, trade_nos, merchant_nos = set(), set(), set()
    for line in lines:
        if line.kind == LineKind.REFUND:
            refund_nos.add(line.refund_no)
        elif line.kind == LineKind.PAYMENT:
            trade_nos.add(line.trade_no)
            merchant_nos.add(line.merchant_trade_no)
    payments = Payment.objects.filter(channel=channel)
    entries = {
        (entry.kind, entry.pk): entry
        for name, numbers in (("channel_trade_no", trade_nos), ("merchant_trade_no", merchant_nos))
        for chunk in chunks(numbers)
        for entry in show_payments(payments.filter(**{f"{name}__in": chunk}))
    }
    refunds = select_refunds(channel, posted)
    for chunk in chunks(refund_nos):
        for entry in show_refunds(refunds.filter(refund_no__in=chunk)):
            entries[entry.kind, entry.pk] = entry
    return list(entries.values())


def get_expected(
    *, channel: str, day: date, posted: tuple[str, ...], until: datetime
) -> list[Entry]:
    """This function will list what should be on a day's bill that was asked for at `until`."""
    start = datetime(day.year, day.month, day.day, tzinfo=BEIJING)
    end = min(start + timedelta(days=1), until)
    payments = Payment.objects.filter(
        channel=channel, status=Payment.Status.PAID, paid_at__gte=start, paid_at__lt=end
    )
    refunds = select_refunds(channel, posted).filter(
        state__in=PAID_REFUNDS, by_hand=False, posted_at__gte=start, posted_at__lt=end
    )
    return [*show_payments(payments), *show_refunds(refunds)]


def select_refunds(channel: str, posted: tuple[str, ...]) -> "QuerySet[Any]":
    by_hand = HandSettlement.objects.filter(
        refund=OuterRef("pk"), state=HandSettlement.State.APPROVED, paid=True
    )
    posted_at = Coalesce(*posted) if len(posted) > 1 else F(posted[0])
    return (
        Refund.objects.filter(payment__channel=channel)
        .annotate(by_hand=Exists(by_hand), posted_at=posted_at)
        .select_related("payment")
        .order_by("pk")
    )


def show_payments(payments: "QuerySet[Payment]") -> Iterator[Entry]:
    for payment in payments.order_by("pk").iterator():
        is_paid = payment.status == Payment.Status.PAID
        yield Entry(
            kind=LineKind.PAYMENT,
            pk=payment.pk,
            amount_fen=payment.amount_fen,
            standing=Standing.DONE if is_paid else Standing.NOT_DONE,
            state=payment.status,
            trade_no=payment.channel_trade_no,
            merchant_trade_no=payment.merchant_trade_no,
            at=payment.paid_at,
        )


def show_refunds(refunds: "QuerySet[Any]") -> Iterator[Entry]:
    for refund in refunds.iterator():
        yield Entry(
            kind=LineKind.REFUND,
            pk=refund.pk,
            amount_fen=refund.amount_fen if refund.paid_fen is None else refund.paid_fen,
            standing=stand(refund),
            state=refund.state,
            trade_no=refund.payment.channel_trade_no,
            merchant_trade_no=refund.payment.merchant_trade_no,
            refund_no=refund.refund_no,
            at=refund.posted_at or refund.settled_at,
            first_at=refund.requested_at,
            last_at=refund.settled_at or refund.posted_at,
        )


def stand(refund: Any) -> Standing:
    if refund.state in PAID_REFUNDS:
        return Standing.DONE_OTHERWISE if refund.by_hand else Standing.DONE
    return Standing.UNDER_WAY if refund.state in UNDER_WAY else Standing.NOT_DONE


def chunks(numbers: Iterable[str]) -> Iterator[Sequence[str]]:
    known = sorted(number for number in numbers if number)
    for start in range(0, len(known), CHUNK):
        yield known[start : start + CHUNK]
