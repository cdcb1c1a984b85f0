"""How a notice leaves the building. E-mail today; the words are made here, at sending."""

from tickets.models import Notice
from tickets.notifiers import email, threads
from tickets.notifiers.base import UnableToSend
from tickets.notifiers.words import render

__all__ = ["UnableToSend", "deliver"]


def deliver(notice: Notice) -> tuple[str, str, str]:
    """This function will write and send one notice; returns recipient, subject and text.

    Without an address the words are still made: the tracking page and the admin show them.

    :raises UnableToSend: try again later.
    """
    subject, body = render(notice)
    recipient = _address(notice)
    if recipient:
        headers = threads.headers_of(notice)
        email.send(recipient=recipient, subject=subject, body=body, headers=headers)
    return recipient, subject, body


def _address(notice: Notice) -> str:
    if notice.audience == Notice.Audience.STAFF:
        return notice.user.email if notice.user is not None else ""
    if notice.mail is not None:
        return notice.mail.sender
    if notice.watch is not None:
        return notice.watch.email
    if notice.ticket is None:
        return notice.order.customer_email if notice.order is not None else ""
    return threads.contact_address(notice.ticket)
