"""When an SMS leaves, and whether it still should."""

import zoneinfo
from datetime import datetime, timedelta

from django.conf import settings

from tickets.models import Notice
from tickets.notice_kinds import URGENT

DAY = timedelta(days=1)
#: What has waited so long, for the morning or for a worker, is told only if nothing newer is.
OLD_NEWS = timedelta(minutes=30)


def sms_due_at(kind: str, *, now: datetime) -> datetime:
    """This function will say when an SMS may leave: at once if it is urgent, else not at night."""
    if kind in URGENT:
        return now
    tz = zoneinfo.ZoneInfo(settings.TIME_ZONE)
    return after_quiet_hours(
        now.astimezone(tz), start=settings.SMS_QUIET_FROM, end=settings.SMS_QUIET_UNTIL
    )


def after_quiet_hours(local: datetime, *, start: int, end: int) -> datetime:
    """This function will return the instant itself, or the end of the quiet hours it lies in.

    Hours of the day; ``start`` above ``end`` means over midnight, equal means never quiet.
    """
    is_quiet = (
        start <= local.hour < end if start <= end else local.hour >= start or local.hour < end
    )
    if not is_quiet:
        return local
    until = local.replace(hour=end, minute=0, second=0, microsecond=0)
    return until if until > local else until + DAY


def reason_to_withhold(notice: Notice, *, number: str, now: datetime) -> str:
    """This function will say why an SMS should not leave any more, or "".

    What waited for the morning and was overtaken by newer news is not sent: the newest says it.
    A number gets so many a day; an urgent one may be twice as many. Mail and page say it anyhow.
    """
    is_urgent = notice.kind in URGENT
    texts = Notice.objects.filter(route=Notice.Route.SMS)
    if not is_urgent and notice.ticket_id is not None:
        newer = texts.filter(ticket=notice.ticket_id, state=Notice.State.PENDING, pk__gt=notice.pk)
        if notice.created_at < now - OLD_NEWS and newer.exists():
            return "overtaken by newer news"
    limit = settings.SMS_PER_NUMBER_DAY * (2 if is_urgent else 1)
    sent = texts.filter(state=Notice.State.SENT, recipient=number, sent_at__gt=now - DAY)
    return f"{limit} a day for one number" if sent.count() >= limit else ""
