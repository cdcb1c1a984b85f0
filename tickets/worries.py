"""What the watchdog found wrong is told to people: once, again after an hour, and when it is over.

A worry that comes and goes within minutes is one worry: it is over only when it has been zero for a
while. What has an alarm of its own (a silent mailbox, a silent shop) is not told twice.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction

from tickets.alarms import alarm_supervisors
from tickets.models import Worry

AGAIN_AFTER = timedelta(hours=1)
QUIET = timedelta(minutes=5)
TOLD_ELSEWHERE = {"silent_sources"}


def tell_worries(found: Mapping[str, int], *, now: datetime) -> None:
    """This function will tell people what changed since the last look at the reconcilers."""
    with transaction.atomic(durable=True):
        known = {worry.name: worry for worry in Worry.objects.select_for_update()}
        for name, count in found.items():
            if name in TOLD_ELSEWHERE:
                continue
            worry = known.get(name)
            if count and worry is None:
                begin(name, count, now=now)
            elif count and worry is not None:
                go_on(worry, count, now=now)
            elif worry is not None:
                calm_down(worry, now=now)


def begin(name: str, count: int, *, now: datetime) -> None:
    # Two watchdogs may look at the same instant: the key is one, and so is the letter.
    worry, is_new = Worry.objects.get_or_create(
        name=name, defaults={"count": count, "since": now, "told_at": now}
    )
    if is_new:
        tell(worry, "watchdog_worry_staff", now=now)


def go_on(worry: Worry, count: int, *, now: datetime) -> None:
    worry.count, worry.quiet_since = count, None
    if now >= worry.told_at + AGAIN_AFTER:
        worry.told_at = now
        tell(worry, "watchdog_worry_staff", now=now)
    worry.save()


def calm_down(worry: Worry, *, now: datetime) -> None:
    if worry.quiet_since is None:
        worry.quiet_since = now
        worry.save(update_fields=["quiet_since"])
    elif now >= worry.quiet_since + QUIET:
        tell(worry, "watchdog_clear_staff", now=now)
        worry.delete()


def tell(worry: Worry, kind: str, *, now: datetime) -> None:
    alarm_supervisors(
        kind,
        key=f"{kind}:{worry.name}:{now.isoformat()}",
        now=now,
        worry=worry.name,
        count=worry.count,
        since_at=worry.since.isoformat(),
    )
