"""到账提醒: whoever asked is told once that an order arrived, or that it will not."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from orders.entitlement import get_standing
from orders.models import Order, OrderEvent
from orders.refusals import Refused
from tickets.docket import Docket
from tickets.models import ArrivalWatch
from tickets.notices import notify_watcher

#: Addresses per order: nobody needs more, and a stranger's mailbox is nobody's target.
MAX_WATCHES = 3
Kind = OrderEvent.Kind
#: What may have brought an order to its end.
NEWS = (Kind.FACTS_CHANGED, Kind.DELIVERY_RECORDED, Kind.TOP_UP_DELIVERED, Kind.TOP_UP_FAILED)


class UnableToWatch(Refused):
    """There is nothing left to wait for, or enough people wait already."""

    code = "nothing_to_wait_for"


def watch_arrival(*, order: Order, email: str, language: str, now: datetime) -> ArrivalWatch:
    """This function will have an address told when an order arrives; asking twice is asking once.

    The order's lock keeps an arrival from slipping in between the look and the row.

    :raises UnableToWatch: the order came to its end already, or has its three addresses.
    """
    with transaction.atomic(durable=True):
        order = Order.objects.select_for_update().get(pk=order.pk)
        if end_of(order):
            raise UnableToWatch(_("There is nothing left to wait for: see above."))
        watch = order.arrival_watches.filter(email__iexact=email).first()
        if watch is None:
            if order.arrival_watches.count() >= MAX_WATCHES:
                raise UnableToWatch(
                    _("At most %(limit)d addresses are told of one order.") % {"limit": MAX_WATCHES}
                )
            return ArrivalWatch.objects.create(
                order=order, email=email, language=language, created_at=now
            )
        watch.language, watch.ended_at, watch.end = language, None, ""
        watch.save(update_fields=["language", "ended_at", "end"])
    return watch


def stop_watching(*, watch_id: int, now: datetime) -> None:
    """This function will keep an address from being told; stopping twice is stopping once."""
    waiting = ArrivalWatch.objects.filter(pk=watch_id, ended_at=None)
    waiting.update(ended_at=now, end=ArrivalWatch.End.STOPPED)


def end_of(order: Order) -> str:
    """This function will say how the wait for an order ended; empty while it goes on."""
    if order.status == Order.Status.DELIVERED or get_standing(order).is_delivered:
        return ArrivalWatch.End.ARRIVED
    failed = (Order.Status.FAILED, Order.Status.PARTIALLY_DELIVERED)
    return ArrivalWatch.End.FAILED if order.status in failed else ""


def tell_watchers(event: OrderEvent, docket: Docket) -> None:
    """This function will tell everybody who waits for the order of an event, if it has ended.

    The end is read from the order as it stands, so that late and doubled events do no harm.
    """
    if event.kind not in NEWS:
        return
    waiting = ArrivalWatch.objects.select_for_update().filter(order=event.order, ended_at=None)
    watches = list(waiting.order_by("pk"))
    end = end_of(event.order) if watches else ""
    if not end:
        return
    for watch in watches:
        notify_watcher(docket, watch, f"order_{end}")
    waiting.update(ended_at=docket.now, end=end)
