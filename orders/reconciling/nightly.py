"""Every channel whose bills can be fetched, every day that is not done with: by the clock."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from time import monotonic

from helpdesk.wake import wake
from orders.channels import CODES, find_billing_channel
from orders.models import ReconciliationDifference, ReconciliationRun
from orders.reconciling.bills import fetched_bills
from orders.reconciling.entries import ONE_DAY
from orders.reconciling.runs import reconcile
from orders.reconciling.statement import day_of
from orders.reconciling.statements import READERS

State = ReconciliationRun.State
#: For how long a difference that nobody explained is looked into again each night.
LOOK_BACK = timedelta(days=14)
#: A worker begins no further day, and fetches no further bill, after this long: a task of
#: Celery's ends at 50 s.
ROUND_SECONDS = 20.0


def list_channels() -> list[str]:
    """This function will list the channels whose bills this desk can fetch by itself."""
    return [
        code
        for code in CODES
        if code in READERS and (source := find_billing_channel(code)) and source.is_configured()
    ]


def find_due_days(*, channel: str, now: datetime) -> list[date]:
    """This function will list the days to reconcile now, the latest first: all since the channel's
    first comparison that are not done with, two weeks at most. A day is done with when it was
    compared with the next day's bill at hand and nothing is unexplained; until then each run may
    find what was missing."""
    yesterday = day_of(now) - ONE_DAY
    since = yesterday + ONE_DAY - LOOK_BACK
    runs = ReconciliationRun.objects.filter(channel=channel)
    done = set(
        runs.filter(day__gte=since, state=State.COMPARED, is_complete=True).values_list(
            "day", flat=True
        )
    )
    unexplained = ReconciliationDifference.objects.filter(
        channel=channel, day__gte=since, day__lte=yesterday, state__in=("open", "waiting")
    ).values_list("day", flat=True)
    # Days on which the desk did not run are made up for.
    begun_on = runs.order_by("day").values_list("day", flat=True).first() or yesterday
    first = max(min(begun_on, yesterday - ONE_DAY), since)
    days = {first + n * ONE_DAY for n in range((yesterday - first).days + 1)}
    return sorted((days - done) | set(unexplained), reverse=True)


def start_reconciling() -> None:
    """This function will have every channel reconciled, one after the other: bills are long, and
    refunds must find a free worker meanwhile."""
    wake_next(list_channels())


def wake_next(channels: list[str]) -> None:
    if channels:
        wake("orders.tasks.reconcile_channel", *channels)


def reconcile_channels(
    first: str, *later: str, clock: Callable[[], datetime]
) -> list[ReconciliationRun]:
    """This function will reconcile the first channel and have the others taken up after it."""
    try:
        return reconcile_channel(channel=first, clock=clock)
    finally:
        wake_next(list(later))


def reconcile_channel(*, channel: str, clock: Callable[[], datetime]) -> list[ReconciliationRun]:
    """This function will reconcile a channel's due days; what does not fit into one round waits
    for the next."""
    give_up_at, now = monotonic() + ROUND_SECONDS, clock()
    bills = fetched_bills(channel, today=day_of(now), within=ROUND_SECONDS)
    runs: list[ReconciliationRun] = []
    for day in find_due_days(channel=channel, now=now):
        if runs and monotonic() > give_up_at:
            break
        runs.append(reconcile(channel=channel, day=day, bills=bills, by="system", now=clock()))
    return runs
