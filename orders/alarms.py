"""Alarms about money: what the desk cannot put right by itself is a row that people must close."""

from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk.wake import wake
from orders.models import (
    MoneyAlarm,
    OrderEvent,
    ReconciliationDifference,
    ReconciliationRun,
    Refund,
)
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


def raise_bill_alarm(
    kind: MoneyAlarm.Kind,
    run: ReconciliationRun,
    *,
    amount_fen: int = 0,
    is_news: bool,
    now: datetime,
) -> None:
    """This function will keep one open alarm for a channel's day, and have supervisors told of it
    when it is new or there is news. Runs in the caller's transaction."""
    alarm, is_new = MoneyAlarm.objects.select_for_update().get_or_create(
        kind=kind,
        channel=run.channel,
        day=run.day,
        closed_at=None,
        defaults={"run": run, "amount_fen": amount_fen, "is_booked": False, "raised_at": now},
    )
    if not is_new:
        alarm.run, alarm.amount_fen = run, amount_fen
        if is_news:
            alarm.told_at = None
        alarm.save(update_fields=["run", "amount_fen", "told_at"])
    if is_new or is_news:
        wake("tickets.tasks.relay")


def close_bill_alarms(
    *kinds: MoneyAlarm.Kind, channel: str, day: date, by: str, note: str, now: datetime
) -> None:
    """This function will close what has no reason any more. Runs in the caller's transaction."""
    alarms = MoneyAlarm.objects.filter(
        kind__in=kinds, channel=channel, day=day, closed_at__isnull=True
    )
    alarms.update(closed_at=now, closed_by=by, note=note[:500])


def has_unexplained(alarm: MoneyAlarm) -> bool:
    if alarm.kind != MoneyAlarm.Kind.BILL_DIFFERS or alarm.day is None:
        return False
    rows = ReconciliationDifference.objects.filter(channel=alarm.channel, day=alarm.day)
    return rows.filter(state=ReconciliationDifference.State.OPEN).exists()


def close_alarm(*, alarm_id: int, note: str, by: str, now: datetime) -> MoneyAlarm:
    """This function will note what a person found out and did.

    :raises UnableToCloseAlarm: it is closed already, nothing is said, or differences of the bill
        are still unexplained: each is explained by itself, the last one closes the alarm.
    """
    with transaction.atomic(durable=True):
        alarm = MoneyAlarm.objects.select_for_update().get(pk=alarm_id)
        if alarm.closed_at is not None:
            raise UnableToCloseAlarm(_("This alarm is closed already."))
        if not note.strip():
            raise UnableToCloseAlarm(
                _("Say what was found out."), code="note_required", field="note"
            )
        if has_unexplained(alarm):
            raise UnableToCloseAlarm(
                _("Explain the differences of this day one by one; the last one closes the alarm."),
                code="unexplained",
            )
        alarm.closed_at, alarm.closed_by, alarm.note = now, by, note.strip()[:500]
        alarm.save(update_fields=["closed_at", "closed_by", "note"])
    return alarm
