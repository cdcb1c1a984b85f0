"""Each reconciler from both sides: silent while all is well, loud at the first wrong thing."""

from datetime import timedelta

import pytest

from orders.models import OrderEvent, Refund
from tests.stories import (
    MINUTE,
    OPENING,
    SECOND,
    TICK,
    Desk,
    at,
    deadline_of,
    make_order,
    make_top_up,
)
from tickets import append_only
from tickets.models import ClockPause, Deadline, Event, FactCheck, Notice, Ticket
from tickets.remedies import refund
from tickets.sweep import sweep
from tickets.transitions import refuse, request_evidence, resolve
from tickets.watchdog import RECONCILERS, tickets_without_clock, watch

pytestmark = pytest.mark.django_db


def found(now=OPENING) -> dict[str, int]:
    return {name: count for name, count in watch(now=now).items() if count}


def lose(ticket: Ticket, kind: str) -> None:
    """As if the clock had never been made."""
    Deadline.objects.filter(ticket=ticket, kind=kind).delete()


def pay(ticket, actor):
    refund(ticket_id=ticket.pk, amount_fen=None, reason="无记录", text="", actor=actor, now=OPENING)


def test_an_empty_desk_with_people_has_no_worries(desk: Desk) -> None:
    assert watch(now=OPENING) == dict.fromkeys(RECONCILERS, 0)


class TestTicketsWithoutClock:
    @pytest.mark.parametrize("kind", ["agent_resolution", "first_reply", "commitment"])
    def test_a_new_one(self, desk: Desk, kind: str) -> None:
        ticket = desk.open()
        assert found() == {}
        lose(ticket, kind)
        assert found() == {"tickets_without_clock": 1}

    def test_complete_proof_whose_promise_never_started(self, desk: Desk) -> None:
        ticket = desk.open()
        for kind in ("commitment", "commitment_warning", "commitment_enforcement"):
            lose(ticket, kind)
        Ticket.objects.filter(pk=ticket.pk).update(
            commitment_started_at=None, commitment_due_at=None
        )
        assert list(tickets_without_clock()) == [ticket]

    def test_incomplete_proof_needs_no_promise(self, desk: Desk) -> None:
        desk.open(proof=["chat_log"])
        assert found() == {}

    def test_at_supervisor_until_it_fired_and_while_the_referral_waits(self, desk: Desk) -> None:
        ticket = desk.open()
        desk.advance(at("12:00"))
        assert desk.worries() == {}
        desk.advance(at("15:00"))
        assert deadline_of(ticket, "supervisor_resolution").state == "fired"
        assert desk.worries() == {}
        lose(ticket, "referral")
        assert desk.worries() == {"tickets_without_clock": 1}

    def test_at_supervisor_without_any(self, desk: Desk) -> None:
        ticket = desk.open()
        desk.advance(at("12:00"))
        lose(ticket, "supervisor_resolution")
        assert desk.worries() == {"tickets_without_clock": 1}

    @pytest.mark.parametrize("kind", ["evidence_due", "agent_resolution"])
    def test_waiting_for_the_customer(self, desk: Desk, lin, kind: str) -> None:
        ticket = desk.open()
        request_evidence(
            ticket_id=ticket.pk, kinds=["chat_log"], text="请补充", actor=lin, now=OPENING
        )
        assert found() == {}
        lose(ticket, kind)
        assert found() == {"tickets_without_clock": 1}

    def test_a_remedy_that_nobody_carries_out(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        pay(ticket, lin)
        desk.tick(OPENING)
        assert found() == {}
        Refund.objects.update(state="rejected")
        assert found() == {"tickets_without_clock": 1}
        news = OrderEvent.objects.create(
            order=ticket.order, kind="refund_rejected", at=OPENING, not_before=OPENING
        )
        assert found() == {}, "the news is on its way"
        news.delete()
        make_top_up(ticket.order, "pending")
        assert found() == {}

    def test_resolved(self, desk: Desk, lin) -> None:
        ticket = desk.open(make_order(paid=[]))
        resolve(ticket_id=ticket.pk, outcome="corrected", text="已更正", actor=lin, now=OPENING)
        assert found() == {}
        lose(ticket, "auto_close")
        assert found() == {"tickets_without_clock": 1}

    def test_a_decision_asked_for(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        refuse(ticket_id=ticket.pk, reason="号码填错", text="未查到", actor=lin, now=OPENING)
        assert found() == {}
        lose(ticket, "approval")
        assert found() == {"tickets_without_clock": 1}

    def test_closed_and_withdrawn_need_none(self, desk: Desk) -> None:
        for status in ("closed", "withdrawn"):
            Ticket.objects.filter(pk=desk.open().pk).update(status=status)
        Deadline.objects.all().delete()
        assert found() == {}


def test_a_fired_clock_that_nobody_wrote_down(desk: Desk) -> None:
    desk.open()
    sweep(now=at("10:30"))
    desk.tick(at("10:30"))
    assert desk.worries() == {}
    with append_only.lifted():
        Event.objects.filter(kind="deadline_fired").delete()
    assert desk.worries() == {"fired_without_event": 1}


class TestOutbox:
    def test_a_message_that_does_not_leave(self, desk: Desk) -> None:
        desk.open(proof=[])
        count = Notice.objects.count()
        assert found(OPENING + 5 * MINUTE) == {}
        assert found(OPENING + 5 * MINUTE + TICK) == {"stuck_outbox": count}

    def test_one_that_was_tried_in_vain_is_still_there(self, desk: Desk) -> None:
        desk.open(proof=[])
        Notice.objects.update(attempts=4, not_before=OPENING + 20 * MINUTE)
        assert found(OPENING + 10 * MINUTE) == {"stuck_outbox": 2}

    def test_news_of_an_order_nobody_takes_note_of(self, desk: Desk) -> None:
        OrderEvent.objects.create(
            order=make_order(), kind="facts_changed", at=OPENING, not_before=OPENING
        )
        assert found(OPENING + 5 * MINUTE) == {}
        assert found(OPENING + 5 * MINUTE + TICK) == {"stuck_outbox": 1}

    def test_a_fact_check_that_nobody_decides(self, desk: Desk) -> None:
        desk.open()
        desk.advance(at("11-25 08:59"))
        sweep(now=at("11-25 09:00"))
        Notice.objects.update(state="sent")
        check = FactCheck.objects.get()
        assert found(check.decide_by + 5 * MINUTE) == {}
        assert found(check.decide_by + 5 * MINUTE + TICK) == {"stuck_outbox": 1}


@pytest.mark.parametrize(
    ("state", "counts"),
    [("requested", 1), ("unknown", 1), ("accepted", 0), ("manual", 0), ("planned", 0)],
)
def test_a_refund_of_which_nobody_knows(desk: Desk, lin, state: str, counts: int) -> None:
    ticket = desk.open()
    pay(ticket, lin)
    desk.tick(OPENING)
    Refund.objects.update(state=state)
    assert found(OPENING + 10 * MINUTE) == {}
    expected = {"stuck_refunds": 1} if counts else {}
    assert found(OPENING + 10 * MINUTE + TICK) == expected


def test_a_clock_that_is_due_and_does_not_fire(desk: Desk) -> None:
    desk.open()
    desk.tick(OPENING)
    assert found(at("10:31")) == {}
    assert found(at("10:31") + TICK) == {"overdue_deadlines": 1}


def test_a_clock_that_stands_still_for_no_reason(desk: Desk, lin) -> None:
    ticket = desk.open()
    request_evidence(ticket_id=ticket.pk, kinds=["chat_log"], text="请补充", actor=lin, now=OPENING)
    assert found() == {}
    ClockPause.objects.update(to_at=OPENING + SECOND)
    assert found() == {"paused_without_pause": 1}


def test_nobody_to_ask(desk: Desk) -> None:
    desk.people["wang"].groups.clear()
    assert found() == {}
    desk.people["zhao"].is_active = False
    desk.people["zhao"].save()
    assert found() == {"levels_without_people": 1}


def test_what_is_wrong_is_said_aloud(desk: Desk, caplog) -> None:
    lose(desk.open(), "commitment")
    watch(now=OPENING)
    assert "tickets_without_clock is 1" in caplog.text


def test_a_whole_life_without_a_worry_at_any_step(desk: Desk, lin, wang) -> None:
    """Asked, answered, refunded, refused by the bank, refunded again, closed."""
    ticket = desk.open(proof=[])
    instant = OPENING
    assert found(instant) == {}
    request_evidence(
        ticket_id=ticket.pk, kinds=["chat_log"], text="请补充", actor=lin, now=at("10:10")
    )
    desk.advance(at("11-28 10:10"))
    assert desk.worries() == {}
    pay(ticket, lin)
    desk.settle(ticket, "rejected")
    assert desk.worries() == {}
    refund(ticket_id=ticket.pk, amount_fen=None, reason="再退", text="", actor=wang, now=desk.now)
    desk.settle(ticket, "succeeded")
    assert desk.worries() == {}
    desk.advance(desk.now + timedelta(days=8))
    assert desk.tell(ticket).status == "closed"
    assert desk.worries() == {}
