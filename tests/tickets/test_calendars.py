"""Working-time arithmetic at its edges: closing times, nights, weekends, holidays, 调休."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from tests.stories import HOUR, MINUTE, SHANGHAI, TICK, at, at_every, staff
from tests.tickets.days import (
    EVERY_DAY_9_18,
    EVERY_DAY_9_21,
    EVERY_DAY_9_24,
    HOLIDAYS,
    WORKDAYS,
    WORKDAYS_9_18,
    staffed,
)
from tickets.calendars import NeverStaffed, StaffedCalendar
from tickets.models import CalendarDay
from tickets.staffing import load_calendar

DAY = timedelta(days=1)
CALENDARS = {
    "9-18": EVERY_DAY_9_18,
    "9-21": EVERY_DAY_9_21,
    "9-24": EVERY_DAY_9_24,
    "weekdays": WORKDAYS_9_18,
}


def due(calendar: StaffedCalendar, start: str, hours: float) -> datetime:
    end, provisional = calendar.add(at(start), timedelta(hours=hours))
    assert not provisional
    return end


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("10:00", 2, "12:00"),
        ("16:00", 2, "18:00"),  # used up exactly at closing time
        ("16:00:00.000001", 2, "11-25 09:00:00.000001"),
        ("18:00", 2, "11-25 11:00"),  # at closing time nobody is there any more
        ("17:59:59", 2, "11-25 10:59:59"),
        ("08:59:59", 2, "11:00"),
        ("09:00", 9, "18:00"),
        ("09:00", 18, "11-25 18:00"),
        ("23:59:59", 0.5, "11-25 09:30"),
        ("00:00", 0.5, "09:30"),
        ("11-30 17:00", 2, "12-01 10:00"),  # over the end of a month
        ("12-31 17:30", 1, "2027-01-01 09:30"),
    ],
)
def test_nine_to_six_every_day(start: str, hours: float, end: str) -> None:
    assert due(EVERY_DAY_9_18, start, hours) == at(end)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("23:00", 1, "11-25 00:00"),  # midnight is the end of the day that closes
        ("23:00", 1.5, "11-25 09:30"),
        ("23:59:59", 1, "11-25 09:59:59"),
        ("11-25 00:00", 1, "11-25 10:00"),
        ("09:00", 15, "11-25 00:00"),
    ],
)
def test_nine_to_midnight(start: str, hours: float, end: str) -> None:
    assert due(EVERY_DAY_9_24, start, hours) == at(end)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("11-27 17:00", 2, "11-30 10:00"),  # Friday to Monday
        ("11-28 12:00", 1, "11-30 10:00"),  # from a Saturday
        ("02-13 17:00", 2, "02-14 10:00"),  # Friday to a Saturday worked for the holiday
        ("02-14 17:00", 2, "02-24 10:00"),  # and over the Spring Festival
        ("02-15 00:00", 9, "02-24 18:00"),
        ("02-27 17:59:59", 1, "02-28 09:59:59"),  # the other working Saturday
        ("02-28 18:00", 1, "03-02 10:00"),  # followed by a Sunday
        ("09-20 09:00", 9, "09-20 18:00"),  # a working Sunday
        ("09-24 17:00", 2, "09-28 10:00"),  # Mid-Autumn
        ("09-30 17:00", 10, "10-08 18:00"),  # National Day
        ("10-09 17:00", 2, "10-10 10:00"),
    ],
)
def test_weekdays_only_follow_the_public_calendar(start: str, hours: float, end: str) -> None:
    assert due(WORKDAYS_9_18, start, hours) == at(end)


@pytest.mark.parametrize(
    ("start", "days", "last"),
    [
        ("02-13", 7, "03-02"),
        ("04-30", 7, "05-13"),
        ("09-18", 7, "09-29"),
        ("09-24", 7, "10-12"),
        ("09-30", 7, "10-15"),
        ("11-24", 7, "12-03"),
        ("09-18", 10, "10-09"),
        ("09-24", 10, "10-15"),
        ("09-30", 10, "10-20"),
        ("11-24", 10, "12-08"),
    ],
)
def test_the_official_working_days(start: str, days: int, last: str) -> None:
    """Counted without the day it starts on, as the law counts: from its end to the last one's."""
    assert due(WORKDAYS_9_18, f"{start} 18:00", 9 * days) == at(f"{last} 18:00")


def test_a_year_that_is_not_published_is_marked_and_not_guessed_away() -> None:
    end, provisional = WORKDAYS_9_18.add(at("12-31 17:00"), HOUR)
    assert (end, provisional) == (at("12-31 18:00"), False)
    end, provisional = WORKDAYS_9_18.add(at("12-31 17:00"), 2 * HOUR)
    assert (end, provisional) == (at("2027-01-01 10:00"), True)
    end, provisional = WORKDAYS_9_18.add(at("12-23 18:00"), 7 * 9 * HOUR)
    assert provisional
    # Where holidays do not matter nothing is uncertain.
    assert EVERY_DAY_9_18.add(at("12-31 17:00"), 2 * HOUR) == (at("2027-01-01 10:00"), False)


def test_every_day_ignores_holidays() -> None:
    assert due(EVERY_DAY_9_24, "02-17 09:00", 2) == at("02-17 11:00")


@pytest.mark.parametrize("calendar", CALENDARS.values(), ids=CALENDARS)
def test_adding_measuring_and_going_back_agree(calendar: StaffedCalendar) -> None:
    """From every quarter of an hour of three unlike weeks."""
    for week in ("11-23", "02-12", "09-18"):
        start = at(f"{week} 00:07:30.000001")
        for instant in at_every(start, start + 7 * DAY, 15 * MINUTE):
            for duration in (MINUTE, 2 * HOUR, 11 * HOUR):
                end, _provisional = calendar.add(instant, duration)
                assert calendar.between(instant, end) == duration
                assert calendar.between(instant, end - TICK) < duration
                latest = calendar.latest_leaving(end, duration)
                assert calendar.between(latest, end) == duration
                assert latest >= instant
                assert calendar.between(latest + TICK, end) < duration


def test_nothing_left_is_due_at_once_or_at_the_next_opening() -> None:
    nothing = timedelta()
    assert EVERY_DAY_9_18.add(at("12:00"), nothing) == (at("12:00"), False)
    assert EVERY_DAY_9_18.add(at("20:00"), nothing) == (at("11-25 09:00"), False)


def test_open_from_the_first_microsecond_to_the_last() -> None:
    assert not EVERY_DAY_9_18.is_open(at("08:59:59.999999"))
    assert EVERY_DAY_9_18.is_open(at("09:00"))
    assert EVERY_DAY_9_18.is_open(at("17:59:59.999999"))
    assert not EVERY_DAY_9_18.is_open(at("18:00"))
    assert EVERY_DAY_9_24.is_open(at("23:59:59.999999"))
    assert not EVERY_DAY_9_24.is_open(at("11-25 00:00"))
    assert WORKDAYS_9_18.is_open(at("02-14 10:00"))
    assert not WORKDAYS_9_18.is_open(at("02-16 10:00"))


def test_next_opening() -> None:
    assert EVERY_DAY_9_18.next_opening(at("12:34")) == at("12:34")
    assert EVERY_DAY_9_18.next_opening(at("18:00")) == at("11-25 09:00")
    assert WORKDAYS_9_18.next_opening(at("02-14 18:00")) == at("02-24 09:00")


def test_the_latest_instant_that_leaves_time_before_a_night_or_a_holiday() -> None:
    assert EVERY_DAY_9_18.latest_leaving(at("16:00"), 2 * HOUR) == at("14:00")
    assert EVERY_DAY_9_18.latest_leaving(at("09:00"), 2 * HOUR) == at("11-23 16:00")
    assert EVERY_DAY_9_18.latest_leaving(at("10:00"), 2 * HOUR) == at("11-23 17:00")
    assert EVERY_DAY_9_24.latest_leaving(at("09:00"), 2 * HOUR) == at("11-23 22:00")
    assert WORKDAYS_9_18.latest_leaving(at("02-24 09:00"), 2 * HOUR) == at("02-14 16:00")


def test_times_of_another_zone_are_the_same_instants() -> None:
    assert EVERY_DAY_9_18.add(datetime(2026, 11, 24, 8, 0, tzinfo=UTC), 3 * HOUR) == (
        at("11-25 10:00"),
        False,
    )
    assert EVERY_DAY_9_18.is_open(datetime(2026, 11, 24, 1, 0, tzinfo=UTC))


def test_shanghai_has_no_summer_time_to_stumble_over() -> None:
    """The clocks of much of the world change in this night; ours do not."""
    for night in ("03-28", "03-29", "10-24", "10-25", "11-01"):
        assert EVERY_DAY_9_24.between(at(f"{night} 00:00"), at(f"{night} 00:00") + DAY) == 15 * HOUR


def test_around_the_clock() -> None:
    always = StaffedCalendar(hours=dict.fromkeys(range(7), (time.min, time.min)), tz=SHANGHAI)
    assert always.add(at("23:59:59"), 30 * HOUR) == (at("23:59:59") + 30 * HOUR, False)
    assert always.between(at("10:00"), at("11-26 10:00")) == 48 * HOUR


def test_a_desk_that_never_opens_says_so_instead_of_searching_for_ever() -> None:
    never = StaffedCalendar(hours={}, tz=SHANGHAI)
    with pytest.raises(NeverStaffed):
        never.add(at("10:00"), HOUR)
    with pytest.raises(NeverStaffed):
        never.latest_leaving(at("10:00"), HOUR)
    assert never.between(at("10:00"), at("11-25 10:00")) == timedelta()
    assert not never.is_open(at("10:00"))


def test_a_working_weekend_keeps_the_hours_of_a_weekday() -> None:
    calendar = staffed("10-17", days=range(5), follows_holidays=True)
    assert calendar.window(date(2026, 2, 14)) == (at("02-14 10:00"), at("02-14 17:00"))
    assert calendar.window(date(2026, 2, 21)) is None


@pytest.mark.django_db
def test_hours_and_holidays_are_read_from_their_tables() -> None:
    staff("9-18", days=range(5), follows_holidays=True)
    for days, kind in ((HOLIDAYS, "holiday"), (WORKDAYS, "workday")):
        CalendarDay.objects.bulk_create([CalendarDay(date=day, kind=kind) for day in days])
    calendar = load_calendar()
    for instant in at_every(at("02-10 00:07"), at("03-03 00:00"), 30 * MINUTE):
        assert calendar.add(instant, 3 * HOUR) == WORKDAYS_9_18.add(instant, 3 * HOUR)
    assert calendar.add(at("2027-01-04 10:00"), HOUR)[1]


@pytest.mark.django_db
def test_a_desk_without_hours_counts_as_always_there() -> None:
    assert load_calendar().add(at("03:00"), HOUR) == (at("04:00"), False)
