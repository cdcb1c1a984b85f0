"""Working-time arithmetic: aware datetimes in, aware datetimes out, no database."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
#: Gives up instead of walking for ever through a calendar that never opens.
HORIZON_DAYS = 400

Window = tuple[datetime, datetime]


class NeverStaffed(Exception):
    """No staffed hour lies within the next 400 days."""


@dataclass(frozen=True)
class StaffedCalendar:
    """When somebody is at the desk.

    ``hours`` maps a weekday (0 is Monday) to its opening and closing time; a closing time of
    00:00 is midnight at the end of the day. Where ``follows_holidays`` holds, public holidays are
    closed and working weekends (调休) are open; a year outside ``known_years`` is then computed
    from the week alone and marked provisional, because the State Council has not published it.
    """

    hours: Mapping[int, tuple[time, time]]
    tz: ZoneInfo
    follows_holidays: bool = False
    holidays: frozenset[date] = field(default_factory=frozenset)
    workdays: frozenset[date] = field(default_factory=frozenset)
    known_years: frozenset[int] = field(default_factory=frozenset)

    def window(self, day: date) -> Window | None:
        """This function will give the staffed window of one local day, or None when closed."""
        span = self.hours.get(day.weekday())
        if self.follows_holidays:
            if day in self.holidays:
                return None
            if day in self.workdays and span is None and self.hours:
                span = self.hours[min(self.hours)]
        if span is None:
            return None
        opens = datetime.combine(day, span[0], self.tz)
        closes = datetime.combine(day, span[1], self.tz)
        return opens, closes if closes > opens else closes + DAY

    def is_provisional(self, day: date) -> bool:
        return self.follows_holidays and day.year not in self.known_years

    def is_open(self, at: datetime) -> bool:
        window = self.window(at.astimezone(self.tz).date())
        return window is not None and window[0] <= at < window[1]

    def next_opening(self, at: datetime) -> datetime:
        """This function will give ``at`` itself when staffed, else the next opening."""
        for opens, closes in self._windows(at, step=1):
            if at < closes:
                return max(at, opens)
        raise NeverStaffed

    def add(self, start: datetime, duration: timedelta) -> tuple[datetime, bool]:
        """This function will run ``duration`` of staffed time off from ``start``.

        Returns the instant it is used up and whether that rests on an unpublished year.

        :raises NeverStaffed: the desk does not open within 400 days.
        """
        left, provisional = duration, False
        for opens, closes in self._windows(start, step=1):
            provisional = provisional or self.is_provisional(opens.date())
            begin = max(start, opens)
            if begin >= closes:
                continue
            if left <= closes - begin:
                return begin + left, provisional
            left -= closes - begin
        raise NeverStaffed

    def between(self, start: datetime, end: datetime) -> timedelta:
        """This function will measure the staffed time in the half-open ``[start, end)``."""
        total = timedelta()
        for opens, closes in self._windows(start, step=1):
            if opens >= end:
                break
            total += max(min(closes, end) - max(opens, start), timedelta())
        return total

    def latest_leaving(self, end: datetime, duration: timedelta) -> datetime:
        """This function will give the latest instant with ``duration`` staffed before ``end``.

        :raises NeverStaffed: the last 400 days did not hold that much.
        """
        left = duration
        for opens, closes in self._windows(end, step=-1):
            finish = min(end, closes)
            if finish <= opens:
                continue
            if left <= finish - opens:
                return finish - left
            left -= finish - opens
        raise NeverStaffed

    def _windows(self, at: datetime, *, step: int) -> Iterator[Window]:
        day = at.astimezone(self.tz).date()
        for offset in range(HORIZON_DAYS):
            window = self.window(day + step * offset * DAY)
            if window is not None:
                yield window
