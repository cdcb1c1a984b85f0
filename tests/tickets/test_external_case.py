"""A complaint arrives from outside: it has a clock of its own, and the dispute is worked again."""

from datetime import date, timedelta
from typing import Any

import pytest

from tests.stories import (
    CUSTOMER,
    HOUR,
    MINUTE,
    OPENING,
    TICK,
    Desk,
    acting,
    at,
    breaches_of,
    deadline_of,
    events_of,
    kinds_of,
    live_kinds,
    told,
)
from tickets import transitions
from tickets.cases import NotAllowed
from tickets.models import CalendarDay, ExternalCase, Ticket
from tickets.public_calendar import days_of_year, store_days
from tickets.transitions import external, external_steps
from tickets.transitions.external import Incoming, UnableToAttach
from tickets.transitions.external_steps import Settlement, UnableToSettle

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _year_2026(db: None) -> None:
    store_days(days_of_year(2026))


def attach(desk: Desk, ticket: Ticket, channel: str = "odr", number: str = "A1", **more: Any):
    desk.now = more.pop("now", desk.now)
    incoming = Incoming(channel, number, more.pop("received_at", desk.now), **more)
    who = acting(desk.people["lin"])
    return external.attach_external_case(
        ticket_id=ticket.pk, incoming=incoming, actor=who, now=desk.now
    )


def settle(desk: Desk, case: ExternalCase, now, **more: Any) -> ExternalCase:
    record = {"settled_at": now, "process": "电话沟通", "method": "全额退款", "result": "agreed"}
    desk.now = now
    return external_steps.settle_external_case(
        external_id=case.pk,
        settlement=Settlement(**{**record, **more}),
        actor=acting(desk.people["wang"]),
        now=now,
    )


def assert_watched(desk: Desk) -> None:
    desk.tick()
    assert desk.worries() == {}


def refunded(desk: Desk, **how: Any) -> Ticket:
    ticket = desk.open(desk.order(price_fen=8800), **how)
    desk.enforce(ticket)
    desk.settle(ticket, "succeeded")
    assert desk.tell(ticket).status == "resolved"
    return ticket


def test_an_odr_case_reopens_a_closed_dispute_with_the_supervisors(desk: Desk):
    """Row 21 of the field's cases: 88.00, ten working days, a record of the settlement."""
    ticket = refunded(desk)
    desk.advance(OPENING + timedelta(days=9))
    assert desk.tell(ticket).status == "closed"
    case = attach(desk, ticket, now=at("2026-12-07 09:00"))
    again = desk.tell(ticket)
    assert (again.status, again.level, again.cycle) == ("in_progress", "supervisor", 2)
    assert live_kinds(ticket) >= {"external_case", "supervisor_resolution"}
    assert not live_kinds(ticket) & {"auto_close", "agent_resolution"}
    assert deadline_of(ticket, "external_case").due_at == at("2026-12-22 00:00")
    assert "external_case_attached" in kinds_of(ticket)
    assert told(ticket, "staff").count("external_case_staff") == 2
    assert_watched(desk)
    settled = settle(desk, case, at("2026-12-10 10:00"))
    assert (settled.result, settled.method) == ("agreed", "全额退款")
    assert deadline_of(ticket, "external_case").state == "met"
    assert "external_case" not in breaches_of(ticket)


def test_a_resolved_dispute_is_not_closed_while_an_outside_case_is_open(desk: Desk):
    ticket = refunded(desk)
    case = attach(desk, ticket, now=desk.now + HOUR)
    lin = acting(desk.people["lin"])
    wang = acting(desk.people["wang"])
    desk.now += HOUR
    transitions.resolve(
        ticket_id=ticket.pk, outcome="refunded", text="已原路退回", actor=lin, now=desk.now
    )
    assert desk.tell(ticket).status == "resolved"
    assert live_kinds(ticket) == {"external_case"}
    assert_watched(desk)
    desk.advance(desk.now + timedelta(days=8))
    assert desk.tell(ticket).status == "resolved"
    settle(desk, case, desk.now)
    assert live_kinds(ticket) == {"auto_close"}
    desk.advance(desk.now + timedelta(days=7))
    assert desk.tell(ticket).status == "closed"
    assert wang.role == "supervisor"


def test_an_outside_case_that_is_missed_is_a_breach_and_is_told(desk: Desk):
    ticket = refunded(desk)
    attach(desk, ticket, now=at("11-26 12:00"))
    due_at = at("2026-12-11 00:00")
    desk.advance(due_at - TICK)
    assert "external_case" not in breaches_of(ticket)
    desk.advance(due_at)
    assert "external_case" in breaches_of(ticket)
    assert told(ticket, "staff").count("external_case_missed") == 2
    assert "external_case" not in live_kinds(ticket)
    assert_watched(desk)


def test_wechat_wants_an_answer_first_and_the_earlier_clock_leads(desk: Desk):
    ticket = desk.open()
    odr = attach(desk, ticket, "odr", "A1")
    assert deadline_of(ticket, "external_case").due_at == odr.settle_due_at
    wechat = attach(desk, ticket, "wechat", "W1", now=OPENING + MINUTE)
    assert deadline_of(ticket, "external_case").due_at == OPENING + MINUTE + 24 * HOUR
    external_steps.answer_external_case(
        external_id=wechat.pk, actor=acting(desk.people["lin"]), now=OPENING + HOUR
    )
    assert deadline_of(ticket, "external_case").due_at == OPENING + MINUTE + 72 * HOUR
    settle(desk, wechat, OPENING + 2 * HOUR)
    assert deadline_of(ticket, "external_case").due_at == odr.settle_due_at
    assert_watched(desk)


def test_an_open_dispute_is_raised_and_keeps_the_promise_it_had(desk: Desk):
    ticket = desk.open()
    promise = deadline_of(ticket, "commitment").due_at
    attach(desk, ticket, now=OPENING + HOUR)
    after = desk.tell(ticket)
    assert (after.level, after.cycle) == ("supervisor", 1)
    assert deadline_of(ticket, "commitment").due_at == promise
    assert deadline_of(ticket, "agent_resolution").state == "cancelled"


def test_acceptance_begins_the_time_of_mediation(desk: Desk):
    ticket = desk.open()
    case = attach(desk, ticket, "samr", "S1")
    assert (case.rule, case.settle_due_at) == ("SAMR_ACCEPT", at("2026-12-04 00:00"))
    now = at("11-27 10:00")
    after = external_steps.accept_external_case(
        external_id=case.pk, accepted_at=now, actor=acting(desk.people["lin"]), now=now
    )
    # 60 calendar days end on Tuesday 2027-01-26; nobody knows yet whether that is a holiday.
    assert (after.rule, after.settle_due_at) == ("SAMR_MEDIATE", at("2027-01-27 00:00"))
    assert after.provisional
    with pytest.raises(UnableToSettle):
        external_steps.accept_external_case(
            external_id=case.pk, accepted_at=now, actor=acting(desk.people["lin"]), now=now
        )


def test_what_was_counted_through_an_unknown_year_is_counted_anew(desk: Desk):
    ticket = desk.open(now=at("2026-12-23 09:00"))
    case = attach(desk, ticket, "samr", "S1")
    assert case.provisional
    assert case.settle_due_at == at("2027-01-02 00:00")
    assert external_steps.recount_provisional(now=desk.now) == 0
    holidays = [CalendarDay(date=date(2027, 1, day), kind="holiday") for day in (1, 2, 3)]
    store_days(holidays)
    assert external_steps.recount_provisional(now=desk.now) == 1
    assert external_steps.recount_provisional(now=desk.now) == 0
    case.refresh_from_db()
    assert (case.provisional, case.settle_due_at) == (False, at("2027-01-05 00:00"))
    assert deadline_of(ticket, "external_case").due_at == case.settle_due_at
    assert events_of(ticket)[-1].kind == "external_case_recounted"


def test_a_case_that_is_told_too_late_is_due_at_once(desk: Desk):
    ticket = desk.open()
    attach(desk, ticket, "wechat", "W1", received_at=OPENING - 30 * HOUR)
    desk.tick(OPENING)
    assert "external_case" in breaches_of(ticket)
    assert deadline_of(ticket, "external_case").due_at == OPENING + 42 * HOUR


def test_a_time_that_is_typed_hides_no_lateness(desk: Desk):
    ticket = desk.open()
    case = attach(desk, ticket, "wechat", "W1")
    late = OPENING + 73 * HOUR
    desk.advance(late)
    settle(desk, case, late, settled_at=OPENING + HOUR)
    assert "external_case" in breaches_of(ticket)


def test_another_body_has_to_say_until_when(desk: Desk):
    ticket = desk.open()
    with pytest.raises(UnableToAttach, match="due_at"):
        attach(desk, ticket, "other", "X1", body="12345 热线")
    case = attach(desk, ticket, "other", "X1", body="12345 热线", due_at=OPENING + 50 * HOUR)
    assert (case.rule, case.settle_due_at) == ("GIVEN", OPENING + 50 * HOUR)


@pytest.mark.parametrize(
    ("what", "field"),
    [
        ({"channel": "letter"}, "channel"),
        ({"received_at": OPENING + TICK}, "received_at"),
        ({"received_at": OPENING - timedelta(days=1100)}, "received_at"),
        ({"body": "x" * 101}, "body"),
    ],
)
def test_what_cannot_be_is_refused_by_name(desk: Desk, what: dict[str, Any], field: str):
    ticket = desk.open()
    with pytest.raises(UnableToAttach) as refused:
        attach(desk, ticket, **what)
    assert refused.value.field == field
    assert not ExternalCase.objects.exists()


def test_a_number_is_attached_once(desk: Desk):
    first, second = desk.open(), desk.open()
    attach(desk, first)
    with pytest.raises(UnableToAttach, match=first.number):
        attach(desk, second)
    assert "external_case_attached" not in kinds_of(second)


def test_a_newer_dispute_of_the_order_is_named(desk: Desk):
    ticket = refunded(desk)
    newer = desk.open(ticket.order)
    with pytest.raises(UnableToAttach, match=newer.number):
        attach(desk, ticket)


def test_a_withdrawn_dispute_stays_withdrawn_and_its_outside_case_goes_on(desk: Desk):
    ticket, other = desk.open(), desk.open()
    case = attach(desk, ticket)
    transitions.withdraw(ticket_id=ticket.pk, reason="解决了", actor=CUSTOMER, now=OPENING + HOUR)
    assert live_kinds(ticket) == {"external_case"}
    settle(desk, case, OPENING + 2 * HOUR, result="taken_back")
    assert live_kinds(ticket) == set()
    transitions.withdraw(ticket_id=other.pk, reason="解决了", actor=CUSTOMER, now=desk.now)
    with pytest.raises(UnableToAttach):
        attach(desk, other, number="A2")
    assert_watched(desk)


def test_a_customer_attaches_nothing(desk: Desk):
    ticket = desk.open()
    with pytest.raises(NotAllowed):
        external.attach_external_case(
            ticket_id=ticket.pk,
            incoming=Incoming("odr", "A1", OPENING),
            actor=CUSTOMER,
            now=OPENING,
        )


def test_nothing_is_settled_twice_or_before_it_came(desk: Desk):
    ticket = desk.open()
    case = attach(desk, ticket)
    with pytest.raises(UnableToSettle) as refused:
        settle(desk, case, OPENING + HOUR, settled_at=OPENING - TICK)
    assert refused.value.field == "settled_at"
    with pytest.raises(UnableToSettle) as refused:
        settle(desk, case, OPENING + HOUR, result="maybe")
    assert refused.value.field == "result"
    settle(desk, case, OPENING + HOUR)
    with pytest.raises(UnableToSettle):
        settle(desk, case, OPENING + HOUR)
