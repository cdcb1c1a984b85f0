"""What the link alone may not do asks for the last four characters, once per device."""

import hmac
from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from orders.models import Order
from tickets.models import Ticket
from tickets.queries import find_order_for_customer
from tickets.throttle import GUESSES_PER_CASE, check, count

COOKIE = "desk_device"
VALID_FOR = timedelta(days=90)


def is_verified(request: HttpRequest, ticket: Ticket) -> bool:
    """This function will say whether this device has proven itself for this dispute."""
    known = request.get_signed_cookie(
        COOKIE, default="", salt=_salt(ticket), max_age=int(VALID_FOR.total_seconds())
    )
    return hmac.compare_digest(str(known), ticket.uuid.hex)


def verify(ticket: Ticket, last4: str, *, now: datetime) -> bool:
    """This function will check the last four characters and count what was guessed wrong.

    :raises Throttled: too many wrong guesses for this dispute.
    """
    check(GUESSES_PER_CASE, ticket.uuid.hex, now=now)
    order: Order | None = find_order_for_customer(order_no=ticket.order.order_no, last4=last4)
    if order is None:
        count(GUESSES_PER_CASE, ticket.uuid.hex, now=now)
    return order is not None


def remember(response: HttpResponse, ticket: Ticket) -> None:
    """This function will let this device act on this dispute without asking again."""
    response.set_signed_cookie(
        COOKIE,
        ticket.uuid.hex,
        salt=_salt(ticket),
        max_age=VALID_FOR,
        path=f"/t/{ticket.tracking_token}/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _salt(ticket: Ticket) -> str:
    return f"tickets.device:{ticket.uuid.hex}"
