"""News for the supervisors that is about no dispute: a mail, a mailbox, a shop's database."""

from datetime import datetime
from typing import Any

from helpdesk.wake import wake
from tickets.models import InboundMail, Notice
from tickets.staffing import OnCall


def alarm_supervisors(
    kind: str, *, key: str, now: datetime, mail: InboundMail | None = None, **context: Any
) -> None:
    """This function will tell every supervisor of something that is no dispute, once per key."""
    notices = [
        Notice(
            mail=mail,
            audience=Notice.Audience.STAFF,
            user=user,
            kind=kind,
            context=context,
            key=f"{key}:{user.pk}",
            created_at=now,
            not_before=now,
        )
        for user in OnCall.load().supervisors
    ]
    Notice.objects.bulk_create(notices, ignore_conflicts=True)
    wake("tickets.tasks.relay")
