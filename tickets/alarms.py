"""News for the supervisors that is about no dispute: a mail, a mailbox, a shop's database."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from helpdesk.wake import wake
from tickets.models import InboundMail, Notice
from tickets.notices import also_to_groups
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
            key=f"{key}:{to}",
            created_at=now,
            not_before=now,
        )
        for user, to in people_to_alarm()
    ]
    also_to_groups(notices[0], key=key, add=notices.append)
    Notice.objects.bulk_create(notices, ignore_conflicts=True)
    wake("tickets.tasks.relay")


def people_to_alarm() -> list[tuple[User | None, str]]:
    """This function will list the supervisors, or where there is none whoever runs the desk; where
    there is nobody at all, the row itself remains, for the groups and for whoever looks."""
    people = OnCall.load().supervisors or list(
        User.objects.filter(is_active=True, is_superuser=True).order_by("pk")
    )
    return [(user, str(user.pk)) for user in people] or [(None, "nobody")]
