"""What makes our mails and the answers to them one thread: ids that only we can have made."""

import re
from collections.abc import Iterable
from email.utils import parseaddr
from uuid import UUID

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from tickets.models import Notice, Ticket

SALT = "tickets.mail-thread"
#: ticket . notice (or "root") . signature
OURS = re.compile(r"<([0-9a-f]{32})\.([0-9]{1,19}|root)\.([0-9a-f]{24})@[^<>\s]+>")


def contact_address(ticket: Ticket) -> str:
    """This function will name the address that a ticket's notices go to."""
    return ticket.contact_email or ticket.order.customer_email


def own_address() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].lower()


def headers_of(notice: Notice) -> dict[str, str]:
    """This function will make a notice's headers: the same each time it is sent, so that a mail
    that leaves twice is one to the reader's program.

    RFC 3834: whoever answers automatically leaves automatic mail alone.
    """
    headers = {
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Loop": own_address(),
    }
    if (mail := notice.mail) is not None and notice.audience == Notice.Audience.CUSTOMER:
        headers["Auto-Submitted"] = "auto-replied"
        headers["Message-ID"] = f"<mail-{mail.pk}.{notice.pk}@{domain()}>"
        if mail.message_id.startswith("<") and mail.message_id.endswith(">"):
            headers["In-Reply-To"] = headers["References"] = mail.message_id
    elif (ticket := notice.ticket) is not None:
        headers["Message-ID"] = make_id(ticket, str(notice.pk))
        headers["References"] = make_id(ticket, "root")
    if settings.IMAP_URL and notice.audience == Notice.Audience.CUSTOMER:
        headers["Reply-To"] = settings.IMAP_ADDRESS
    return headers


def make_id(ticket: Ticket, what: str) -> str:
    thread = f"{ticket.uuid.hex}.{what}"
    return f"<{thread}.{sign(thread, settings.SECRET_KEY)}@{domain()}>"


def find_ticket_uuids(message_ids: Iterable[str]) -> list[UUID]:
    """This function will find the tickets whose mails are answered, by ids that we made."""
    found: dict[UUID, None] = {}
    for message_id in message_ids:
        match = OURS.fullmatch(message_id)
        if match is not None and is_signed(f"{match[1]}.{match[2]}", match[3]):
            found[UUID(match[1])] = None
    return list(found)


def is_signed(thread: str, signature: str) -> bool:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return any(constant_time_compare(sign(thread, key), signature) for key in keys)


def sign(thread: str, key: str) -> str:
    return salted_hmac(SALT, thread, secret=key, algorithm="sha256").hexdigest()[:24]


def domain() -> str:
    return own_address().rpartition("@")[2] or "localhost"
