"""Addresses: registered, changed, given a new secret, ended; deliveries sent once more."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk.wake import wake
from orders.refusals import Refused
from tickets.models import WebhookDelivery, WebhookEndpoint
from tickets.webhooks.places import NotAPlace, find_place
from tickets.webhooks.signing import OVERLAP, make_secret, seal_secret

#: More than any shop needs; every event makes a row for each.
ENDPOINTS = 20
TASK = "tickets.tasks.deliver_webhooks"


class UnableToRegister(Refused):
    code = "invalid_url"
    http_status = 400
    field = "url"


class TooManyEndpoints(Refused):
    code = "too_many_webhooks"
    http_status = 409
    limit = ENDPOINTS


def register_endpoint(
    *, url: str, events: Sequence[str], description: str, user: User, now: datetime
) -> tuple[WebhookEndpoint, str]:
    """This function will register an address; the second value, its secret, is shown once.

    :raises UnableToRegister: no webhook may go there.
    :raises TooManyEndpoints: there are as many as there may be.
    """
    require_place(url)
    secret = make_secret()
    with transaction.atomic():
        if WebhookEndpoint.objects.count() >= ENDPOINTS:
            message = _("There are %(limit)d webhooks already; delete one first.")
            raise TooManyEndpoints(message % {"limit": ENDPOINTS})
        endpoint = WebhookEndpoint.objects.create(
            url=url,
            events=sorted(set(events)),
            description=description,
            secret=seal_secret(secret),
            created_by=user,
            created_at=now,
        )
    return endpoint, secret


def change_endpoint(
    *,
    endpoint: WebhookEndpoint,
    now: datetime,
    url: str | None = None,
    events: Sequence[str] | None = None,
    description: str | None = None,
    enabled: bool | None = None,
) -> WebhookEndpoint:
    """This function will change what is given. Enabled again, an address is asked afresh, and
    what waited for it goes on."""
    if url is not None:
        require_place(url)
    with transaction.atomic():
        locked = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
        locked.url = locked.url if url is None else url
        locked.events = locked.events if events is None else sorted(set(events))
        locked.description = locked.description if description is None else description
        if enabled is True:
            locked.disabled_at, locked.disabled_by = None, ""
            locked.failures, locked.failing_since, locked.rests_until = 0, None, None
        elif enabled is False and locked.is_enabled:
            locked.disabled_at, locked.disabled_by = now, WebhookEndpoint.DisabledBy.PERSON
        locked.save()
        wake(TASK)
    return locked


def rotate_secret(*, endpoint: WebhookEndpoint, now: datetime) -> str:
    """This function will make a new secret; for a day both sign, so that no message is lost."""
    secret = make_secret()
    with transaction.atomic():
        locked = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
        locked.old_secret, locked.old_secret_until = locked.secret, now + OVERLAP
        locked.secret = seal_secret(secret)
        locked.save(update_fields=["secret", "old_secret", "old_secret_until"])
    return secret


def replay(*, delivery: WebhookDelivery, now: datetime) -> WebhookDelivery:
    """This function will send a row once more, under the same id, from its first attempt on."""
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state=WebhookDelivery.State.PENDING, attempts=0, not_before=now, delivered_at=None
    )
    wake(TASK)
    delivery.refresh_from_db()
    return delivery


def replay_failed(*, endpoint: WebhookEndpoint, now: datetime) -> int:
    """This function will send everything that was given up once more, and say how much."""
    failed = endpoint.deliveries.filter(state=WebhookDelivery.State.FAILED)
    count = failed.update(
        state=WebhookDelivery.State.PENDING, attempts=0, not_before=now, delivered_at=None
    )
    wake(TASK)
    return count


def require_place(url: str) -> None:
    try:
        find_place(url)
    except NotAPlace as error:
        raise UnableToRegister(error) from error
