"""How a notice leaves the building: e-mail, SMS, a group's robot. The words are made at sending."""

from datetime import datetime
from types import ModuleType

from tickets.models import Notice
from tickets.notifiers import dingtalk, email, feishu, sms, threads, wecom
from tickets.notifiers.base import Letter, UnableToSend, mask_text
from tickets.notifiers.words import language_of, render, sms_text, sms_values

__all__ = ["Letter", "UnableToSend", "compose", "deliver", "group_routes", "sms_number"]

Route = Notice.Route
WAYS: dict[Route, ModuleType] = {
    Route.EMAIL: email,
    Route.SMS: sms,
    Route.WECOM: wecom,
    Route.DINGTALK: dingtalk,
    Route.FEISHU: feishu,
}
BLIND_REPEATS = 1


def group_routes() -> list[Notice.Route]:
    """This function will list the groups that hear of staff's alarms."""
    return [route for route in Notice.GROUP_ROUTES if WAYS[route].is_configured()]


def sms_number(notice: Notice) -> str:
    """This function will find where an SMS would go; "" where none can be sent."""
    if not sms.is_configured():
        return ""
    ticket = notice.ticket
    order = ticket.order if ticket is not None else notice.order
    phones = [ticket.contact_phone] if ticket is not None else []
    return sms.find_number(*phones, order.customer_phone if order is not None else "")


def compose(notice: Notice, *, now: datetime) -> Letter:
    """This function will write one notice for its way out.

    Without an address the words are still made: the tracking page and the admin show them.
    """
    if notice.route == Route.SMS:
        return compose_sms(notice, now=now)
    subject, body = render(notice)
    headers: dict[str, str] = {}
    recipient = str(Route(notice.route).label)
    if notice.route == Route.EMAIL:
        headers, recipient = threads.headers_of(notice), _address(notice)
    else:
        body = mask_text(f"{subject}\n\n{body}")
    return Letter(notice.key, recipient, subject, body, now, notice.created_at, headers)


def compose_sms(notice: Notice, *, now: datetime) -> Letter:
    language, values = language_of(notice), sms_values(notice)
    return Letter(
        key=f"desk-{notice.pk}",
        recipient=sms_number(notice),
        subject="",
        body=sms_text(notice.kind, language, values),
        at=now,
        since=notice.created_at,
        template=sms.template_code(notice.kind, language),
        values={name: value[: sms.VALUE_LIMIT] for name, value in values.items()},
    )


def deliver(notice: Notice, letter: Letter) -> str:
    """This function will send one letter; returns the provider's reference.

    After an unknown outcome the provider is asked first, where it can be asked. A message leaves
    blindly once more at most: a second one is a nuisance, a third is a flood.

    :raises UnableToSend: try again later, or never; it may be unknown whether it left.
    """
    way = WAYS[Route(notice.route)]
    if notice.unknowns and way.was_sent(letter):
        return notice.reference
    if notice.unknowns > BLIND_REPEATS:
        raise UnableToSend(f"unknown after {notice.attempts - 1} attempts", retryable=False)
    reference: str = way.send(letter)
    return reference


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
