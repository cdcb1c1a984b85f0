"""What the desk writes back by itself: seldom, always the same words, nothing of theirs in it."""

import zoneinfo
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from helpdesk.wake import wake
from tickets.models import InboundMail, Notice

#: Of all automatic answers together: whoever writes to us under strangers' names must not have
#: us write to thousands of them.
ANSWERS_PER_HOUR = 60


def answer(mail: InboundMail, kind: str, *, now: datetime, **context: Any) -> bool:
    """This function will answer a stranger, once a day whatever he writes; False if not now.

    Runs in the caller's transaction. The key of the notice holds even if two mails of one sender
    are handled at the same instant.
    """
    recent = Notice.objects.filter(
        mail__isnull=False,
        audience=Notice.Audience.CUSTOMER,
        created_at__gt=now - timedelta(hours=1),
    )
    if recent.count() >= ANSWERS_PER_HOUR:
        return False
    day = now.astimezone(zoneinfo.ZoneInfo(settings.TIME_ZONE)).date()
    who = salted_hmac("tickets.mail-answer", mail.sender, algorithm="sha256").hexdigest()[:32]
    key = f"mail:{who}:{day.isoformat()}:{kind}"
    if Notice.objects.filter(key=key).exists():
        return False
    notice = Notice(
        mail=mail,
        audience=Notice.Audience.CUSTOMER,
        kind=kind,
        context=context,
        key=key,
        created_at=now,
        not_before=now,
    )
    Notice.objects.bulk_create([notice], ignore_conflicts=True)
    wake("tickets.tasks.relay")
    return True
