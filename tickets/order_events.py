"""What orders reports, turned into what it means for disputes.

Each handler reads the facts again under the ticket's lock and is right whenever, in whatever
order and however often it is called.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from orders.calling_off import goes_back_whole
from orders.entitlement import get_settled_at, get_standing
from orders.models import OrderEvent, Refund
from tickets.actors import Actor
from tickets.aftermath import (
    begin_again,
    hand_to_supervisor,
    has_live_top_up,
    remedy_under_way,
    start_promise_by_records,
)
from tickets.announcing import announce_refund
from tickets.arrivals import tell_watchers
from tickets.cases import Case, lock_case
from tickets.docket import Docket
from tickets.models import Event, Ticket
from tickets.notices import notify_buyer, notify_owner, notify_supervisors
from tickets.queries import OVER, concerned_tickets
from tickets.transfer_receipts import close_idle_transfer
from tickets.transfers import ask_for_details, due
from tickets.transitions.arrows import Status
from tickets.transitions.finishing import begin_cycle, finish

logger = logging.getLogger(__name__)

BATCH = 100
RETRY_WAITS = [timedelta(seconds=s) for s in (1, 5, 30, 120, 600)]
Kind = OrderEvent.Kind
Outcome = Ticket.Outcome
NON_ARRIVAL = Ticket.Category.NON_ARRIVAL


def consume_order_events(*, clock: Callable[[], datetime]) -> int:
    """This function will handle the order events that wait, oldest first, one transaction each."""
    waiting = OrderEvent.objects.filter(consumed_at__isnull=True, not_before__lte=clock())
    ids = list(waiting.order_by("not_before", "id").values_list("pk", flat=True)[:BATCH])
    for event_id in ids:
        try:
            consume_order_event(event_id=event_id, now=clock())
        except Exception:
            logger.exception("order event %s could not be handled", event_id)
            put_off(event_id=event_id, now=clock())
    return len(ids)


def consume_order_event(*, event_id: int, now: datetime) -> None:
    """This function will handle one event together with the mark that it was handled."""
    with transaction.atomic(durable=True):
        event = (
            OrderEvent.objects.select_for_update(skip_locked=True)
            .filter(pk=event_id, consumed_at__isnull=True)
            .first()
        )
        if event is None:
            return
        docket = Docket(now, about=f"order_event:{event.pk}:")
        concerned = concerned_tickets(event)
        if event.kind == Kind.REFUND_SETTLED and not concerned:
            tell_buyer(event, docket)
        for ticket_id in concerned:
            case = lock_case(ticket_id=ticket_id, docket=docket, actor=Actor.system())
            HANDLERS[Kind(event.kind)](case, event.data)
        tell_watchers(event, docket)
        for row in announce_refund(event, now=now):
            docket.add(row)
        docket.flush()
        event.consumed_at = now
        event.save(update_fields=["consumed_at"])


def tell_buyer(event: OrderEvent, docket: Docket) -> None:
    """This function will tell the buyer of a refund that nobody had to ask for: an outage's."""
    if event.data.get("origin") == str(event.order.uuid):
        facts = {name: event.data[name] for name in ("refund_no", "amount_fen")}
        notify_buyer(docket, event.order, "refunded_unasked", **facts)


def put_off(*, event_id: int, now: datetime) -> None:
    event = OrderEvent.objects.get(pk=event_id)
    event.not_before = now + RETRY_WAITS[min(event.attempts, len(RETRY_WAITS) - 1)]
    event.attempts = min(event.attempts + 1, 1000)
    event.save(update_fields=["not_before", "attempts"])


def on_refund_settled(case: Case, data: dict[str, Any]) -> None:
    """Money has gone back. When nothing is owed any more the dispute is over."""
    case.record(
        Event.Kind.REFUND_SETTLED, refund_no=data["refund_no"], amount_fen=data["amount_fen"]
    )
    if not case.ticket.is_open:
        return
    close_idle_transfer(case)
    standing = get_standing(case.ticket.order)
    if standing.owed_fen == 0 and not standing.reserved_fen:
        finish(case, outcome=Outcome.REFUNDED, kept_at=get_settled_at(case.ticket.order))
    elif not remedy_under_way(case):
        begin_again(case)


def on_refund_rejected(case: Case, data: dict[str, Any]) -> None:
    """The channel said no for good: the money is still owed, and a supervisor has to find a way."""
    case.record(
        Event.Kind.REFUND_REJECTED,
        refund_no=data["refund_no"],
        amount_fen=data["amount_fen"],
        code=data["code"],
    )
    close_idle_transfer(case)
    again = Refund.objects.filter(refund_no=data["refund_no"], state__in=Refund.HOLDING_STATES)
    if not again.exists():
        hand_to_supervisor(case, "refund_rejected_staff", code=data["code"])


def on_refund_manual(case: Case, data: dict[str, Any]) -> None:
    """Nobody can tell what became of the refund: it stays reserved, people find out."""
    case.record(
        Event.Kind.REFUND_MANUAL, refund_no=data["refund_no"], amount_fen=data["amount_fen"]
    )
    if case.ticket.is_open:
        notice = "refund_by_hand_staff" if data.get("unsent") else "refund_manual_staff"
        notify_supervisors(case, notice, code=data["code"])
        if data.get("unsent") and due(case):
            ask_for_details(case)


def on_refund_delayed(case: Case, data: dict[str, Any]) -> None:
    """The channel refuses for now, or wants another number: somebody may have to bring money."""
    notify_supervisors(
        case,
        "refund_delayed_staff",
        about=case.docket.about,
        code=data["code"],
        amount_fen=data["amount_fen"],
    )


def on_refund_alarm(case: Case, data: dict[str, Any]) -> None:
    """The books and the channel disagree: people are told whatever became of the dispute."""
    about = case.docket.about
    notify_supervisors(case, "refund_alarm_staff", about=about, refund_no=data["refund_no"])


def on_recourse_opened(case: Case, data: dict[str, Any]) -> None:
    """Credit arrived for money that went back: the supplier owes it, never the customer."""
    notify_supervisors(
        case,
        "recourse_opened_staff",
        about=case.docket.about,
        supplier=data["supplier"],
        amount_fen=data["amount_fen"],
    )


def on_top_up_delivered(case: Case, data: dict[str, Any]) -> None:
    """Credit has arrived. Proven well enough, it ends a dispute about credit that did not."""
    case.record(Event.Kind.TOP_UP_DELIVERED, top_up_no=data.get("top_up_no", ""))
    ticket = case.ticket
    if remedy_under_way(case):
        return
    standing = get_standing(ticket.order)
    awaited = ticket.status == Status.REMEDY_PENDING or ticket.category == NON_ARRIVAL
    if ticket.is_open and awaited and standing.is_delivered and standing.owed_fen == 0:
        finish(case, outcome=Outcome.DELIVERED, kept_at=get_settled_at(ticket.order))
    elif ticket.status == Status.REMEDY_PENDING:
        begin_again(case)
    else:
        notify_owner(case, "delivery_reported")


def on_top_up_failed(case: Case, data: dict[str, Any]) -> None:
    """An attempt brought nothing, or its success was taken back: then what it ended begins again.

    Where the next attempt runs already, this is old news.
    """
    case.record(Event.Kind.TOP_UP_FAILED, top_up_no=data.get("top_up_no", ""))
    if case.ticket.status in OVER:
        if get_standing(case.ticket.order).owed_fen > 0:
            begin_cycle(case)
        return
    # Called off since the money goes back instead, it is nobody's trouble.
    if not has_live_top_up(case) and not goes_back_whole(case.ticket.order):
        hand_to_supervisor(case, "top_up_failed_staff")
    start_promise_by_records(case)


def on_facts_changed(case: Case, data: dict[str, Any]) -> None:
    """The shop's record may now prove the fault, which starts the promise without more proof."""
    start_promise_by_records(case)


def on_delivery_recorded(case: Case, data: dict[str, Any]) -> None:
    if case.ticket.is_open:
        notify_owner(case, "delivery_reported")


def on_nothing(case: Case, data: dict[str, Any]) -> None:
    """The ticket that asked for it wrote its own event then."""


HANDLERS: dict[OrderEvent.Kind, Callable[[Case, dict[str, Any]], None]] = {
    Kind.FACTS_CHANGED: on_facts_changed,
    Kind.DELIVERY_RECORDED: on_delivery_recorded,
    Kind.TOP_UP_SUBMITTED: on_nothing,
    Kind.TOP_UP_DELIVERED: on_top_up_delivered,
    Kind.TOP_UP_FAILED: on_top_up_failed,
    Kind.REFUND_PLANNED: on_nothing,
    Kind.REFUND_SETTLED: on_refund_settled,
    Kind.REFUND_REJECTED: on_refund_rejected,
    Kind.REFUND_MANUAL: on_refund_manual,
    Kind.REFUND_DELAYED: on_refund_delayed,
    Kind.REFUND_ALARM: on_refund_alarm,
    Kind.RECOURSE_OPENED: on_recourse_opened,
}
