"""Deliveries: rows that wait, sent outside any transaction, again and again on a schedule kept in
the database, until they are taken or given up."""

import json
import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from orders.wire import NoAnswer, exchange
from tickets.alarms import alarm_supervisors
from tickets.models import WebhookDelivery, WebhookEndpoint
from tickets.sealing import UnableToUnseal
from tickets.webhooks.places import NotAPlace, find_place
from tickets.webhooks.signing import headers_of

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
BATCH = 20
#: One round ends after this long, however many rows wait: the next one goes on.
ROUND_S = 10.0
TIMEOUT_S = 5.0
ANSWER_LIMIT = 64 * 1024
#: Between the attempts of one row: about three days in all.
RETRY_WAITS = [
    *(timedelta(seconds=s) for s in (5, 60, 300, 1800)),
    *(timedelta(hours=h) for h in (2, 5, 10, 14, 20, 24)),
]
#: Between two knocks at an address that is down, whichever row knocks.
RESTS = [timedelta(seconds=s) for s in (2, 5, 15, 60, 300)]
DISABLED_AFTER = timedelta(days=5)
KEPT_FOR = timedelta(days=30)
GONE = 410

State = WebhookDelivery.State
DisabledBy = WebhookEndpoint.DisabledBy


def deliver_webhooks(*, clock: Callable[[], datetime]) -> int:
    """This function will deliver what is due, for a limited time, and say how many it tried."""
    give_up_at, tried = time.monotonic() + ROUND_S, 0
    for delivery in claim_deliveries(now=clock()):
        if time.monotonic() > give_up_at:
            release(delivery, now=clock())
        elif renew_claim(delivery, now=clock()):
            attempt(delivery, clock=clock)
            tried += 1
    return tried


def claim_deliveries(*, now: datetime) -> list[WebhookDelivery]:
    """This function will take a batch for this worker alone, for the length of a lease. Rows of
    an address that is disabled or rests wait with it."""
    awake = Q(endpoint__rests_until__isnull=True) | Q(endpoint__rests_until__lte=now)
    with transaction.atomic(durable=True):
        deliveries = list(
            WebhookDelivery.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("endpoint")
            .filter(awake, state=State.PENDING, not_before__lte=now)
            .filter(endpoint__disabled_at__isnull=True)
            .order_by("not_before", "id")[:BATCH]
        )
        WebhookDelivery.objects.filter(pk__in=[d.pk for d in deliveries]).update(
            not_before=now + LEASE
        )
        for delivery in deliveries:
            delivery.not_before = now + LEASE
    return deliveries


def renew_claim(delivery: WebhookDelivery, *, now: datetime) -> bool:
    """This function will tell whether a row is still this worker's and its address is awake, and
    keep the row so. What an earlier row of the batch found out about the address counts."""
    mine = WebhookDelivery.objects.filter(
        pk=delivery.pk, state=State.PENDING, not_before=delivery.not_before
    )
    delivery.endpoint.refresh_from_db()
    rests_until = delivery.endpoint.rests_until
    if not delivery.endpoint.is_enabled or (rests_until is not None and rests_until > now):
        mine.update(not_before=now)
        return False
    delivery.not_before = now + LEASE
    return mine.update(not_before=delivery.not_before) == 1


def release(delivery: WebhookDelivery, *, now: datetime) -> None:
    WebhookDelivery.objects.filter(
        pk=delivery.pk, state=State.PENDING, not_before=delivery.not_before
    ).update(not_before=now)


def attempt(delivery: WebhookDelivery, *, clock: Callable[[], datetime]) -> None:
    delivery.attempts += 1
    delivery.last_status, delivery.last_error = send(delivery, now=clock())
    if delivery.last_status is not None and 200 <= delivery.last_status < 300:
        succeed(delivery, now=clock())
    else:
        fail(delivery, now=clock())
    delivery.save(
        update_fields=[
            "attempts", "state", "not_before", "delivered_at", "last_status", "last_error",
        ]
    )  # fmt: skip


def send(delivery: WebhookDelivery, *, now: datetime) -> tuple[int | None, str]:
    """This function will post one row; returns the status, or None, and what went wrong."""
    body = json.dumps(delivery.payload, ensure_ascii=False, separators=(",", ":")).encode()
    try:
        place = find_place(delivery.endpoint.url)
        headers = headers_of(delivery.endpoint, message_id=delivery.message_id, body=body, now=now)
        answer = exchange(
            "POST",
            place.url,
            content=body,
            headers=headers,
            timeout=TIMEOUT_S,
            limit=ANSWER_LIMIT,
            pinned_to=place.address,
        )
    except (NotAPlace, NoAnswer, UnableToUnseal) as error:
        return None, str(error)[:300]
    # What the other side says may hold anything: its status is enough.
    return answer.status, "" if answer.status < 300 else f"HTTP {answer.status}"


def succeed(delivery: WebhookDelivery, *, now: datetime) -> None:
    delivery.state, delivery.delivered_at = State.DELIVERED, now
    WebhookEndpoint.objects.filter(pk=delivery.endpoint_id, failures__gt=0).update(
        failures=0, failing_since=None, rests_until=None
    )


def fail(delivery: WebhookDelivery, *, now: datetime) -> None:
    """The row is tried again by its own schedule; its address rests, and ends after days."""
    logger.warning("webhook %s: %s", delivery, delivery.last_error)
    if delivery.attempts > len(RETRY_WAITS):
        delivery.state = State.FAILED
    else:
        delivery.not_before = now + RETRY_WAITS[delivery.attempts - 1]
    endpoint = delivery.endpoint
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        failures=F("failures") + 1,
        rests_until=now + RESTS[min(endpoint.failures, len(RESTS) - 1)],
    )
    WebhookEndpoint.objects.filter(pk=endpoint.pk, failing_since__isnull=True).update(
        failing_since=now
    )
    if delivery.last_status == GONE:
        disable(endpoint, DisabledBy.GONE, now=now)
    elif endpoint.failing_since is not None and now - endpoint.failing_since >= DISABLED_AFTER:
        disable(endpoint, DisabledBy.FAILURE, now=now)


def disable(endpoint: WebhookEndpoint, by: WebhookEndpoint.DisabledBy, *, now: datetime) -> None:
    """This function will end an address and tell the supervisors: its shop hears nothing now."""
    enabled = WebhookEndpoint.objects.filter(pk=endpoint.pk, disabled_at__isnull=True)
    if enabled.update(disabled_at=now, disabled_by=by) == 1 and by != DisabledBy.PERSON:
        alarm_supervisors(
            "webhook_disabled_staff",
            key=f"webhook:{endpoint.pk}:{now.isoformat()}",
            now=now,
            url=endpoint.url.partition("?")[0],
            gone=by == DisabledBy.GONE,
            admin_path=f"/admin/tickets/webhookendpoint/{endpoint.pk}/change/",
        )


def forget_deliveries(*, now: datetime) -> int:
    """This function will drop rows nobody replays any more."""
    old = WebhookDelivery.objects.filter(created_at__lt=now - KEPT_FOR)
    return old.exclude(state=State.PENDING).delete()[0]
