"""The public calendar of 2026 as the State Council published it, for tests."""

from collections.abc import Iterator, Sequence
from datetime import date, time, timedelta

from tests.stories import SHANGHAI
from tickets.calendars import StaffedCalendar

DAY = timedelta(days=1)


def each_day(first: str, last: str) -> Iterator[date]:
    day, end = (date.fromisoformat(f"2026-{text}") for text in (first, last))
    while day <= end:
        yield day
        day += DAY


HOLIDAYS = frozenset(
    day
    for first, last in [
        ("01-01", "01-03"),
        ("02-15", "02-23"),
        ("04-04", "04-06"),
        ("05-01", "05-05"),
        ("06-19", "06-21"),
        ("09-25", "09-27"),
        ("10-01", "10-07"),
    ]
    for day in each_day(first, last)
)
#: 调休
WORKDAYS = frozenset(
    date.fromisoformat(f"2026-{text}")
    for text in ("01-04", "02-14", "02-28", "05-09", "09-20", "10-10")
)


def staffed(
    hours: str, *, days: Sequence[int] = range(7), follows_holidays: bool = False
) -> StaffedCalendar:
    """This function will make a calendar such as ``staffed("9-18", days=range(5))``."""
    opens, closes = (time(int(part) % 24) for part in hours.split("-"))
    return StaffedCalendar(
        hours=dict.fromkeys(days, (opens, closes)),
        tz=SHANGHAI,
        follows_holidays=follows_holidays,
        holidays=HOLIDAYS,
        workdays=WORKDAYS,
        known_years=frozenset({2026}),
    )


EVERY_DAY_9_18 = staffed("9-18")
EVERY_DAY_9_21 = staffed("9-21")
EVERY_DAY_9_24 = staffed("9-24")
WORKDAYS_9_18 = staffed("9-18", days=range(5), follows_holidays=True)
