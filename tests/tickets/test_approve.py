"""Four eyes: asked of one, passed on while nobody answers, decided by another, done once."""

import pytest

from tests.stories import (
    CUSTOMER,
    OPENING,
    Desk,
    acting,
    at,
    deadline_of,
    events_of,
    live_kinds,
    make_order,
    make_person,
    told,
)
from tickets.actors import Actor
from tickets.cases import NotAllowed
from tickets.models import Approval, Notice
from tickets.remedies import UnableToRemedy, refund
from tickets.transitions import approve, refuse
from tickets.transitions.approvals import UnableToApprove
from tickets.transitions.handling import InvalidText

pytestmark = pytest.mark.django_db

NOW = at("10:10")


def ask_for_refund(desk: Desk, actor: Actor, price_fen: int = 50001):
    ticket = desk.open(desk.order(price_fen=price_fen))
    refund(ticket_id=ticket.pk, amount_fen=None, reason="无记录", text="", actor=actor, now=OPENING)
    return ticket


def decide(ticket, actor, decision=True, now=NOW, reason="属实"):
    return approve(ticket_id=ticket.pk, decision=decision, reason=reason, actor=actor, now=now)


class TestRefunds:
    def test_above_the_limit_it_is_reserved_and_waits(self, desk: Desk, lin) -> None:
        ticket = ask_for_refund(desk, lin)
        (waiting,) = desk.refunds(ticket)
        assert (waiting.state, waiting.held, waiting.next_attempt_at) == ("planned", True, None)
        assert waiting.payment.reserved_fen == 50001
        assert desk.tell(ticket).status == "new"
        assert told(ticket)[-1] == "awaiting_approval"
        assert desk.worries() == {}

    def test_approved_it_goes_out_under_the_same_number(self, desk: Desk, lin, wang) -> None:
        ticket = ask_for_refund(desk, lin)
        number = desk.refunds(ticket)[0].refund_no
        decide(ticket, wang)
        (sent,) = desk.refunds(ticket)
        assert (sent.state, sent.held, sent.refund_no) == ("requested", False, number)
        assert sent.next_attempt_at == at("10:10")
        ticket = desk.tell(ticket)
        assert ticket.status == "remedy_pending"
        assert deadline_of(ticket, "agent_resolution").state == "met"
        assert told(ticket)[-1] == "refund_requested"
        desk.settle(ticket, "succeeded")
        assert desk.tell(ticket).outcome == "refunded"

    def test_declined_the_money_is_free_again(self, desk: Desk, lin, wang) -> None:
        ticket = ask_for_refund(desk, lin)
        decide(ticket, wang, decision=False)
        (given_up,) = desk.refunds(ticket)
        assert (given_up.state, given_up.held, given_up.code) == ("rejected", False, "declined")
        payment = ticket.order.payments.get()
        assert (payment.reserved_fen, payment.refunded_fen) == (0, 0)
        assert desk.tell(ticket).status == "new"
        assert desk.worries() == {}

    def test_after_a_no_it_may_be_asked_again(self, desk: Desk, lin, wang, zhao) -> None:
        ticket = ask_for_refund(desk, lin)
        decide(ticket, wang, decision=False)
        refund(
            ticket_id=ticket.pk,
            amount_fen=None,
            reason="新凭证",
            text="",
            actor=lin,
            now=at("10:30"),
        )
        decide(ticket, zhao, now=at("10:40"))
        assert [r.state for r in desk.refunds(ticket)] == ["requested"]

    def test_nothing_more_is_paid_while_it_waits(self, desk: Desk, lin, wang) -> None:
        ticket = ask_for_refund(desk, lin)
        with pytest.raises(UnableToRemedy):
            refund(
                ticket_id=ticket.pk, amount_fen=1, reason="再退", text="", actor=wang, now=OPENING
            )
        assert len(desk.refunds(ticket)) == 1


class TestWho:
    def test_only_a_supervisor(self, desk: Desk, lin, agent_chen) -> None:
        ticket = ask_for_refund(desk, lin)
        for actor in (acting(agent_chen), CUSTOMER, Actor.system()):
            with pytest.raises(NotAllowed):
                decide(ticket, actor)
        assert Approval.objects.get().state == "pending"

    def test_not_whoever_asked(self, desk: Desk, wang, zhao) -> None:
        ticket = ask_for_refund(desk, wang)
        with pytest.raises(NotAllowed) as refusal:
            decide(ticket, wang)
        assert refusal.value.code == "same_person"
        decide(ticket, zhao)
        assert Approval.objects.get().decided_by == zhao.label

    def test_any_other_supervisor_may_not_only_the_one_asked(self, desk: Desk, lin, zhao) -> None:
        ticket = ask_for_refund(desk, lin)
        assert Approval.objects.get().asked_of != desk.people["zhao"]
        decide(ticket, zhao)
        assert desk.tell(ticket).status == "remedy_pending"

    def test_a_supervisor_who_asks_asks_somebody_else(
        self, desk: Desk, wang, supervisor_zhao
    ) -> None:
        ask_for_refund(desk, wang)
        assert Approval.objects.get().asked_of == supervisor_zhao

    def test_once(self, desk: Desk, lin, wang, zhao) -> None:
        ticket = ask_for_refund(desk, lin)
        decide(ticket, wang)
        for decision in (True, False):
            with pytest.raises(UnableToApprove) as refusal:
                decide(ticket, zhao, decision=decision)
            assert refusal.value.code == "nothing_to_decide"
        assert len(events_of(ticket, "approved")) == 1
        assert len(desk.refunds(ticket)) == 1

    @pytest.mark.parametrize("reason", ["", " ", "长" * 501])
    def test_with_a_reason(self, desk: Desk, lin, wang, reason: str) -> None:
        ticket = ask_for_refund(desk, lin)
        with pytest.raises(InvalidText):
            decide(ticket, wang, reason=reason)

    def test_the_reason_is_kept_and_not_in_the_chain(self, desk: Desk, lin, wang) -> None:
        ticket = ask_for_refund(desk, lin)
        decide(ticket, wang, reason="王女士已核实")
        assert Approval.objects.get().decision_reason == "王女士已核实"
        assert events_of(ticket, "approved")[0].data == {"action": "refund"}


class TestPassingOn:
    def test_every_half_hour_to_the_next_on_call(
        self, desk: Desk, lin, supervisor_wang, supervisor_zhao
    ) -> None:
        ticket = ask_for_refund(desk, lin)
        turns = [Approval.objects.get().asked_of]
        for now in ("10:30", "11:00", "11:30"):
            desk.tick(at(now))
            turns.append(Approval.objects.get().asked_of)
            assert deadline_of(ticket, "approval").state == "pending"
        assert turns == [supervisor_wang, supervisor_zhao, supervisor_wang, supervisor_zhao]
        assert len(events_of(ticket, "approval_passed_on")) == 3
        assert deadline_of(ticket, "approval").round == 4

    def test_never_back_to_whoever_asked(self, desk: Desk, wang, supervisor_zhao) -> None:
        ask_for_refund(desk, wang)
        desk.tick(at("10:30"))
        assert Approval.objects.get().asked_of == supervisor_zhao

    def test_both_are_alarmed(self, desk: Desk, lin) -> None:
        ticket = ask_for_refund(desk, lin)
        desk.tick(at("10:30"))
        assert told(ticket, "staff").count("approval_needed") == 3

    def test_with_nobody_left_it_goes_on_asking(self, desk: Desk, lin) -> None:
        for name in ("wang", "zhao"):
            desk.people[name].is_active = False
            desk.people[name].save()
        ticket = ask_for_refund(desk, lin)
        desk.tick(at("10:30"))
        assert Approval.objects.get().asked_of is None
        assert "approval" in live_kinds(ticket)
        assert desk.worries() == {"levels_without_people": 1}
        make_person("song", "supervisor")
        desk.tick(at("11:00"))
        asked_of = Approval.objects.get().asked_of
        assert asked_of is not None
        assert asked_of.username == "song"

    def test_decided_nobody_is_asked_any_more(self, desk: Desk, lin, wang) -> None:
        ticket = ask_for_refund(desk, lin)
        decide(ticket, wang)
        asked = Notice.objects.filter(kind="approval_needed").count()
        desk.advance(at("12:00"))
        assert Notice.objects.filter(kind="approval_needed").count() == asked
        assert "approval" not in live_kinds(ticket)


def test_at_the_last_moment_the_answer_or_the_clock_comes_first(desk: Desk, lin, wang) -> None:
    answered, passed_on = ask_for_refund(desk, lin), ask_for_refund(desk, lin)
    decide(answered, wang, now=at("10:30"))
    desk.tick(at("10:30"))
    decide(passed_on, wang, now=at("10:30"))
    assert not events_of(answered, "approval_passed_on")
    assert len(events_of(passed_on, "approval_passed_on")) == 1
    for ticket in (answered, passed_on):
        assert desk.tell(ticket).status == "remedy_pending"
        assert deadline_of(ticket, "approval").state == "met"


def test_where_nothing_was_asked_there_is_nothing_to_decide(desk: Desk, wang) -> None:
    with pytest.raises(UnableToApprove):
        decide(desk.open(), wang)


def test_a_refusal_approved_after_the_money_was_found_paid(desk: Desk, lin, wang) -> None:
    """What was asked is carried out only while it still makes sense."""
    ticket = desk.open(make_order(paid=[]))
    refuse(ticket_id=ticket.pk, reason="无付款", text="未查到付款", actor=lin, now=OPENING)
    decide(ticket, wang)
    assert desk.tell(ticket).outcome == "refused"
