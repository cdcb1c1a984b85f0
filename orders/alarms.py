"""Alarms about money: what the desk cannot put right by itself is a row that people must close."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk.wake import wake
from orders.models import MoneyAlarm, OrderEvent, Refund
from orders.refunds import append_event
from orders.refusals import Refused


class UnableToCloseAlarm(Refused):
    code = "alarm_closed"


def raise_alarm(
    kind: MoneyAlarm.Kind, refund: Refund, *, amount_fen: int, is_booked: bool, now: datetime
) -> None:
    """This function will make sure that somebody looks at a refund; the same news again is no
    second alarm. Runs in the caller's transaction, under the refund's lock."""
    known = MoneyAlarm.objects.filter(refund=refund, kind=kind, closed_at__isnull=True)
    if known.exists():
        return
    MoneyAlarm.objects.create(
        kind=kind,
        refund=refund,
        amount_fen=amount_fen,
        is_booked=is_booked,
        code=refund.code,
        raised_at=now,
    )
    append_event(refund, OrderEvent.Kind.REFUND_ALARM, now=now, alarm=kind)
    wake("tickets.tasks.relay")


def close_alarm(*, alarm_id: int, note: str, by: str, now: datetime) -> MoneyAlarm:
    """This function will note what a person found out and did.

    :raises UnableToCloseAlarm: it is closed already, or nothing is said.
    """
    with transaction.atomic(durable=True):
        alarm = MoneyAlarm.objects.select_for_update().get(pk=alarm_id)
        if alarm.closed_at is not None:
            raise UnableToCloseAlarm(_("This alarm is closed already."))
        if not note.strip():
            raise UnableToCloseAlarm(
                _("Say what was found out."), code="note_required", field="note"
            )
        alarm.closed_at, alarm.closed_by, alarm.note = now, by, note.strip()[:500]
        alarm.save(update_fields=["closed_at", "closed_by", "note"])
    return alarm
