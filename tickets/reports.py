"""How the desk kept its word, in numbers: behind the dashboard, the reports and the API alike.

A promise is counted once, at the instant its fate was sealed, so that a day that is over never
changes: kept when it was met, broken when it fell due unmet, given up when it ended otherwise
(withdrawn, merged, another outcome approved). Broken is what the supervisors review: every missed
deadline has its Breach; one that is due and not swept yet counts as well. Drills never count.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import (
    Case,
    Count,
    DateTimeField,
    F,
    IntegerField,
    Q,
    QuerySet,
    When,
)
from django.db.models.functions import TruncDate

from tickets.models import Deadline
from tickets.staffing import desk_tz

Kind = Deadline.Kind
State = Deadline.State

#: What is promised to a customer, and what the desk asks of its own people.
PROMISES = (
    Kind.COMMITMENT,
    Kind.FIRST_REPLY,
    Kind.AGENT_RESOLUTION,
    Kind.SUPERVISOR_RESOLUTION,
)
DAY = timedelta(days=1)
LONGEST = 366


@dataclass(frozen=True)
class Period:
    """Local days, the first and the last included."""

    first: date
    last: date

    @classmethod
    def of_days(cls, days: int, *, now: datetime) -> "Period":
        """This function will give the last ``days`` local days, today as far as it has come."""
        today = now.astimezone(desk_tz()).date()
        return cls(today - (days - 1) * DAY, today)

    @property
    def since(self) -> datetime:
        return datetime.combine(self.first, time.min, desk_tz())

    @property
    def until(self) -> datetime:
        return datetime.combine(self.last + DAY, time.min, desk_tz())

    @property
    def days(self) -> list[date]:
        return [self.first + n * DAY for n in range((self.last - self.first).days + 1)]


@dataclass
class Kept:
    """The fate of promises of one kind."""

    kept: int = 0
    broken: int = 0
    given_up: int = 0

    @property
    def share(self) -> float | None:
        """Kept, of all whose fate is known; None where there are none."""
        judged = self.kept + self.broken
        return self.kept / judged if judged else None

    def add(self, fate: str, count: int) -> None:
        setattr(self, fate, getattr(self, fate) + count)


def judged(period: Period, *, now: datetime) -> QuerySet[Any]:
    """This function will find the promises whose fate was sealed in a period, each with ``fate``
    and ``judged_at``."""
    broken = Q(breach__isnull=False) | Q(state=State.PENDING, due_at__lte=now)
    kept = Q(state=State.MET)
    return (
        Deadline.objects.filter(kind__in=PROMISES, ticket__is_drill=False)
        .filter(broken | kept | Q(state=State.CANCELLED))
        .annotate(
            judged_at=Case(
                When(broken, then=F("due_at")),
                When(kept, then=F("met_at")),
                default=F("cancelled_at"),
                output_field=DateTimeField(),
            ),
            is_broken=Case(When(broken, then=1), default=0, output_field=IntegerField()),
        )
        .filter(judged_at__gte=period.since, judged_at__lt=period.until)
        .order_by()
    )


def name_fate(is_broken: int, state: str) -> str:
    if is_broken:
        return "broken"
    return "kept" if state == State.MET else "given_up"


def count_promises(period: Period, *, now: datetime) -> dict[str, Kept]:
    """This function will count promises by kind, in one statement."""
    found = {str(kind): Kept() for kind in PROMISES}
    rows = judged(period, now=now).values_list("kind", "is_broken", "state")
    for kind, is_broken, state, count in rows.annotate(count=Count("pk")):
        found[kind].add(name_fate(is_broken, state), count)
    return found


def count_by_day(period: Period, *, now: datetime) -> dict[date, Kept]:
    """This function will count the 24-hour promise day by day, days without any included."""
    found = {day: Kept() for day in period.days}
    rows = judged(period, now=now).filter(kind=Kind.COMMITMENT)
    counted = rows.annotate(day=TruncDate("judged_at", tzinfo=desk_tz()))
    for day, is_broken, state, count in counted.values_list("day", "is_broken", "state").annotate(
        count=Count("pk")
    ):
        found[day].add(name_fate(is_broken, state), count)
    return found
