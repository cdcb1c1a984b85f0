"""Public holidays and working weekends, as the State Council announces them year by year."""

import csv
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from chinese_calendar import Holiday
from chinese_calendar.constants import holidays, workdays
from django.db import transaction
from django.utils.translation import gettext as _

from tickets.models import CalendarDay

Kind = CalendarDay.Kind


class UnableToLoadCalendar(Exception):
    """The days are not known, or the file does not say them."""


def days_of_year(year: int) -> list[CalendarDay]:
    """This function will list the days of one year that break the rule of the week.

    :raises UnableToLoadCalendar: the year is not announced, or not in the installed package yet.
        Nothing is guessed: a clock that needs that year is marked provisional.
    """
    found = [
        CalendarDay(date=on, kind=kind, name=Holiday(name).chinese, source="chinesecalendar")
        for kind, days in ((Kind.HOLIDAY, holidays), (Kind.WORKDAY, workdays))
        for on, name in days.items()
        if on.year == year
    ]
    if not found:
        raise UnableToLoadCalendar(
            _("The package chinesecalendar does not know %(year)d. Load a file instead.")
            % {"year": year}
        )
    return sorted(found, key=lambda day: day.date)


def read_days(path: Path) -> list[CalendarDay]:
    """This function will read a CSV of `date,kind,name` (kind: holiday or workday).

    :raises UnableToLoadCalendar: naming the line that cannot be read.
    """
    found = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                found.append(read_day(row, line, source=path.name))
    except (OSError, UnicodeDecodeError) as error:
        raise UnableToLoadCalendar(str(error)) from error
    return found


def read_day(row: dict[str, str], line: int, *, source: str) -> CalendarDay:
    kind = (row.get("kind") or "").strip()
    try:
        on = date.fromisoformat((row.get("date") or "").strip())
    except ValueError:
        on = None
    if on is None or kind not in Kind.values:
        raise UnableToLoadCalendar(
            _("Line %(line)d is not like 2027-01-01,holiday,name.") % {"line": line}
        )
    return CalendarDay(date=on, kind=kind, name=(row.get("name") or "").strip()[:50], source=source)


def store_days(days: Iterable[CalendarDay]) -> int:
    """This function will make the years of `days` what they say, and return how many days those
    are. A day that the new list leaves out is a day like any other again."""
    days = list(days)
    years = {day.date.year for day in days}
    with transaction.atomic():
        known = CalendarDay.objects.filter(date__year__in=years)
        known.exclude(date__in=[day.date for day in days]).delete()
        CalendarDay.objects.bulk_create(
            days,
            update_conflicts=True,
            unique_fields=["date"],
            update_fields=["kind", "name", "source"],
        )
    return len(days)
