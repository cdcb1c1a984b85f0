"""The ladder always comes before the promise, whatever the hour somebody complains at.

Walks every quarter of an hour of a normal week, of the Spring Festival and of a week with a
working Sunday, for four kinds of staffing, with the arithmetic the desk itself uses.
"""

from datetime import datetime, timedelta

import pytest

from orders.models import Order
from tests.stories import HOUR, MINUTE, SYSTEM, TICK, at, at_every
from tests.tickets.days import (
    EVERY_DAY_9_18,
    EVERY_DAY_9_21,
    EVERY_DAY_9_24,
    WORKDAYS_9_18,
)
from tickets.calendars import StaffedCalendar
from tickets.cases import Case
from tickets.deadlines import Kind, fire_deadline, start_deadline
from tickets.docket import Docket
from tickets.models import Deadline, Event, Ticket
from tickets.policy import DEFAULT_POLICY
from tickets.promise import start_promise

CALENDARS = {
    "9-18": EVERY_DAY_9_18,
    "9-21": EVERY_DAY_9_21,
    "9-24": EVERY_DAY_9_24,
    "weekdays": WORKDAYS_9_18,
}
WEEKS = {"normal": "11-23", "spring festival": "02-14", "working sunday": "09-18"}


def filed(calendar: StaffedCalendar, now: datetime) -> Case:
    """A case in memory: opened at ``now``, nothing of it in a database."""
    ticket = Ticket(
        pk=1,
        number="D",
        order=Order(order_no="LT"),
        policy=DEFAULT_POLICY.to_json(),
        opened_at=now,
        updated_at=now,
    )
    docket = Docket(now)
    docket.calendar = calendar
    case = Case(ticket, docket, SYSTEM, [], {})
    start_deadline(case, Kind.FIRST_REPLY)
    start_deadline(case, Kind.AGENT_RESOLUTION)
    start_deadline(case, Kind.REFERRAL)
    return case


def pass_on(case: Case) -> datetime:
    """The agent's clock fires at its instant and the supervisor's starts; when is that due?"""
    agent = case.live(Kind.AGENT_RESOLUTION)
    assert agent is not None
    case.docket.now = agent.due_at
    fire_deadline(case, agent)
    return start_deadline(case, Kind.SUPERVISOR_RESOLUTION).due_at


def due(case: Case, kind: str) -> datetime:
    return next(d.due_at for d in case.deadlines if d.kind == kind)


@pytest.mark.parametrize("proof_after", [0, 60 * 13], ids=["at once", "next day"])
@pytest.mark.parametrize("week", WEEKS.values(), ids=WEEKS)
@pytest.mark.parametrize("calendar", CALENDARS.values(), ids=CALENDARS)
def test_every_quarter_of_an_hour(calendar: StaffedCalendar, week: str, proof_after: int) -> None:
    start = at(f"{week} 00:00")
    for opened_at in at_every(start, start + timedelta(days=7), 15 * MINUTE):
        case = filed(calendar, opened_at)
        proof_at = opened_at + proof_after * MINUTE
        if due(case, Kind.AGENT_RESOLUTION) <= proof_at:
            supervisor_due = pass_on(case)
            case.docket.now = proof_at
            start_promise(case, started_at=proof_at)
            supervisor_due = due(case, Kind.SUPERVISOR_RESOLUTION)
            agent_due = due(case, Kind.AGENT_RESOLUTION)
        else:
            case.docket.now = proof_at
            start_promise(case, started_at=proof_at)
            agent_due = due(case, Kind.AGENT_RESOLUTION)
            assert agent_due <= proof_at + 12 * HOUR
            supervisor_due = pass_on(case)
        check_ladder(case, calendar, proof_at, agent_due, supervisor_due)


def check_ladder(
    case: Case,
    calendar: StaffedCalendar,
    proof_at: datetime,
    agent_due: datetime,
    supervisor_due: datetime,
) -> None:
    enforced, promised = due(case, Kind.COMMITMENT_ENFORCEMENT), due(case, Kind.COMMITMENT)
    warned, referred = due(case, Kind.COMMITMENT_WARNING), due(case, Kind.REFERRAL)
    assert promised == proof_at + 24 * HOUR
    assert enforced == promised - HOUR
    assert agent_due < supervisor_due <= proof_at + 20 * HOUR < enforced
    assert proof_at <= warned <= proof_at + 20 * HOUR
    assert warned < enforced < promised < referred
    assert referred == max(case.ticket.opened_at + 48 * HOUR, promised + HOUR)
    # Whoever is warned still has two staffed hours, wherever the day has that many.
    if warned > proof_at:
        assert calendar.between(warned, enforced) >= 2 * HOUR


def test_nobody_at_the_desk_for_nine_days_changes_no_promise() -> None:
    """Filed at closing time before the Spring Festival, when the next opening is ten days away."""
    case = filed(WORKDAYS_9_18, at("02-14 18:00"))
    start_promise(case, started_at=at("02-14 18:00"))
    assert due(case, Kind.AGENT_RESOLUTION) == at("02-15 06:00")
    assert pass_on(case) == at("02-15 14:00")
    assert due(case, Kind.COMMITMENT_WARNING) == at("02-14 18:00")
    assert due(case, Kind.COMMITMENT) == at("02-15 18:00")


def test_a_clock_that_is_moved_remembers_where_policy_put_it() -> None:
    case = filed(EVERY_DAY_9_18, at("17:30"))
    start_promise(case, started_at=at("17:30"))
    agent = case.live(Kind.AGENT_RESOLUTION)
    assert agent is not None
    assert (agent.policy_due_at, agent.due_at) == (at("11-25 10:30"), at("11-25 05:30"))
    moved = [e for e in case.docket.added[Event] if e.kind == "deadline_brought_forward"]
    assert [e.data["kind"] for e in moved] == ["agent_resolution"]


def test_a_clock_that_comes_before_the_promise_anyway_stays() -> None:
    case = filed(EVERY_DAY_9_24, at("10:00"))
    start_promise(case, started_at=at("10:00"))
    agent = case.live(Kind.AGENT_RESOLUTION)
    assert agent is not None
    assert (agent.policy_due_at, agent.due_at) == (None, at("12:00"))


def test_a_share_of_the_promise_that_is_over_leaves_people_the_time_until_the_desk_acts() -> None:
    case = filed(EVERY_DAY_9_24, at("10:00"))
    start_promise(case, started_at=at("10:00"))
    case.docket.now = at("11-25 07:00")
    late = start_deadline(case, Kind.SUPERVISOR_RESOLUTION)
    assert late.due_at == at("11-25 09:00")
    case.docket.now = at("11-25 09:30")
    assert start_deadline(case, Kind.FIRST_REPLY).state == Deadline.State.PENDING


def test_a_promise_of_seconds_keeps_the_order_of_the_ladder() -> None:
    policy = DEFAULT_POLICY.to_json()
    policy["clocks"]["commitment"]["within"] = "PT24S"
    policy["clocks"]["commitment_warning"]["within"] = "PT20S"
    policy["enforce_lead"] = "PT1S"
    case = filed(EVERY_DAY_9_24, at("23:59:50"))
    case.ticket.policy = policy
    del case.__dict__["policy"]
    start_promise(case, started_at=at("23:59:50"))
    agent_due = due(case, Kind.AGENT_RESOLUTION)
    assert agent_due == at("11-25 00:00:02")
    assert agent_due < pass_on(case) == at("11-25 00:00:10")
    assert at("23:59:50") <= due(case, Kind.COMMITMENT_WARNING) <= at("11-25 00:00:10")
    assert due(case, Kind.COMMITMENT_ENFORCEMENT) == at("11-25 00:00:13")
    assert due(case, Kind.COMMITMENT_WARNING) + TICK < due(case, Kind.COMMITMENT_ENFORCEMENT)
