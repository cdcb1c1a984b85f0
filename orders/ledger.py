"""The books: every movement of refund money as balanced lines, and the payments' counters.

Nobody else writes ``Payment.reserved_fen`` and ``refunded_fen``: the counters decide how much may
still go back, the entries say why, and both change in one transaction under the payment's lock.

    reserve   payments_received            -> customer_refunds_reserved
    settle    customer_refunds_reserved    -> refunds_paid:<channel>
    release   customer_refunds_reserved    -> payments_received
    late arrival after a refund, both customer's gain and the shop's claim:
              goods_delivered -> compensation,  compensation -> recourse:<supplier>
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from django.db.transaction import TransactionManagementError

from orders.models import LedgerEntry, Payment, Recourse, Refund

RECEIVED = "payments_received"
RESERVED = "customer_refunds_reserved"
PAID = "refunds_paid"
COMPENSATION = "compensation"
GOODS = "goods_delivered"

Kind = LedgerEntry.Kind


class UnbalancedJournal(Exception):
    """The lines of a journal do not add up to zero: a mistake in the program, nothing is saved."""


def post(
    kind: LedgerEntry.Kind,
    lines: Mapping[str, int],
    *,
    order_id: int,
    payment: Payment | None = None,
    refund: Refund | None = None,
    now: datetime,
) -> None:
    """This function will write one journal: account -> signed fen, empty lines left out.

    :raises UnbalancedJournal: they do not add up to zero.
    """
    if not connection.in_atomic_block:
        # SQLite would save half of it; PostgreSQL has refused the lock before this.
        raise TransactionManagementError("Money moves inside a transaction only.")
    if sum(lines.values()) != 0:
        raise UnbalancedJournal(f"{kind}: {dict(lines)}")
    journal = uuid.uuid4()
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            journal=journal,
            kind=kind,
            account=account,
            amount_fen=amount_fen,
            order_id=order_id,
            payment=payment,
            refund=refund,
            at=now,
        )
        for account, amount_fen in lines.items()
        if amount_fen
    )


def reserve(payment: Payment, refund: Refund, *, now: datetime) -> None:
    """This function will keep a refund's amount ready on its locked payment."""
    amount = refund.amount_fen
    payment.reserved_fen += amount
    payment.save(update_fields=["reserved_fen"])
    _post_refund(Kind.RESERVE, {RECEIVED: -amount, RESERVED: amount}, payment, refund, now)


def release(payment: Payment, refund: Refund, *, now: datetime) -> None:
    """This function will free what a refund had reserved: nothing went back."""
    amount = refund.amount_fen
    payment.reserved_fen -= amount
    payment.save(update_fields=["reserved_fen"])
    _post_refund(Kind.RELEASE, {RESERVED: -amount, RECEIVED: amount}, payment, refund, now)


def can_settle(payment: Payment, refund: Refund, paid_fen: int) -> bool:
    """This function will say whether the payment still covers what a channel says it paid."""
    held = refund.amount_fen if refund.is_live else 0
    return paid_fen <= payment.refundable_fen + held


def settle(
    payment: Payment, refund: Refund, *, paid_fen: int, channel: str = "", now: datetime
) -> None:
    """This function will book what really went back, out of the reservation where there is one.

    What was reserved beyond it is free again. Call it before the refund's state changes.
    """
    held = refund.amount_fen if refund.is_live else 0
    payment.reserved_fen -= held
    payment.refunded_fen += paid_fen
    payment.save(update_fields=["reserved_fen", "refunded_fen"])
    refund.paid_fen = paid_fen
    paid_account = f"{PAID}:{channel or payment.channel}"
    lines = {RESERVED: -held, paid_account: paid_fen, RECEIVED: held - paid_fen}
    _post_refund(Kind.SETTLE, lines, payment, refund, now)


def open_claim(recourse: Recourse, *, now: datetime) -> None:
    """This function will book that a customer has both goods and money, at the supplier's cost."""
    amount = recourse.amount_fen
    claim = f"recourse:{recourse.supplier}"
    lines = {GOODS: -amount, COMPENSATION: amount}
    post(Kind.COMPENSATION, lines, order_id=recourse.order_id, now=now)
    lines = {COMPENSATION: -amount, claim: amount}
    post(Kind.RECOURSE, lines, order_id=recourse.order_id, now=now)


def close_claim(recourse: Recourse, *, now: datetime) -> None:
    """This function will book the end of a claim: recovered, or borne by the shop after all."""
    amount = recourse.amount_fen
    recovered = recourse.state == Recourse.State.RECOVERED
    to = f"recovered:{recourse.supplier}" if recovered else COMPENSATION
    lines = {f"recourse:{recourse.supplier}": -amount, to: amount}
    kind = Kind.RECOURSE if recovered else Kind.COMPENSATION
    post(kind, lines, order_id=recourse.order_id, now=now)


def _post_refund(
    kind: LedgerEntry.Kind, lines: dict[str, int], payment: Payment, refund: Refund, now: datetime
) -> None:
    post(kind, lines, order_id=payment.order_id, payment=payment, refund=refund, now=now)


# --- Is it right? -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """Something that should be equal and is not; in fen."""

    what: str
    ours_fen: int
    ledger_fen: int


def get_balance(account: str, **only: object) -> int:
    """This function will add up an account, or with ``payment=``, ``order=`` a part of it."""
    entries = LedgerEntry.objects.filter(account=account, **only)
    return int(entries.aggregate(sum=Coalesce(Sum("amount_fen"), 0))["sum"])


def find_differences() -> Iterator[Difference]:
    """This function will compare counters with entries, and every journal with zero; good is
    nothing at all."""
    unbalanced = (
        LedgerEntry.objects.order_by()
        .values("journal")
        .annotate(sum=Sum("amount_fen"))
        .exclude(sum=0)
    )
    for row in unbalanced:
        yield Difference(f"journal {row['journal']}", 0, row["sum"])
    for name, prefix in (("reserved_fen", RESERVED), ("refunded_fen", PAID)):
        entries = (
            LedgerEntry.objects.filter(payment=OuterRef("pk"), account__startswith=prefix)
            .order_by()
            .values("payment")
            .annotate(sum=Sum("amount_fen"))
            .values("sum")
        )
        payments = Payment.objects.annotate(booked=Coalesce(Subquery(entries), 0))
        for payment in payments.exclude(booked=F(name)).order_by("pk").iterator():
            what = f"payment {payment.pk} {name}"
            yield Difference(what, getattr(payment, name), payment.booked)
