"""What another policy or calendar would have meant: counted by hand beside it."""

from datetime import time, timedelta
from typing import Any

import pytest
from django.db.models import Model

from tests.stories import HOUR, MINUTE, OPENING, Desk, acting, at, deadline_of
from tickets import transitions
from tickets.foresight import GOVERNED, foresee
from tickets.models import Deadline, StaffedHours
from tickets.policy import DEFAULT_POLICY
from tickets.policy_reader import read_policy
from tickets.staffing import build_calendar, load_calendar

pytestmark = pytest.mark.django_db


def look(desk: Desk, **new: Any):
    return foresee(now=desk.now, calendar=load_calendar(), **new)


def policy_with(**clocks: str):
    body = DEFAULT_POLICY.to_json()
    for name, within in clocks.items():
        body["clocks"][name]["within"] = within
    return read_policy(body)


def told(seen: Any) -> dict[str, tuple[int, int, int]]:
    return {
        str(kind): (change.all, change.earlier, change.later)
        for kind, change in seen.changes.items()
        if change.earlier or change.later
    }


def test_the_same_rules_change_nothing_and_agree_with_the_clocks(desk: Desk):
    desk.open()
    desk.open(now=at("23:40"))
    desk.open(now=at("23:50"), proof=())
    seen = look(desk, new_policy=DEFAULT_POLICY, new_calendar=load_calendar())
    assert seen.changed == 0
    assert seen.all == Deadline.objects.filter(kind__in=GOVERNED).count()
    assert seen.tickets == 3


def test_a_shorter_first_reply_moves_one_clock_of_each_dispute(desk: Desk):
    lin = acting(desk.people["lin"])
    quick, slow = desk.open(), desk.open()
    transitions.reply(ticket_id=quick.pk, text="在查", actor=lin, now=OPENING + 5 * MINUTE)
    transitions.reply(ticket_id=slow.pk, text="在查", actor=lin, now=OPENING + 20 * MINUTE)
    seen = look(desk, new_policy=policy_with(first_reply="PT10M"))
    assert told(seen) == {"first_reply": (2, 2, 0)}
    change = seen.changes[Deadline.Kind.FIRST_REPLY]
    assert (change.newly_missed, change.newly_kept) == (1, 0)


def test_a_longer_promise_moves_all_that_hangs_on_it(desk: Desk):
    desk.open()
    desk.open(proof=())
    seen = look(desk, new_policy=policy_with(commitment="PT36H", referral="PT60H"))
    # One of the two runs no promise. The warning of the other came at 22:00, the last instant that
    # left two staffed hours before 09:00; before 21:00 they are left at 06:00, 20 h into it.
    assert told(seen) == {
        "commitment_warning": (1, 0, 1),
        "commitment_enforcement": (1, 0, 1),
        "commitment": (1, 0, 1),
        "referral": (2, 0, 2),
    }


def test_what_was_missed_might_have_been_kept(desk: Desk):
    ticket = desk.open()
    desk.advance(OPENING + 23 * HOUR)
    desk.now = OPENING + 25 * HOUR
    Deadline.objects.filter(ticket=ticket, kind="commitment").update(
        state="met", met_at=OPENING + 25 * HOUR
    )
    seen = look(desk, new_policy=policy_with(commitment="PT36H", referral="PT60H"))
    assert seen.changes[Deadline.Kind.COMMITMENT].newly_kept == 1


def test_other_hours_move_what_runs_by_staffed_hours(desk: Desk):
    late = desk.open(now=at("23:50"))
    hours = [StaffedHours(weekday=day, opens_at=time(10), closes_at=time.min) for day in range(7)]
    seen = look(desk, new_calendar=build_calendar(hours, []))
    # 10 min tonight, 20 min in the morning: 09:20 becomes 10:20, and so on.
    assert deadline_of(late, "first_reply").due_at == at("11-25 09:20")
    assert told(seen)["first_reply"] == (1, 0, 1)
    assert told(seen)["agent_resolution"] == (1, 0, 1)
    assert "commitment" not in told(seen)


def test_drills_old_disputes_and_other_policies_are_left_out(desk: Desk):
    desk.open(is_drill=True)
    desk.open()
    desk.now = OPENING + timedelta(days=31)
    assert look(desk, new_policy=policy_with(first_reply="PT10M")).all == 0
    desk.now = OPENING
    other = DEFAULT_POLICY.with_code("vip")
    assert look(desk, new_policy=other).tickets == 0


def test_looking_ahead_writes_nothing(desk: Desk):
    ticket = desk.open()
    before: list[Model] = list(Deadline.objects.order_by("pk").values_list())
    look(desk, new_policy=policy_with(first_reply="PT10M", commitment="PT22H"))
    assert list(Deadline.objects.order_by("pk").values_list()) == before
    assert desk.tell(ticket).policy == ticket.policy
