"""By when outside bodies want something, by their own rules. Counted by hand in domain.md."""

from datetime import date, timedelta

import pytest

from tests.stories import HOUR, SHANGHAI, TICK, at
from tickets.models import CalendarDay
from tickets.outside_clocks import NoRule, compute_due, count_working_days
from tickets.public_calendar import days_of_year, store_days
from tickets.staffing import load_working_days

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _year_2026(db: None) -> None:
    store_days(days_of_year(2026))


def due(channel: str, stage: str, start):
    return compute_due(channel, stage, start, tz=SHANGHAI, is_worked=load_working_days())


def test_seven_working_days_over_spring_festival_and_two_worked_saturdays():
    day, provisional = count_working_days(date(2026, 2, 13), 7, load_working_days())
    assert (day, provisional) == (date(2026, 3, 2), False)


def test_odr_ends_with_the_tenth_working_day():
    # Tuesday; the first day is not counted, two weekends lie between.
    odr = due("odr", "settle", at("10:00"))
    assert (odr.at, odr.rule) == (at("2026-12-09 00:00"), "ODR_SETTLE")
    # What comes in one tick before midnight counts from the same day.
    assert due("odr", "settle", at("11-25 00:00") - TICK).at == odr.at
    assert due("odr", "settle", at("11-25 00:00")).at == at("12-10 00:00")


def test_wechat_wants_an_answer_in_24_natural_hours_and_an_end_in_72():
    start = at("2026-02-16 23:30")
    assert due("wechat", "reply", start).at == start + 24 * HOUR
    assert due("wechat", "settle", start).at == start + 72 * HOUR


def test_mediation_has_the_rule_of_the_day_of_acceptance():
    old = due("samr", "accepted", at("2026-04-14 23:59"))
    new = due("samr", "accepted", at("2026-04-15 00:00"))
    assert (old.rule, new.rule) == ("SAMR_MEDIATE_OLD", "SAMR_MEDIATE")
    # 60 calendar days after 04-15 is Sunday 06-14: it ends with the Monday.
    assert new.at == at("2026-06-16 00:00")
    # April 12, May 19 (the worked Saturday 05-09 with them), June 14: the 45th is Thursday 06-18.
    assert old.at == at("2026-06-19 00:00")


def test_a_year_nobody_announced_is_marked_and_never_passed_off_as_known():
    before = due("samr", "settle", at("2026-12-22 09:00"))
    across = due("samr", "settle", at("2026-12-23 09:00"))
    assert (before.provisional, before.at) == (False, at("2027-01-01 00:00"))
    assert across.provisional
    store_days([CalendarDay(date=date(2027, 1, 1), kind="holiday", source="test")])
    known = due("samr", "settle", at("2026-12-23 09:00"))
    assert (known.provisional, known.at) == (False, across.at + timedelta(days=3))


def test_another_body_has_no_rule():
    with pytest.raises(NoRule):
        due("other", "settle", at("10:00"))
