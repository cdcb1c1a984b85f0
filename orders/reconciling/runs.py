"""Reconciling a day: the bill, our entries, the comparison, and what is kept of it."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk.wake import wake
from orders.channels import CODES, find_billing_channel
from orders.models import ReconciliationDifference, ReconciliationRun
from orders.reconciling.bills import Bills, NoStatement, fetched_bills
from orders.reconciling.differences import write_differences
from orders.reconciling.matching import ONE_DAY, Comparison, Entry, compare
from orders.reconciling.ours import find_entries, get_expected
from orders.reconciling.statement import Line, Statement, UnableToReadStatement, day_of
from orders.reconciling.statements import READERS

logger = logging.getLogger(__name__)

State = ReconciliationRun.State
#: For how long a difference that nobody explained is looked into again each night.
LOOK_BACK = timedelta(days=14)
#: Bills that one run fetches, beyond its own and its neighbours', for refunds that took days.
MOST_EARLIER_BILLS = 5
#: A worker begins no further day after this long: a task of Celery's ends at 50 s.
ROUND_SECONDS = 20.0


@dataclass(frozen=True)
class Compared:
    statement: Statement
    comparison: Comparison
    is_complete: bool


def list_channels() -> list[str]:
    """This function will list the channels whose bills this desk can fetch by itself."""
    return [
        code
        for code in CODES
        if code in READERS and (source := find_billing_channel(code)) and source.is_configured()
    ]


def find_due_days(*, channel: str, now: datetime) -> list[date]:
    """This function will list the days to reconcile now, the latest first: yesterday, and what is
    not done with of the days before. A day is done with when it was compared with the next day's
    bill at hand and nothing is unexplained; until then each run may find what was missing."""
    today = day_of(now)
    since = today - LOOK_BACK
    runs = ReconciliationRun.objects.filter(channel=channel, day__gte=since)
    done = set(runs.filter(state=State.COMPARED, is_complete=True).values_list("day", flat=True))
    unexplained = ReconciliationDifference.objects.filter(
        channel=channel, day__gte=since, state__in=("open", "waiting")
    ).values_list("day", flat=True)
    begun = set(runs.values_list("day", flat=True))
    recent = {today - ONE_DAY, today - 2 * ONE_DAY}
    days = ((recent | begun) - done) | set(unexplained)
    return sorted((day for day in days if day < today), reverse=True)


def start_reconciling() -> None:
    """This function will have every channel reconciled, each by whichever worker is free."""
    for channel in list_channels():
        wake("orders.tasks.reconcile_channel", channel)


def reconcile_channel(*, channel: str, clock: Callable[[], datetime]) -> list[ReconciliationRun]:
    """This function will reconcile a channel's due days; what does not fit into one round waits
    for the next."""
    give_up_at, now = time.monotonic() + ROUND_SECONDS, clock()
    bills, runs = fetched_bills(channel, today=day_of(now)), []
    for day in find_due_days(channel=channel, now=now):
        runs.append(reconcile(channel=channel, day=day, bills=bills, by="system", now=clock()))
        if time.monotonic() > give_up_at:
            break
    return runs


def reconcile(
    *, channel: str, day: date, bills: Bills, by: str, now: datetime
) -> ReconciliationRun:
    """This function will compare a channel's bill of one day with our records and keep what it
    finds. Bills are fetched outside any transaction.

    A day without a bill, or with one that cannot be read whole, is a run without comparison:
    nothing is found and nothing is cleared.
    """
    run = ReconciliationRun(
        channel=channel, day=day, source=bills.name_source(day)[:200], requested_by=by, at=now
    )
    try:
        compared = compare_day(channel=channel, day=day, bills=bills, now=now)
    except (NoStatement, UnableToReadStatement) as error:
        missing = isinstance(error, NoStatement)
        run.state = State.NO_STATEMENT if missing else State.UNREADABLE
        run.message = describe_missing(channel, day, error, now=now)[:500]
        run.save()
        logger.warning("%s, bill of %s: %s", channel, day, run.message)
        return run
    statement, result = compared.statement, compared.comparison
    run.state, run.is_complete = State.COMPARED, compared.is_complete
    run.sha256, run.account = statement.sha256, statement.account[:64]
    run.lines, run.matched = len(statement.lines), result.matched
    run.matched_payments_fen = result.matched_payments_fen
    run.matched_refunds_fen = result.matched_refunds_fen
    run.posted_elsewhere = result.posted_elsewhere
    with transaction.atomic(durable=True):
        run.save()
        write_differences(run, result.differences, now=now)
    if run.differences_count:
        logger.warning("%s, bill of %s: %d differences", channel, day, run.differences_count)
    return run


def compare_day(*, channel: str, day: date, bills: Bills, now: datetime) -> Compared:
    posted = READERS[channel].REFUNDS_POSTED
    statement = bills.get(day)
    following = bills.find(day + ONE_DAY) if day < day_of(now) else None
    # Ours are read after theirs were made: what came in between is not missing from the bill.
    expected = get_expected(channel=channel, day=day, posted=posted, until=now)
    entries = find_entries(channel=channel, lines=statement.lines, posted=posted)
    around: list[Line] = list(following.lines) if following else []
    for earlier in list_earlier(day, expected):
        if (found := bills.find(earlier)) is not None:
            around += found.lines
    comparison = compare(
        day=day,
        lines=statement.lines,
        around=around,
        entries=entries,
        expected=expected,
        is_next_read=following is not None,
    )
    return Compared(statement, comparison, following is not None)


def list_earlier(day: date, expected: list[Entry]) -> list[date]:
    """This function will list the days before on whose bills an entry may be: the day before, and
    for a refund that was asked for earlier still, the days since."""
    first = min((day_of(e.first_at) for e in expected if e.first_at), default=day) - ONE_DAY
    days = [day - n * ONE_DAY for n in range(1, MOST_EARLIER_BILLS + 2)]
    return [earlier for earlier in days if earlier >= first or earlier == day - ONE_DAY]


def describe_missing(channel: str, day: date, error: Exception, *, now: datetime) -> str:
    if channel not in READERS:
        return str(error)
    posted = READERS[channel].REFUNDS_POSTED
    ours = len(get_expected(channel=channel, day=day, posted=posted, until=now))
    counted = _("%(count)d of our entries should be on it.") % {"count": ours}
    return f"{error} {counted}" if ours else str(error)
