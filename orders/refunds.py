"""Planning refunds: what is given back is reserved and numbered before anything is sent.

A refund is a row with a number that never changes. orders.settlement sends it and asks about it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from helpdesk.wake import wake
from orders import ledger
from orders.calling_off import call_off_top_ups
from orders.entitlement import get_standing
from orders.limits import Limit, claim_limits
from orders.models import Order, OrderEvent, Payment, Refund, refund_number
from orders.refusals import Refused

State = Refund.State
#: What a row loses when the same intent is tried once more.
FRESH: dict[str, Any] = {
    "attempts": 0,
    "not_found_count": 0,
    "refusals": 0,
    "last_sent_at": None,
    "settled_at": None,
    "paid_fen": None,
}


class UnableToRefund(Refused):
    """There is nothing left that could be given back, or not as much as was asked."""

    code = "nothing_to_refund"


@dataclass(frozen=True)
class RefundOrder:
    """Who wants a refund and why: the identity its number is derived from."""

    origin: UUID
    purpose: Refund.Purpose
    cycle: int
    requested_by: str
    reason: str = ""


def plan_refunds(
    *,
    order_id: int,
    intent: RefundOrder,
    amount_fen: int | None,
    now: datetime,
    limits: Sequence[Limit] = (),
    held: bool = False,
) -> list[Refund]:
    """This function will reserve ``amount_fen`` on the order's payments and fix the numbers.

    None means all that is owed. Runs in the caller's transaction, after the caller's own locks;
    then locks order, payments, counters. A held refund waits for ``release_refunds``; any other
    is sent by a task after the commit. The latest payment is refunded first: of two payments for
    one delivery the second is the surplus one.

    :raises UnableToRefund: nothing is owed, or more is asked than was paid and is left.
    :raises LimitExceeded: a limit has no room; nothing was reserved.
    """
    order = Order.objects.select_for_update().get(pk=order_id)
    payments = list(
        Payment.objects.select_for_update()
        .filter(order=order, status=Payment.Status.PAID)
        .order_by("pk")
    )
    standing = get_standing(order)
    wanted = standing.owed_fen if amount_fen is None else amount_fen
    if wanted <= 0:
        raise UnableToRefund(_("Nothing is owed on this order any more."))
    if wanted > standing.refundable_fen:
        raise UnableToRefund(
            _("At most %(limit)s can be refunded on this order; %(asked)s was asked.")
            % {"limit": yuan(standing.refundable_fen), "asked": yuan(wanted)},
            code="more_than_refundable",
            field="amount_fen",
            limit=standing.refundable_fen,
        )
    parts = _allocate(payments, wanted)
    # Before anything is counted or reserved: a caller that catches a refusal goes on and commits.
    _refuse_second(intent, [payment for payment, _part in parts])
    claim_limits(limits=limits, amount_fen=wanted, now=now)
    refunds = [
        _plan_one(payment, part, intent=intent, held=held, now=now) for payment, part in parts
    ]
    for refund in refunds:
        append_event(refund, OrderEvent.Kind.REFUND_PLANNED, now=now)
        if not held:
            wake("orders.tasks.execute_refund", refund.pk)
    call_off_top_ups(order, now=now)
    return refunds


def _allocate(payments: list[Payment], wanted: int) -> list[tuple[Payment, int]]:
    parts = []
    for payment in sorted(payments, key=lambda p: (p.paid_at is None, p.paid_at, p.pk))[::-1]:
        part = min(payment.refundable_fen, wanted)
        if part > 0:
            parts.append((payment, part))
            wanted -= part
    return parts


def _refuse_second(intent: RefundOrder, payments: list[Payment]) -> None:
    live = Refund.objects.filter(
        origin=intent.origin,
        purpose=intent.purpose,
        cycle=intent.cycle,
        payment__in=payments,
        state__in=Refund.HOLDING_STATES,
    )
    if live.exists():
        raise UnableToRefund(_("A refund for this is already under way."), code="already_live")


def _plan_one(
    payment: Payment,
    amount_fen: int,
    *,
    intent: RefundOrder,
    held: bool,
    now: datetime,
) -> Refund:
    same = {
        "origin": intent.origin,
        "purpose": intent.purpose,
        "cycle": intent.cycle,
        "payment": payment,
    }
    fields: dict[str, Any] = {
        "amount_fen": amount_fen,
        "state": State.PLANNED if held else State.REQUESTED,
        "held": held,
        "reason": intent.reason[:200],
        "requested_by": intent.requested_by,
        "planned_at": now,
        "requested_at": None if held else now,
        "next_attempt_at": None if held else now,
    }
    last = Refund.objects.filter(**same).order_by("-generation").first()
    if last is not None and _keeps_number(last, amount_fen):
        refund = _plan_again(last, fields)
    else:
        generation = last.generation + 1 if last is not None else 1
        refund = Refund.objects.create(
            refund_no=_number(same, generation), generation=generation, **same, **fields
        )
    ledger.reserve(payment, refund, now=now)
    return refund


def _keeps_number(last: Refund, amount_fen: int) -> bool:
    """Definitely refused before, so nothing moved: the same intent keeps the same number, unless
    its channel has closed that number for good."""
    return last.state == State.REJECTED and last.amount_fen == amount_fen and not last.number_closed


def _number(same: dict[str, Any], generation: int) -> str:
    return refund_number(
        origin=same["origin"],
        purpose=same["purpose"],
        cycle=same["cycle"],
        payment_uuid=str(same["payment"].uuid),
        generation=generation,
    )


def _plan_again(refund: Refund, fields: dict[str, Any]) -> Refund:
    fields = FRESH | fields
    for name, value in fields.items():
        setattr(refund, name, value)
    refund.save(update_fields=list(fields))
    return refund


def replace_refund(old: Refund, payment: Payment, *, not_before: datetime, now: datetime) -> Refund:
    """This function will ask once more under a new number for what a channel closed unpaid.

    Only a definite CLOSED may bring it here: under any other answer a second number pays twice.
    The old refund has freed its reservation; the payment is locked.
    """
    same = {
        "origin": old.origin,
        "purpose": old.purpose,
        "cycle": old.cycle,
        "payment": payment,
    }
    generation = old.generation + 1
    refund = Refund.objects.create(
        refund_no=_number(same, generation),
        generation=generation,
        replaces=old,
        amount_fen=old.amount_fen,
        state=State.REQUESTED,
        at_risk=old.at_risk,
        reason=old.reason,
        requested_by=old.requested_by,
        planned_at=now,
        requested_at=now,
        next_attempt_at=not_before,
        **same,
    )
    ledger.reserve(payment, refund, now=now)
    append_event(refund, OrderEvent.Kind.REFUND_PLANNED, now=now)
    return refund


def release_refunds(*, origin: UUID, now: datetime) -> list[Refund]:
    """This function will let held refunds go to their channels, after somebody decided so."""
    held = Refund.objects.filter(origin=origin, held=True)
    orders = Order.objects.select_for_update().filter(
        pk__in=list(held.values_list("payment__order_id", flat=True))
    )
    locked = list(orders.order_by("pk"))
    refunds = list(held.select_for_update().order_by("pk"))
    for refund in refunds:
        refund.held, refund.state = False, State.REQUESTED
        refund.requested_at = refund.next_attempt_at = now
        refund.save(update_fields=["held", "state", "requested_at", "next_attempt_at"])
        wake("orders.tasks.execute_refund", refund.pk)
    for order in locked:
        call_off_top_ups(order, now=now)
    return refunds


def cancel_held_refunds(*, origin: UUID, code: str, now: datetime) -> None:
    """This function will give up held refunds and free what they had reserved."""
    held = Refund.objects.filter(origin=origin, held=True)
    payments = Payment.objects.select_for_update().filter(
        pk__in=list(held.values_list("payment_id", flat=True))
    )
    by_id = {payment.pk: payment for payment in payments.order_by("pk")}
    for refund in held.select_for_update().order_by("pk"):
        ledger.release(by_id[refund.payment_id], refund, now=now)
        refund.held, refund.state, refund.code, refund.settled_at = False, State.REJECTED, code, now
        refund.save(update_fields=["held", "state", "code", "settled_at"])


def append_event(refund: Refund, kind: OrderEvent.Kind, *, now: datetime, **more: Any) -> None:
    OrderEvent.objects.create(
        order_id=refund.payment.order_id,
        kind=kind,
        at=now,
        not_before=now,
        data={
            "refund_no": refund.refund_no,
            "origin": str(refund.origin),
            "amount_fen": refund.amount_fen if refund.paid_fen is None else refund.paid_fen,
            "code": refund.code,
            **more,
        },
    )


def yuan(fen: int) -> str:
    return f"¥{fen // 100}.{fen % 100:02d}"
