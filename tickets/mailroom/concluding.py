"""The last thing that happens to a mail: noted in one transaction with whatever it led to."""

import logging
from datetime import datetime
from typing import Any

from django.db import transaction

from tickets.alarms import alarm_supervisors
from tickets.mailroom.answering import answer
from tickets.models import InboundMail, Ticket

logger = logging.getLogger(__name__)

State = InboundMail.State


def conclude(
    mail: InboundMail,
    state: InboundMail.State,
    *,
    now: datetime,
    reason: str = "",
    kind: str = "",
    **context: Any,
) -> None:
    """This function will note a mail that changes no dispute, and answer it with ``kind``."""
    with transaction.atomic(durable=True):
        if not lock_waiting(mail):
            return
        note_handled(mail, state, reason=reason, now=now)
        if kind:
            answer(mail, kind, now=now, **context)


def lock_waiting(mail: InboundMail) -> bool:
    """This function will make sure, for the length of the transaction, that the mail is still to
    be handled: a reader that was thought dead may have done it."""
    waiting = InboundMail.objects.select_for_update().filter(pk=mail.pk, state=State.RECEIVED)
    return waiting.first() is not None


def note_handled(
    mail: InboundMail,
    state: InboundMail.State,
    *,
    now: datetime,
    reason: str = "",
    ticket: Ticket | None = None,
) -> None:
    mail.state, mail.reason, mail.handled_at, mail.ticket = state, reason, now, ticket
    mail.save(update_fields=["state", "reason", "handled_at", "ticket"])


def quarantine(mail: InboundMail, error: str, *, now: datetime) -> None:
    """This function will set a mail aside that cannot be read, and call people to it."""
    logger.error("mail %s is quarantined: %s", mail.pk, error)
    with transaction.atomic(durable=True):
        if not lock_waiting(mail):
            return
        mail.last_error = error[:500]
        mail.save(update_fields=["last_error"])
        note_handled(mail, State.QUARANTINED, reason="unreadable", now=now)
        alarm_supervisors(
            "mail_quarantined_staff", key=f"mail:{mail.pk}:quarantined", mail=mail, now=now
        )
