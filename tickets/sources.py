"""What comes in from outside must not fall silent unnoticed: the mailbox, the shop's database."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet

from orders.models import ShopFeed
from tickets.alarms import alarm_supervisors
from tickets.models import Mailbox

#: A server is restarted within this; what is silent longer is told to people.
SILENCE = timedelta(minutes=15)


def silent_mailboxes(now: datetime) -> QuerySet[Mailbox]:
    """This function will find mailboxes that could not be read, or that nobody reads any more."""
    before = now - SILENCE
    unread = Q(last_ok_at__lt=before) | Q(last_ok_at__isnull=True, started_at__lt=before)
    found = Mailbox.objects.filter(unread | Q(failing_since__lt=before))
    return found if settings.IMAP_URL else found.none()


def silent_shops(now: datetime) -> QuerySet[ShopFeed]:
    before = now - timedelta(minutes=settings.SHOP_DB_ALARM_MINUTES)
    found = ShopFeed.objects.filter(preset=settings.SHOP_DB_PRESET)
    late = Q(failing_since__lt=before) | Q(last_ok_at__lt=before)
    return found.filter(late) if settings.SHOP_DB_URL else found.none()


def count_silent_sources(now: datetime) -> int:
    return silent_mailboxes(now).count() + silent_shops(now).count()


def alarm_silent_sources(*, now: datetime) -> None:
    """This function will tell the supervisors of each silence, once."""
    for mailbox in silent_mailboxes(now):
        since = mailbox.failing_since or mailbox.last_ok_at or mailbox.started_at
        alarm_supervisors(
            "mailbox_silent_staff",
            key=f"mailbox:{mailbox.pk}:{since.isoformat()}",
            now=now,
            since_at=since.isoformat(),
            error=mailbox.last_error,
        )
    for feed in silent_shops(now):
        last = feed.failing_since or feed.last_ok_at or now
        alarm_supervisors(
            "shop_silent_staff",
            key=f"shop:{feed.preset}:{last.isoformat()}",
            now=now,
            since_at=last.isoformat(),
            preset=feed.preset,
            error=feed.last_error,
        )
