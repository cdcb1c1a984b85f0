"""Delivering an order: what is proven of it, and trying again through a supplier.

A top-up is a row with a number before anything is sent; orders.deliveries sends it and asks
about it. While one attempt may still arrive no second one starts.
"""

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from helpdesk.wake import wake
from orders.models import DeliveryRecord, Order, OrderEvent, Payment, TopUp
from orders.refusals import Refused
from orders.suppliers import has_supplier

#: Namespace of top-up numbers. Changing it would let an attempt be sent twice: never change it.
TOP_UP_NAMESPACE = uuid.UUID("0b6e1a2c-8f55-5d3e-9a41-2f7f0a4c6d18")
#: Attempts that definitely brought nothing.
TERMINALLY_FAILED = (TopUp.State.FAILED, TopUp.State.REVERSED)
#: Statuses of an order that leave room for an attempt of the desk.
MAY_BE_SENT = (Order.Status.PAID, Order.Status.FAILED)


class UnableToRedeliver(Refused):
    code = "cannot_redeliver"


def record_delivery(
    *, order: Order, arrived: bool, voucher_no: str, source: str, at: datetime, now: datetime
) -> DeliveryRecord:
    """This function will store what the operator, the customer or the shop says of the arrival.

    The same words again are the same record. It proves or contradicts a delivery
    (orders.entitlement weighs it); the order's status stays what its source says.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order.pk)
        record, created = DeliveryRecord.objects.get_or_create(
            order=order,
            arrived=arrived,
            voucher_no=voucher_no,
            source=source,
            at=at,
            defaults={"recorded_at": now},
        )
        if created:
            OrderEvent.objects.create(
                order=order,
                kind=OrderEvent.Kind.DELIVERY_RECORDED,
                at=now,
                not_before=now,
                data={"arrived": arrived, "source": source, "voucher": bool(voucher_no)},
            )
            wake("tickets.tasks.relay")
    return record


def redeliver(*, order: Order, now: datetime, supplier: str = "") -> TopUp:
    """This function will plan one more attempt to deliver; a task sends it after the commit.

    May run in the caller's transaction, after the caller's own locks.

    :raises UnableToRedeliver: an earlier attempt may still arrive, or did; the money is going
        back; there is nothing to send or nobody to send it.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order.pk)
        earlier = list(order.top_ups.select_for_update())
        refuse_unsendable(order)
        refuse_living_attempts(earlier)
        refuse_money_going_back(order)
        attempt = max((top_up.attempt for top_up in earlier), default=0) + 1
        top_up = TopUp.objects.create(
            order=order,
            top_up_no=f"TU{uuid.uuid5(TOP_UP_NAMESPACE, f'{order.uuid}:{attempt}').hex}",
            attempt=attempt,
            supplier=supplier_of(order, supplier),
            face_value_fen=order.face_value_fen,
            state=TopUp.State.PLANNED,
            created_at=now,
            next_attempt_at=now,
        )
        order.status, order.updated_at = Order.Status.RECHARGING, now
        order.save(update_fields=["status", "updated_at"])
        wake("orders.tasks.execute_top_up", top_up.pk)
    return top_up


def supplier_of(order: Order, asked: str) -> str:
    code = asked or order.supplier
    if not has_supplier(code):
        raise UnableToRedeliver(
            _("This desk is not connected to the supplier “%(code)s”.") % {"code": code},
            code="supplier_not_connected",
            field="supplier" if asked else "",
        )
    return code


def refuse_unsendable(order: Order) -> None:
    if order.is_card_code:
        raise UnableToRedeliver(
            _("This order has no account to top up: a card code is reissued by the shop."),
            code="no_target_account",
        )
    live = order.top_ups.filter(state__in=TopUp.LIVE_STATES).exists()
    if order.status not in MAY_BE_SENT and not live:
        raise UnableToRedeliver(
            _("The order is “%(status)s”: an earlier attempt has not failed for certain.")
            % {"status": order.get_status_display()},
            code="not_terminally_failed",
        )
    paid = order.payments.filter(status=Payment.Status.PAID)
    if not paid.exists():
        raise UnableToRedeliver(_("The order is not paid."), code="not_paid")


def refuse_living_attempts(earlier: list[TopUp]) -> None:
    for top_up in earlier:
        if top_up.state not in TERMINALLY_FAILED:
            raise UnableToRedeliver(
                _("Attempt %(number)d is “%(state)s”: it has not failed for certain.")
                % {"number": top_up.attempt, "state": top_up.get_state_display()},
                code="not_terminally_failed",
            )


def refuse_money_going_back(order: Order) -> None:
    """Credit and money would both reach the customer."""
    going = order.payments.filter(Q(refunded_fen__gt=0) | Q(reserved_fen__gt=0))
    if going.exists():
        raise UnableToRedeliver(
            _("Money of this order is refunded or about to be."), code="refund_under_way"
        )
