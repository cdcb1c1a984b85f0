"""Recourse: what a supplier owes when a customer has both the money and the credit.

The refund stands and the customer is never debited. The shop's claim is a row and a posting.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from helpdesk.wake import wake
from orders import ledger
from orders.models import Order, OrderEvent, Payment, ProofLevel, Recourse, Refund, TopUp
from orders.refusals import Refused

DELIVERED = (TopUp.State.SUCCEEDED, TopUp.State.PARTIAL)


class UnableToCloseRecourse(Refused):
    code = "recourse_closed"


def claim_late_arrival(order: Order, *, now: datetime) -> Recourse | None:
    """This function will open a claim where credit arrives for money that went back already.

    Called under the order's lock whenever a delivery becomes known; the same delivery told again
    claims nothing more.
    """
    return _claim(order, Recourse.Reason.LATE_ARRIVAL, now=now)


def claim_unproven(order: Order, refund: Refund, *, now: datetime) -> Recourse | None:
    """This function will open a claim where a refund settles although the supplier has charged:
    its success came after the refund was asked for, or it never proved it.

    A refund given although the delivery was proven before is the shop's own goodwill.
    """
    last = order.top_ups.filter(state__in=DELIVERED).order_by("attempt").last()
    if last is None:
        return None
    asked_at = refund.requested_at or refund.planned_at
    if last.settled_at is not None and last.settled_at >= asked_at:
        return _claim(order, Recourse.Reason.LATE_ARRIVAL, now=now)
    if last.proof_level < ProofLevel.VOUCHER:
        return _claim(order, Recourse.Reason.UNPROVEN, now=now)
    return None


def _claim(order: Order, reason: Recourse.Reason, *, now: datetime) -> Recourse | None:
    amount_fen = get_double_gain(order) - get_claimed_fen(order)
    top_up = order.top_ups.filter(state__in=DELIVERED).order_by("attempt").last()
    if amount_fen <= 0 or top_up is None:
        return None
    recourse = Recourse.objects.create(
        order=order,
        top_up=top_up,
        supplier=top_up.supplier,
        reason=reason,
        amount_fen=amount_fen,
        opened_at=now,
    )
    ledger.open_claim(recourse, now=now)
    OrderEvent.objects.create(
        order=order,
        kind=OrderEvent.Kind.RECOURSE_OPENED,
        at=now,
        not_before=now,
        data={
            "supplier": top_up.supplier,
            "amount_fen": amount_fen,
            "reason": reason,
            **_origin_of_refund(order),
        },
    )
    wake("tickets.tasks.relay")
    return recourse


def _origin_of_refund(order: Order) -> dict[str, str]:
    """Whoever asked for the refund hears of the claim, long after the dispute was closed."""
    refunds = Refund.objects.filter(payment__order=order, state=Refund.State.SUCCEEDED)
    last = refunds.order_by("settled_at").last()
    return {"origin": str(last.origin)} if last is not None else {}


def get_double_gain(order: Order) -> int:
    """This function will say how much of the price the customer has as credit and as money, by
    what the supplier claims to have delivered."""
    payments = order.payments.filter(status=Payment.Status.PAID)
    sums = payments.aggregate(paid=Sum("amount_fen"), refunded=Sum("refunded_fen"))
    paid_fen, refunded_fen = sums["paid"] or 0, sums["refunded"] or 0
    top_up = order.top_ups.filter(state__in=DELIVERED).order_by("attempt").last()
    if top_up is None:
        return 0
    arrived = order.price_fen * top_up.delivered_face_fen // max(order.face_value_fen, 1)
    arrived = min(arrived, paid_fen)
    return max(min(arrived, refunded_fen + arrived - paid_fen), 0)


def get_claimed_fen(order: Order) -> int:
    claimed: int | None = order.recourses.aggregate(sum=Sum("amount_fen"))["sum"]
    return claimed or 0


def close_recourse(
    *, recourse_id: int, recovered: bool, note: str, by: str, now: datetime
) -> Recourse:
    """This function will end a claim: the supplier made it good, or the shop bears it.

    :raises UnableToCloseRecourse: it is closed already, or nothing is said.
    """
    with transaction.atomic(durable=True):
        recourse = Recourse.objects.select_for_update().get(pk=recourse_id)
        if recourse.state != Recourse.State.OPEN:
            raise UnableToCloseRecourse(_("This claim is closed already."))
        if not note.strip():
            raise UnableToCloseRecourse(
                _("Say how the claim ended."), code="note_required", field="note"
            )
        ends = Recourse.State.RECOVERED if recovered else Recourse.State.BORNE
        recourse.state, recourse.closed_at, recourse.closed_by = ends, now, by
        recourse.note = note.strip()[:500]
        recourse.save(update_fields=["state", "closed_at", "closed_by", "note"])
        ledger.close_claim(recourse, now=now)
    return recourse
