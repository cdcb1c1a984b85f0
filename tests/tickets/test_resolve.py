"""Ending a case with an outcome that the facts bear out."""

import pytest

from orders.topups import record_delivery
from tests.stories import (
    CUSTOMER,
    OPENING,
    Desk,
    at,
    breaches_of,
    deadline_of,
    events_of,
    kinds_of,
    live_kinds,
    make_order,
    make_top_up,
    told,
)
from tickets.cases import NotAllowed, TransitionRefused
from tickets.models import Approval
from tickets.remedies import redeliver, refund
from tickets.transitions import approve, request_evidence, resolve, withdraw
from tickets.transitions.asking import ApprovalPending
from tickets.transitions.deciding import UnableToResolve
from tickets.transitions.handling import InvalidText

pytestmark = pytest.mark.django_db

NOW = at("11:00")
EARLIER = at("10:30")

PROMISE = ("commitment_warning", "commitment_enforcement", "commitment", "referral")
TEXT = "您好,已为您核实处理"


def end(ticket, outcome, actor, now=NOW, text=TEXT):
    return resolve(ticket_id=ticket.pk, outcome=outcome, text=text, actor=actor, now=now)


def say_arrived(order, arrived=True, now=EARLIER, source="operator", **more):
    record_delivery(
        order=order,
        arrived=arrived,
        voucher_no=more.get("voucher_no", ""),
        source=source,
        at=now,
        now=now,
    )


class TestDelivered:
    def test_with_a_voucher_it_ends_and_keeps_the_promise(self, desk: Desk, lin) -> None:
        order = make_order(status="delivered")
        ticket = desk.open(order)
        make_top_up(order, voucher_no="V202611240001")
        end(ticket, "delivered", lin)
        ticket = desk.tell(ticket)
        assert (ticket.status, ticket.outcome) == ("resolved", "delivered")
        assert ticket.resolved_at == at("11:00")
        assert {deadline_of(ticket, kind).state for kind in PROMISE} == {"met"}
        assert live_kinds(ticket) == {"auto_close"}
        assert kinds_of(ticket)[-1] in ("deadline_met", "resolved")
        assert told(ticket)[-1] == "resolved"
        assert desk.worries() == {}

    def test_the_operators_record_is_proof_too(self, desk: Desk, lin) -> None:
        order = make_order()
        ticket = desk.open(order)
        say_arrived(order)
        end(ticket, "delivered", lin)
        assert desk.tell(ticket).outcome == "delivered"

    @pytest.mark.parametrize("status", ["delivered", "recharging"])
    def test_that_the_supplier_says_so_is_none(self, desk: Desk, lin, status: str) -> None:
        order = make_order(status=status)
        ticket = desk.open(order)
        make_top_up(order)
        with pytest.raises(UnableToResolve) as refusal:
            end(ticket, "delivered", lin)
        assert (refusal.value.code, refusal.value.http_status) == ("delivery_not_proven", 409)
        assert desk.tell(ticket).status == "new"

    def test_a_contrary_record_outweighs_the_voucher(self, desk: Desk, lin) -> None:
        order = make_order(status="delivered")
        ticket = desk.open(order)
        make_top_up(order, voucher_no="V1")
        say_arrived(order, arrived=False)
        with pytest.raises(UnableToResolve):
            end(ticket, "delivered", lin)
        say_arrived(order, arrived=True, now=at("10:40"))
        end(ticket, "delivered", lin)

    def test_part_of_it_is_not_all_of_it(self, desk: Desk, lin) -> None:
        """Three of five arrived: the price of the other two is owed."""
        order = make_order(
            status="partially_delivered",
            face_value_fen=50000,
            price_fen=49000,
            delivered_face_fen=30000,
        )
        ticket = desk.open(order)
        make_top_up(order, "partial", voucher_no="V1", delivered_face_fen=30000)
        with pytest.raises(UnableToResolve):
            end(ticket, "delivered", lin)
        assert desk.tell(ticket).status == "new"
        refund(
            ticket_id=ticket.pk, amount_fen=None, reason="部分到账", text="", actor=lin, now=OPENING
        )
        assert [r.amount_fen for r in desk.refunds(ticket)] == [19600]

    def test_paid_twice_and_delivered_once_leaves_one_payment_owed(self, desk: Desk, lin) -> None:
        order = make_order(status="delivered", paid=[9800, 9800])
        ticket = desk.open(order, category="duplicate_charge")
        make_top_up(order, voucher_no="V1")
        with pytest.raises(UnableToResolve):
            end(ticket, "delivered", lin)
        refund(
            ticket_id=ticket.pk, amount_fen=None, reason="重复支付", text="", actor=lin, now=OPENING
        )
        (given_back,) = desk.refunds(ticket)
        assert given_back.amount_fen == 9800
        assert given_back.payment == order.payments.latest("paid_at")

    def test_too_late_is_a_breach_all_the_same(self, desk: Desk, lin) -> None:
        order = make_order()
        ticket = desk.open(order)
        say_arrived(order, now=at("11-25 10:00:01"))
        end(ticket, "delivered", lin, now=at("11-25 10:00:01"))
        assert "commitment" in breaches_of(ticket)
        assert desk.tell(ticket).outcome == "delivered"


class TestRefunded:
    def test_only_when_everything_owed_has_gone_back(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        with pytest.raises(UnableToResolve) as refusal:
            end(ticket, "refunded", lin)
        assert refusal.value.code == "not_refunded"

    def test_not_while_it_is_on_its_way(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        refund(
            ticket_id=ticket.pk, amount_fen=None, reason="无记录", text="", actor=lin, now=OPENING
        )
        for outcome in ("refunded", "compensated", "corrected", "duplicate", "refused"):
            with pytest.raises(UnableToResolve):
                end(ticket, outcome, lin)
        assert desk.tell(ticket).status == "remedy_pending"

    def test_a_part_that_went_back_is_not_enough(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        refund(ticket_id=ticket.pk, amount_fen=98, reason="部分", text="", actor=lin, now=OPENING)
        desk.settle(ticket, "succeeded")
        assert desk.tell(ticket).status == "in_progress"
        with pytest.raises(UnableToResolve):
            end(ticket, "refunded", lin)
        assert desk.worries() == {}


class TestFourEyes:
    @pytest.mark.parametrize("outcome", ["corrected", "compensated", "duplicate", "refused"])
    def test_while_money_is_owed_a_supervisor_decides(
        self, desk: Desk, lin, wang, outcome: str
    ) -> None:
        ticket = desk.open()
        end(ticket, outcome, lin)
        ticket = desk.tell(ticket)
        assert ticket.status == "new"
        approval = Approval.objects.get(ticket=ticket)
        assert (approval.action, approval.state) == ("resolve", "pending")
        assert deadline_of(ticket, "approval").due_at == at("11:30")
        assert desk.worries() == {}
        approve(ticket_id=ticket.pk, decision=True, reason="属实", actor=wang, now=at("11:10"))
        ticket = desk.tell(ticket)
        assert (ticket.status, ticket.outcome) == ("resolved", outcome)
        assert deadline_of(ticket, "commitment").state == "cancelled"
        assert deadline_of(ticket, "approval").state == "met"
        assert (outcome == "compensated") == ("compensated" in kinds_of(ticket))
        assert desk.worries() == {}

    def test_where_nothing_is_owed_lin_decides_alone(self, desk: Desk, lin) -> None:
        ticket = desk.open(make_order(paid=[]))
        end(ticket, "corrected", lin)
        assert desk.tell(ticket).outcome == "corrected"
        assert not Approval.objects.exists()

    def test_a_refusal_always_needs_two(self, desk: Desk, lin) -> None:
        ticket = desk.open(make_order(paid=[]))
        end(ticket, "refused", lin)
        assert desk.tell(ticket).status == "new"
        assert Approval.objects.filter(state="pending").count() == 1

    def test_compensation_leaves_its_trace(self, desk: Desk, lin) -> None:
        ticket = desk.open(make_order(paid=[]))
        end(ticket, "compensated", lin)
        assert kinds_of(ticket).count("compensated") == 1

    def test_one_question_at_a_time(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        end(ticket, "corrected", lin)
        with pytest.raises(ApprovalPending) as refusal:
            end(ticket, "compensated", lin)
        assert refusal.value.http_status == 409
        assert Approval.objects.count() == 1


def test_a_redelivery_under_way_is_waited_for(desk: Desk, lin, settings) -> None:
    settings.SUPPLIER_URL, settings.SUPPLIER_SECRET = "http://127.0.0.1:9", "secret"
    ticket = desk.open(make_order(status="failed", supplier="sandbox"))
    redeliver(ticket_id=ticket.pk, reason="补发", text="", actor=lin, now=OPENING)
    assert desk.tell(ticket).status == "remedy_pending"
    for outcome in ("corrected", "refused"):
        with pytest.raises(UnableToResolve):
            end(ticket, outcome, lin)


@pytest.mark.parametrize("outcome", ["withdrawn", "won", ""])
def test_only_outcomes_that_staff_may_give(desk: Desk, lin, outcome: str) -> None:
    with pytest.raises(UnableToResolve, match="delivered") as refusal:
        end(desk.open(), outcome, lin)
    assert refusal.value.code == "invalid_outcome"


def test_words_to_the_customer_are_needed(desk: Desk, lin) -> None:
    with pytest.raises(InvalidText):
        end(desk.open(make_order(paid=[])), "corrected", lin, text=" ")


def test_only_staff(desk: Desk) -> None:
    with pytest.raises(NotAllowed):
        end(desk.open(make_order(paid=[])), "corrected", CUSTOMER)


def test_from_waiting_for_the_customer(desk: Desk, lin) -> None:
    order = make_order()
    ticket = desk.open(order)
    request_evidence(
        ticket_id=ticket.pk, kinds=["chat_log"], text="请补充", actor=lin, now=at("10:10")
    )
    say_arrived(order)
    end(ticket, "delivered", lin)
    assert live_kinds(ticket) == {"auto_close"}
    assert desk.worries() == {}


def test_the_end_is_the_end(desk: Desk, lin) -> None:
    ticket = desk.open(make_order(paid=[]))
    end(ticket, "corrected", lin)
    with pytest.raises(TransitionRefused):
        end(ticket, "corrected", lin)
    with pytest.raises(TransitionRefused):
        withdraw(ticket_id=ticket.pk, reason="到账了", actor=CUSTOMER, now=at("12:00"))
    assert len(events_of(ticket, "resolved")) == 1


def test_the_answer_is_kept_with_the_case(desk: Desk, lin) -> None:
    ticket = desk.open(make_order(paid=[]))
    end(ticket, "corrected", lin)
    assert ticket.messages.latest("pk").body == TEXT
    assert events_of(ticket, "resolved")[0].data["text_digest"]
