"""Differences as rows: found, found again, cleared by a later bill, or signed off by a person."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from orders.alarms import close_bill_alarms, raise_bill_alarm
from orders.models import MoneyAlarm, ReconciliationDifference, ReconciliationRun
from orders.reconciling.matching import Difference
from orders.reconciling.statement import LineKind
from orders.refusals import Refused

State = ReconciliationDifference.State
Kind = ReconciliationDifference.Kind
Alarm = MoneyAlarm.Kind
#: Columns of a run that count one kind each; all other kinds are counted together.
COUNTED = (Kind.OURS_ONLY, Kind.THEIRS_ONLY, Kind.AMOUNT_DIFFERS)
REASON_LIMIT = 500


class UnableToSignOff(Refused):
    """It is settled already, or no reason is given."""

    code = "settled_already"


def write_differences(
    run: ReconciliationRun, found: Iterable[Difference], *, now: datetime
) -> None:
    """This function will keep what a run found and clear what it no longer finds, count both on
    the run, and raise or close the day's alarm. Runs in the caller's transaction."""
    rows = {row.key: row for row in describe_all(run, found, now=now)}
    known = {
        row.key: row
        for row in ReconciliationDifference.objects.select_for_update().filter(
            channel=run.channel, day=run.day
        )
    }
    new = [row for key, row in rows.items() if key not in known]
    ReconciliationDifference.objects.bulk_create(new, batch_size=500)
    counts: Counter[str] = Counter(name_count(row) for row in new)
    is_news = any(row.state == State.OPEN for row in new)
    for key, row in known.items():
        if key in rows:
            was_open = row.state == State.OPEN
            find_again(row, rows[key], run)
            is_news = is_news or (row.state == State.OPEN and not was_open)
            counts[name_count(row)] += 1
        elif row.is_unexplained:
            row.state, row.closed_at = State.CLEARED, now
            row.save(update_fields=["state", "closed_at"])
    for name, count in counts.items():
        setattr(run, name, count)
    run.save(update_fields=list(counts))
    tell(run, is_news=is_news, now=now)


def tell(run: ReconciliationRun, *, is_news: bool, now: datetime) -> None:
    """This function will raise the alarm of a day with open differences, or close it."""
    at_issue = get_at_issue(channel=run.channel, day=run.day)
    if at_issue is not None:
        raise_bill_alarm(Alarm.BILL_DIFFERS, run, amount_fen=at_issue, is_news=is_news, now=now)
    else:
        close_bill_alarms(
            Alarm.BILL_DIFFERS,
            channel=run.channel,
            day=run.day,
            by="system",
            note=_("The bill and our records agree now."),
            now=now,
        )


def get_at_issue(*, channel: str, day: date) -> int | None:
    """This function will add up by how much the open differences of a day differ, in fen; None
    where there are none."""
    rows = ReconciliationDifference.objects.filter(channel=channel, day=day, state=State.OPEN)
    amounts = list(rows.values_list("ours_fen", "theirs_fen"))
    if not amounts:
        return None
    return sum(weigh_difference(ours, theirs) for ours, theirs in amounts)


def weigh_difference(ours_fen: int | None, theirs_fen: int | None) -> int:
    """Where the amounts agree, something else does not: then all of it is at issue."""
    by = abs((theirs_fen or 0) - (ours_fen or 0))
    return by or theirs_fen or 0


def find_again(
    row: ReconciliationDifference, again: ReconciliationDifference, run: ReconciliationRun
) -> None:
    row.run = run
    if row.state != State.SIGNED_OFF:
        row.state, row.closed_at = again.state, None
    row.save(update_fields=["run", "state", "closed_at"])


def name_count(row: ReconciliationDifference) -> str:
    if row.state == State.SIGNED_OFF:
        return "signed_off"
    if row.state == State.WAITING:
        return "waiting"
    return str(row.kind) if row.kind in COUNTED else "other"


def describe_all(
    run: ReconciliationRun, found: Iterable[Difference], *, now: datetime
) -> list[ReconciliationDifference]:
    seen: Counter[str] = Counter()
    rows = []
    for difference in found:
        row = describe(run, difference, now=now)
        seen[row.key] += 1
        if seen[row.key] > 1:
            row.key += f" {seen[row.key]}"
        rows.append(row)
    return rows


def describe(
    run: ReconciliationRun, difference: Difference, *, now: datetime
) -> ReconciliationDifference:
    line, entry = difference.line, difference.entry
    either: Any = line or entry
    facts = {
        "subject": either.kind,
        "number": either.name[:128],
        "trade_no": (either.trade_no or either.merchant_trade_no)[:128],
        "ours_fen": entry.amount_fen if entry else None,
        "theirs_fen": line.amount_fen if line else None,
    }
    parts = (difference.kind, *facts.values(), f"{line.at:%H%M%S}" if line else "")
    return ReconciliationDifference(
        **facts,
        run=run,
        channel=run.channel,
        day=run.day,
        key=" ".join(str(part) for part in parts)[:240],
        kind=Kind(difference.kind),
        state=State.WAITING if difference.is_waiting else State.OPEN,
        payment_id=entry.pk if entry and entry.kind == LineKind.PAYMENT else None,
        refund_id=entry.pk if entry and entry.kind == LineKind.REFUND else None,
        ours_state=entry.state[:64] if entry else "",
        theirs_state=line.state[:64] if line else "",
        ours_at=entry.at if entry else None,
        theirs_at=line.at if line else None,
        line=line.number if line else None,
        found_at=now,
    )


def sign_off(
    *, difference_id: int, reason: str, by: str, now: datetime
) -> ReconciliationDifference:
    """This function will note why a difference is none to act on, and who says so.

    :raises UnableToSignOff: it is cleared or signed off already, or no reason is given.
    """
    reason = reason.strip()
    if not reason:
        raise UnableToSignOff(_("Say why."), code="required", field="reason")
    if len(reason) > REASON_LIMIT:
        raise UnableToSignOff(
            _("At most %(limit)d characters.") % {"limit": REASON_LIMIT},
            code="too_long",
            field="reason",
        )
    with transaction.atomic(durable=True):
        row = ReconciliationDifference.objects.select_for_update().get(pk=difference_id)
        if not row.is_unexplained:
            raise UnableToSignOff(_("This difference is settled already."))
        row.state, row.reason = State.SIGNED_OFF, reason
        row.closed_at, row.closed_by = now, by
        row.save(update_fields=["state", "reason", "closed_at", "closed_by"])
        if get_at_issue(channel=row.channel, day=row.day) is None:
            close_bill_alarms(
                Alarm.BILL_DIFFERS, channel=row.channel, day=row.day, by=by, note=reason, now=now
            )
    return row
