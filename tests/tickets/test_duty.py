"""Shifts, presence, and new disputes that find an owner by themselves."""

from datetime import time

import pytest
from django.core.exceptions import ValidationError

from tests.stories import MINUTE, SECOND, Desk, at, events_of, set_policy, told
from tickets.duty import (
    PRESENT_FOR,
    find_least_loaded,
    note_presence,
    others_looking,
    people_on_duty,
    shifts_at,
)
from tickets.models import Shift

pytestmark = pytest.mark.django_db
TUESDAY = 1


def put_on_shift(user, begins="09:00", ends="18:00", weekday=TUESDAY):
    return Shift.objects.create(user=user, weekday=weekday, begins_at=begins, ends_at=ends)


def test_a_shift_begins_on_the_minute_and_ends_before_it(desk: Desk):
    put_on_shift(desk.people["lin"])
    for moment, on in (("08:59:59", 0), ("09:00", 1), ("17:59:59", 1), ("18:00", 0)):
        assert shifts_at(at(moment)).count() == on, moment
    assert not shifts_at(at("11-25 10:00")).exists()


def test_midnight_ends_a_shift_at_the_end_of_its_day(desk: Desk):
    put_on_shift(desk.people["lin"], "18:00", "00:00")
    assert shifts_at(at("23:59:59")).exists()
    assert not shifts_at(at("11-25 00:00")).exists()


def test_a_shift_that_ends_before_it_begins_is_refused(desk: Desk):
    wrong = Shift(user=desk.people["lin"], weekday=TUESDAY, begins_at=time(18), ends_at=time(9))
    with pytest.raises(ValidationError):
        wrong.full_clean()


def test_on_duty_is_who_is_on_shift_and_was_seen(desk: Desk):
    lin, wang = desk.people["lin"], desk.people["wang"]
    put_on_shift(lin)
    assert not people_on_duty(at("10:00")).exists()
    note_presence(user=lin, now=at("10:00"))
    note_presence(user=wang, now=at("10:00"))
    assert list(people_on_duty(at("10:00"))) == [lin]
    assert list(people_on_duty(at("10:00") + PRESENT_FOR - SECOND)) == [lin]
    assert not people_on_duty(at("10:00") + PRESENT_FOR).exists()


def test_without_any_shift_presence_alone_decides(desk: Desk):
    note_presence(user=desk.people["wang"], now=at("10:00"))
    assert list(people_on_duty(at("10:01"))) == [desk.people["wang"]]


def test_a_new_dispute_goes_to_who_has_least_to_do(desk: Desk, agent_chen):
    set_policy(auto_assign=True)
    lin = desk.people["lin"]
    for person in (lin, agent_chen):
        put_on_shift(person)
        note_presence(user=person, now=at("10:00"))
    first, second, third = desk.open(), desk.open(), desk.open()
    owners = [desk.tell(ticket).assignee for ticket in (first, second, third)]
    assert owners == [lin, agent_chen, lin]
    assert desk.tell(first).status == "new"
    assert events_of(first, "assigned")[0].data == {"to": f"staff:{lin.pk}", "by": "load"}
    assert "assigned" in told(first, "staff")
    assert desk.worries() == {}


def test_with_nobody_there_it_waits_and_the_watchdog_alarms(desk: Desk):
    set_policy(auto_assign=True)
    put_on_shift(desk.people["lin"])
    ticket = desk.open(now=at("10:00"))
    assert desk.tell(ticket).assignee is None
    assert desk.worries() == {"levels_without_people": 1}
    note_presence(user=desk.people["lin"], now=at("10:00"))
    assert desk.worries() == {}
    assert find_least_loaded(at("10:00")) == desk.people["lin"]


def test_unless_a_policy_says_so_nobody_is_given_work(desk: Desk):
    note_presence(user=desk.people["lin"], now=at("10:00"))
    assert desk.tell(desk.open()).assignee is None


def test_two_at_one_dispute_are_told_of_each_other(desk: Desk):
    ticket, lin, wang = desk.open(), desk.people["lin"], desk.people["wang"]
    note_presence(user=lin, now=at("10:00"), ticket_id=ticket.pk)
    note_presence(user=lin, now=at("10:01"), ticket_id=ticket.pk)
    note_presence(user=wang, now=at("10:02"), ticket_id=ticket.pk)
    seen = others_looking(ticket_id=ticket.pk, user_id=wang.pk, now=at("10:02"))
    assert [(visit.user, visit.opened_at) for visit in seen] == [(lin, at("10:00"))]
    later = at("10:02") + 10 * MINUTE
    assert others_looking(ticket_id=ticket.pk, user_id=wang.pk, now=later) == []
