"""Who is there, and when: staffed hours, and the people of each level."""

import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, time

from django.conf import settings
from django.contrib.auth.models import User

from tickets.calendars import StaffedCalendar
from tickets.models import CalendarDay, StaffedHours


def load_calendar() -> StaffedCalendar:
    """This function will read the staffed hours, with the public calendar where they follow it.

    A desk without hours counts as always staffed: a missing setting must not stop a clock.
    """
    rows = list(StaffedHours.objects.all())
    follows = any(row.follows_holidays for row in rows)
    return build_calendar(rows, list(CalendarDay.objects.all()) if follows else [])


def build_calendar(rows: list[StaffedHours], days: list[CalendarDay]) -> StaffedCalendar:
    """This function will make the calendar that these rows mean."""
    tz = desk_tz()
    hours = {row.weekday: (row.opens_at, row.closes_at) for row in rows}
    if not rows:
        hours = dict.fromkeys(range(7), (time.min, time.min))
    if not any(row.follows_holidays for row in rows):
        return StaffedCalendar(hours=hours, tz=tz)
    return StaffedCalendar(
        hours=hours,
        tz=tz,
        follows_holidays=True,
        holidays=frozenset(d.date for d in days if d.kind == CalendarDay.Kind.HOLIDAY),
        workdays=frozenset(d.date for d in days if d.kind == CalendarDay.Kind.WORKDAY),
        known_years=frozenset(d.date.year for d in days),
    )


def desk_tz() -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(settings.TIME_ZONE)


def load_working_days() -> Callable[[date], tuple[bool, bool]]:
    """This function will give what tells of a day whether authorities work on it, and whether
    that is a guess: of a year not announced yet only the week is known."""
    days = dict(CalendarDay.objects.values_list("date", "kind"))
    known = {day.year for day in days}

    def is_worked(day: date) -> tuple[bool, bool]:
        if kind := days.get(day):
            return kind == CalendarDay.Kind.WORKDAY, False
        return day.weekday() < 5, day.year not in known

    return is_worked


@dataclass
class OnCall:
    """The people who can be reached, supervisors in the order in which they are asked."""

    supervisors: list[User] = field(default_factory=list)

    @classmethod
    def load(cls) -> "OnCall":
        return cls(
            list(
                User.objects.filter(is_active=True, groups__name="supervisor")
                .order_by("pk")
                .distinct()
            )
        )

    def next_after(self, user_id: int | None, *, excluding: set[int]) -> User | None:
        """This function will name whose turn it is after ``user_id``, round and round."""
        candidates = [user for user in self.supervisors if user.pk not in excluding]
        if not candidates:
            return None
        later = [user for user in candidates if user_id is not None and user.pk > user_id]
        return (later or candidates)[0]
