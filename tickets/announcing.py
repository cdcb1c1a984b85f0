"""What happened to a dispute or a refund, as rows for the programs that asked to hear of it.

Part of the transaction of the event itself: an event without its rows cannot be. The content holds
references and codes, as events do: no free text and no personal data.
"""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from orders.models import OrderEvent
from tickets.models import Event, Ticket, WebhookDelivery, WebhookEndpoint

#: Makes a message's id out of what it tells of: a repeat has the same.
SPACE = uuid.UUID("6a1c2f0e-6c1d-4d0b-9a53-0f7c4d1c1a10")
DEADLINE_FIRED = "deadline.fired"
TICKET_EVENTS = tuple(f"ticket.{kind}" for kind in Event.Kind.values if kind != "deadline_fired")
REFUND_EVENTS = tuple(
    f"refund.{kind.removeprefix('refund_')}"
    for kind in OrderEvent.Kind.values
    if kind.startswith("refund_")
)
#: Every event there is, and the patterns that name several.
EVENTS = (*TICKET_EVENTS, *REFUND_EVENTS, DEADLINE_FIRED)
PATTERNS = ("*", "ticket.*", "refund.*", *EVENTS)


def announce_events(events: Iterable[Event]) -> list[WebhookDelivery]:
    """This function will make the rows of some tickets' events; one query, however many."""
    endpoints = list(WebhookEndpoint.objects.filter(disabled_at__isnull=True))
    if not endpoints:
        return []
    return [
        row
        for event in events
        for row in address(
            endpoints,
            name_of(event),
            key=f"{event.ticket.uuid}:{event.seq}",
            at=event.at,
            data=describe(event),
        )
    ]


def announce_refund(event: OrderEvent, *, now: datetime) -> list[WebhookDelivery]:
    """This function will make the rows of news about a refund; none for any other news."""
    kind = event.kind.removeprefix("refund_")
    if kind == event.kind:
        return []
    endpoints = list(WebhookEndpoint.objects.filter(disabled_at__isnull=True))
    data = {"order_no": event.order.order_no, **event.data}
    key = f"order event {event.pk}"
    return address(endpoints, f"refund.{kind}", key=key, at=event.at, data=data, now=now)


def name_of(event: Event) -> str:
    fired = event.kind == Event.Kind.DEADLINE_FIRED
    return DEADLINE_FIRED if fired else f"ticket.{event.kind}"


def describe(event: Event) -> dict[str, Any]:
    """The ticket as this decision leaves it, and the event as GET .../events shows it."""
    ticket: Ticket = event.ticket
    due_at = ticket.commitment_due_at
    return {
        "ticket": {
            "number": ticket.number,
            "order_no": ticket.order.order_no,
            "status": ticket.status,
            "level": ticket.level,
            "outcome": ticket.outcome,
            "cause": ticket.cause,
            "cycle": ticket.cycle,
            "commitment_due_at": due_at.isoformat() if due_at is not None else None,
            "drill": ticket.is_drill,
        },
        "event": {
            "seq": event.seq,
            "kind": event.kind,
            "actor": event.actor,
            "data": event.data,
        },
    }


def address(
    endpoints: Iterable[WebhookEndpoint],
    name: str,
    *,
    key: str,
    at: datetime,
    data: Mapping[str, Any],
    now: datetime | None = None,
) -> list[WebhookDelivery]:
    message_id = f"msg_{uuid.uuid5(SPACE, key).hex}"
    payload = {"type": name, "timestamp": at.isoformat(), "data": dict(data)}
    return [
        WebhookDelivery(
            endpoint=endpoint,
            message_id=message_id,
            event=name,
            payload=payload,
            created_at=now or at,
            not_before=now or at,
        )
        for endpoint in endpoints
        if wants(endpoint.events, name)
    ]


def wants(patterns: Iterable[str], name: str) -> bool:
    group = f"{name.partition('.')[0]}.*"
    return any(pattern in ("*", group, name) for pattern in patterns)
