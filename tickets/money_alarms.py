"""Alarms about a channel's bill belong to no dispute: supervisors are told of the row itself."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction

from orders.models import MoneyAlarm, ReconciliationDifference
from tickets.alarms import alarm_supervisors

BATCH = 20
NOTICES = {
    MoneyAlarm.Kind.BILL_DIFFERS: "bill_differs_staff",
    MoneyAlarm.Kind.BILL_MISSING: "bill_missing_staff",
}


def tell_money_alarms(*, clock: Callable[[], datetime]) -> int:
    """This function will have supervisors told of alarms that nobody was told of yet, and say how
    many there were."""
    untold = MoneyAlarm.objects.filter(
        day__isnull=False, told_at__isnull=True, closed_at__isnull=True
    ).order_by("id")
    if not untold.exists():
        return 0
    with transaction.atomic(durable=True):
        alarms = list(untold.select_for_update(skip_locked=True, of=("self",))[:BATCH])
        now = clock()
        for alarm in alarms:
            # The same comparison told again is the same message.
            alarm_supervisors(
                NOTICES[MoneyAlarm.Kind(alarm.kind)],
                key=f"money alarm {alarm.pk}:{alarm.run_id}",
                now=now,
                **describe(alarm),
            )
            alarm.told_at = now
            alarm.save(update_fields=["told_at"])
    return len(alarms)


def describe(alarm: MoneyAlarm) -> dict[str, Any]:
    assert alarm.day is not None
    rows = ReconciliationDifference.objects.filter(channel=alarm.channel, day=alarm.day)
    return {
        "channel_code": alarm.channel,
        "day": alarm.day.isoformat(),
        "count": rows.filter(state=ReconciliationDifference.State.OPEN).count(),
        "amount_fen": alarm.amount_fen,
        "why": alarm.run.message if alarm.run else "",
        "admin_path": f"/admin/orders/reconciliationrun/{alarm.run_id}/change/",
    }
