"""Reconciling a day: the bill, our entries, the comparison, and what is kept of it."""

import logging
from dataclasses import dataclass
from datetime import date, datetime, time

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from orders.alarms import close_bill_alarms, raise_bill_alarm
from orders.models import MoneyAlarm, ReconciliationDifference, ReconciliationRun
from orders.reconciling.bills import Bills, NoStatement
from orders.reconciling.differences import write_differences
from orders.reconciling.entries import ONE_DAY, Entry
from orders.reconciling.matching import Comparison, compare
from orders.reconciling.ours import find_entries, get_expected
from orders.reconciling.statement import (
    BEIJING,
    Line,
    Statement,
    UnableToReadStatement,
    day_of,
)
from orders.reconciling.statements import READERS

logger = logging.getLogger(__name__)

State = ReconciliationRun.State
Alarm = MoneyAlarm.Kind
#: Bills that one run fetches, beyond its own and its neighbours', for refunds that took days.
MOST_EARLIER_BILLS = 5
#: Channels have a day's bill by ten the next morning; one that is missing at noon is missed.
MISSED_AT = time(12)
#: Nothing says that a shop's endpoint has bills: they are missed once it gave one.
MAY_HAVE_NONE = {"shop"}


@dataclass(frozen=True)
class Compared:
    statement: Statement
    comparison: Comparison
    is_complete: bool


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
        note_missing(run, error)
        return run
    describe(run, compared)
    try:
        keep(run, compared.comparison, now=now)
    except IntegrityError:
        # Somebody compared the same day at the same time and was first with a difference or the
        # alarm; now that they are there, they are found again.
        run.pk = None
        keep(run, compared.comparison, now=now)
    if run.differences_count:
        logger.warning("%s, bill of %s: %d differences", channel, day, run.differences_count)
    return run


def describe(run: ReconciliationRun, compared: Compared) -> None:
    statement, result = compared.statement, compared.comparison
    run.state, run.is_complete = State.COMPARED, compared.is_complete
    run.sha256, run.account = statement.sha256, statement.account[:64]
    run.lines, run.matched = len(statement.lines), result.matched
    run.matched_payments_fen = result.matched_payments_fen
    run.matched_refunds_fen = result.matched_refunds_fen
    run.posted_elsewhere = result.posted_elsewhere
    theirs, ours = result.theirs, result.ours
    run.their_payments, run.their_payments_fen = theirs.payments, theirs.payments_fen
    run.their_refunds, run.their_refunds_fen = theirs.refunds, theirs.refunds_fen
    run.our_payments, run.our_payments_fen = ours.payments, ours.payments_fen
    run.our_refunds, run.our_refunds_fen = ours.refunds, ours.refunds_fen


def keep(run: ReconciliationRun, comparison: Comparison, *, now: datetime) -> None:
    with transaction.atomic(durable=True):
        run.save()
        write_differences(run, comparison.differences, now=now)
        close_bill_alarms(
            Alarm.BILL_MISSING,
            channel=run.channel,
            day=run.day,
            by="system",
            note=_("The bill is there now."),
            now=now,
        )


def compare_day(*, channel: str, day: date, bills: Bills, now: datetime) -> Compared:
    posted = READERS[channel].REFUNDS_POSTED
    statement = get_statement(channel=channel, day=day, bills=bills, now=now)
    following = bills.find(day + ONE_DAY) if day < day_of(now) else None
    # Ours are read after theirs were made: what came in between is not missing from the bill.
    expected = get_expected(channel=channel, day=day, posted=posted, until=now)
    entries = find_entries(channel=channel, lines=statement.lines, posted=posted)
    around: list[Line] = list(following.lines) if following else []
    for earlier in list_earlier(day, expected):
        if (found := bills.find(earlier)) is not None:
            around += found.lines
    # A next bill that never comes (a day without payments has none) is not waited for for ever.
    is_next_read = following is not None or is_missed(day + ONE_DAY, now=now)
    comparison = compare(
        day=day,
        lines=statement.lines,
        around=around,
        entries=entries,
        expected=expected,
        is_next_read=is_next_read,
    )
    return Compared(statement, comparison, is_next_read)


def get_statement(*, channel: str, day: date, bills: Bills, now: datetime) -> Statement:
    """This function will return a day's bill. Channels make none of a day on which nothing was
    paid: where we have nothing of that day either, and never had, none is an empty one.

    :raises NoStatement: there should be one and is not.
    """
    try:
        return bills.get(day)
    except NoStatement as error:
        rows = ReconciliationDifference.objects.filter(channel=channel, day=day)
        if not error.is_told or not is_missed(day, now=now) or rows.exists():
            raise
        if count_expected(channel=channel, day=day, now=now):
            raise
        return Statement(day, [])


def is_missed(day: date, *, now: datetime) -> bool:
    """This function will say whether a day's bill should be there by now."""
    return now >= datetime.combine(day + ONE_DAY, MISSED_AT, tzinfo=BEIJING)


def list_earlier(day: date, expected: list[Entry]) -> list[date]:
    """This function will list the days before on whose bills an entry may be: the day before, and
    for a refund that was asked for earlier still, the days since."""
    first = min((day_of(e.first_at) for e in expected if e.first_at), default=day) - ONE_DAY
    days = [day - n * ONE_DAY for n in range(1, MOST_EARLIER_BILLS + 2)]
    return [earlier for earlier in days if earlier >= first or earlier == day - ONE_DAY]


def note_missing(run: ReconciliationRun, error: NoStatement | UnableToReadStatement) -> None:
    """This function will keep that there was nothing to compare with, and tell supervisors when
    it should have been there."""
    ours = count_expected(channel=run.channel, day=run.day, now=run.at)
    is_unreadable = isinstance(error, UnableToReadStatement)
    run.state = State.UNREADABLE if is_unreadable else State.NO_STATEMENT
    counted = _("%(count)d of our entries should be on it.") % {"count": ours}
    run.message = (f"{error} {counted}" if ours else str(error))[:500]
    known = ReconciliationRun.objects.filter(channel=run.channel)
    is_offered = run.channel not in MAY_HAVE_NONE or known.filter(state=State.COMPARED).exists()
    was_compared = known.filter(day=run.day, state=State.COMPARED).exists()
    is_wanted = run.requested_by == "system" and is_missed(run.day, now=run.at)
    with transaction.atomic(durable=True):
        run.save()
        if is_wanted and is_offered and not was_compared and (ours or is_unreadable):
            raise_bill_alarm(Alarm.BILL_MISSING, run, is_news=False, now=run.at)
    logger.warning("%s, bill of %s: %s", run.channel, run.day, run.message)


def count_expected(*, channel: str, day: date, now: datetime) -> int:
    if channel not in READERS:
        return 0
    posted = READERS[channel].REFUNDS_POSTED
    return len(get_expected(channel=channel, day=day, posted=posted, until=now))
