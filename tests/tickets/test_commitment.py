"""The 24-hour promise: what the desk may do alone, from both sides of every limit."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from orders.models import LimitCounter, Order, Refund, TopUp
from orders.topups import record_delivery
from tests.stories import (
    CUSTOMER,
    HOUR,
    OPENING,
    SECOND,
    TICK,
    Desk,
    at,
    breaches_of,
    deadline_of,
    events_of,
    kinds_of,
    live_kinds,
    make_order,
    make_top_up,
    set_policy,
    staff,
    told,
)
from tickets.intake import Contact
from tickets.models import Approval, FactCheck, Ticket
from tickets.remedies import refund
from tickets.sweep import sweep
from tickets.transitions import approve, refuse, resolve, withdraw

pytestmark = pytest.mark.django_db

ENFORCED = at("11-25 09:00")
ASKED = ("approval_asked", "planned", True)
ALONE = ("refunded", "requested", False)


def decision_on(desk: Desk, ticket: Ticket, *answers: dict[str, Any]) -> str:
    """How the promise is enforced; answers are what channel and supplier say."""
    return desk.enforce(ticket, *answers).decision


def outcome_of(desk: Desk, ticket: Ticket, *answers: dict[str, Any]) -> tuple[str, str, bool]:
    decision = decision_on(desk, ticket, *answers)
    (planned,) = desk.refunds(ticket)
    return decision, planned.state, planned.held


def supplier_says(state: str, voucher_no: str = "", answered: bool = True) -> dict[str, Any]:
    return {
        "source": "supplier",
        "code": "sandbox",
        "answered": answered,
        "state": state,
        "voucher_no": voucher_no,
    }


def channel_says(
    state: str = "paid", refunded_fen: int = 0, ours_fen: int = 0, answered: bool = True
) -> dict[str, Any]:
    return {
        "source": "channel",
        "code": "sandbox",
        "answered": answered,
        "state": state,
        "paid_fen": 9800,
        "refunded_fen": refunded_fen,
        "ours_fen": ours_fen,
    }


class TestAlone:
    def test_an_hour_before_the_promise_the_desk_gives_everything_back(self, desk: Desk) -> None:
        ticket = desk.open()
        desk.advance(ENFORCED - TICK)
        assert not desk.refunds(ticket)
        desk.advance(ENFORCED)
        (sent,) = desk.refunds(ticket)
        assert (sent.amount_fen, sent.purpose, sent.requested_by) == (9800, "commitment", "system")
        assert sent.requested_at == ENFORCED
        assert desk.tell(ticket).status == "remedy_pending"
        (enforced,) = events_of(ticket, "commitment_enforced")
        assert (enforced.actor, enforced.data) == ("system", {"decision": "refunded"})
        assert "refund_requested" in told(ticket)
        assert desk.worries() == {}

    def test_settled_in_time_the_promise_is_kept(self, desk: Desk) -> None:
        ticket = desk.open()
        desk.advance(ENFORCED)
        desk.settle(ticket, "succeeded")
        assert deadline_of(ticket, "commitment").state == "met"
        assert "commitment" not in breaches_of(ticket)
        assert "promise_broken" not in told(ticket)
        desk.advance(at("11-27 10:00"))
        assert desk.tell(ticket).level == "supervisor"
        assert desk.worries() == {}

    def test_refused_by_the_channel_it_is_owned_up_to(self, desk: Desk) -> None:
        ticket = desk.open()
        desk.advance(ENFORCED)
        desk.settle(ticket, "rejected")
        desk.advance(at("11-25 10:00"))
        assert "promise_broken" in told(ticket)
        assert told(ticket, "staff").count("promise_broken_staff") == 2
        assert "commitment" in breaches_of(ticket)
        assert "commitment_broken" in kinds_of(ticket)
        desk.advance(at("11-26 10:00"))
        assert desk.tell(ticket).level == "referred"
        assert desk.worries() == {}

    def test_only_accepted_when_the_day_is_over_the_promise_is_broken(self, desk: Desk) -> None:
        ticket = desk.open()
        desk.advance(ENFORCED)
        desk.settle(ticket, "accepted")
        desk.advance(at("11-25 10:00"))
        assert "commitment" in breaches_of(ticket)
        desk.settle(ticket, "succeeded")
        assert desk.tell(ticket).outcome == "refunded"
        assert breaches_of(ticket).count("commitment") == 1

    def test_a_reseller_is_a_customer_too(self, desk: Desk) -> None:
        assert outcome_of(desk, desk.open(desk.order(reseller=True))) == ALONE

    def test_the_suppliers_bare_word_does_not_stop_it(self, desk: Desk) -> None:
        """Supplier says success without a voucher number: that proves nothing."""
        order = make_order(status="delivered")
        make_top_up(order)
        ticket = desk.open(order)
        assert outcome_of(desk, ticket, supplier_says("succeeded")) == ALONE

    def test_what_arrived_in_part_is_paid_for_in_part(self, desk: Desk) -> None:
        order = make_order(
            status="partially_delivered",
            face_value_fen=50000,
            price_fen=49000,
            delivered_face_fen=30000,
        )
        make_top_up(order, "partial")
        ticket = desk.open(order)
        record_delivery(
            order=order,
            arrived=False,
            voucher_no="",
            source="operator",
            at=at("10:30"),
            now=at("10:30"),
        )
        assert decision_on(desk, ticket) == "refunded"
        assert desk.refunds(ticket)[0].amount_fen == 49000, "the operator saw nothing at all"

    def test_all_payments_go_back_each_on_its_own_way(self, desk: Desk) -> None:
        ticket = desk.open(make_order(paid=[5000, 3000]))
        assert decision_on(desk, ticket) == "refunded"
        assert sorted(r.amount_fen for r in desk.refunds(ticket)) == [3000, 5000]

    def test_over_real_http_once(self, banked_desk: Desk) -> None:
        desk = banked_desk
        assert desk.bank is not None
        ticket = desk.open()
        desk.advance(at("11-25 09:01"))
        ticket = desk.tell(ticket)
        assert (ticket.status, ticket.outcome) == ("resolved", "refunded")
        assert desk.bank.effects() == [("sandbox.refund", 9800)]
        answers = FactCheck.objects.get().answers
        assert [(a["source"], a["state"], a["paid_fen"]) for a in answers] == [
            ("channel", "paid", 9800)
        ]
        assert desk.worries() == {}

    def test_a_bank_that_knows_no_such_payment_gets_a_supervisor(self, banked_desk: Desk) -> None:
        desk = banked_desk
        ticket = desk.open(make_order(channel="sandbox"))
        desk.advance(at("11-25 09:01"))
        assert FactCheck.objects.get().decision == "approval_asked"
        assert Approval.objects.get().state == "pending"
        assert desk.tell(ticket).status == "new"


class TestAmount:
    @pytest.mark.parametrize(("price_fen", "expected"), [(50000, ALONE), (50001, ASKED)])
    def test_the_automatic_limit(self, desk: Desk, price_fen: int, expected: Any) -> None:
        ticket = desk.open(desk.order(price_fen=price_fen))
        assert outcome_of(desk, ticket) == expected

    def test_the_tickets_own_limit_counts_not_todays(self, desk: Desk) -> None:
        ticket = desk.open(desk.order(price_fen=50000))
        set_policy(auto_refund_limit_fen=1)
        assert outcome_of(desk, ticket) == ALONE

    def test_the_whole_claim_counts_though_a_part_of_it_waits_for_approval(
        self, desk: Desk, lin
    ) -> None:
        """Lin asked for 600.00 of 1000.00. The desk must not pay 1000.00 because 400.00 is left."""
        ticket = desk.open(desk.order(price_fen=100_000))
        refund(
            ticket_id=ticket.pk, amount_fen=60_000, reason="部分", text="", actor=lin, now=OPENING
        )
        check = desk.enforce(ticket)
        assert check.decision == "approval_asked"
        assert all(r.held or r.state == "rejected" for r in desk.refunds(ticket))
        assert sum(r.amount_fen for r in desk.refunds(ticket) if r.held) == 100_000
        assert Approval.objects.get(state="pending").arguments["amount_fen"] == 100_000


class TestRecords:
    def test_a_voucher_in_our_records_asks_first(self, desk: Desk) -> None:
        order = make_order(status="delivered")
        make_top_up(order, voucher_no="V1")
        assert outcome_of(desk, desk.open(order)) == ASKED

    def test_a_contrary_record_takes_the_voucher_away(self, desk: Desk) -> None:
        order = make_order(status="delivered")
        make_top_up(order, voucher_no="V1")
        ticket = desk.open(order)
        record_delivery(
            order=order,
            arrived=False,
            voucher_no="",
            source="operator",
            at=at("10:30"),
            now=at("10:30"),
        )
        assert outcome_of(desk, ticket) == ALONE

    def test_a_card_code_that_was_shown_asks_first(self, desk: Desk) -> None:
        seen = make_order(target_account="", code_revealed_at=at("09:45"))
        unseen = make_order(target_account="")
        proof = ["account_screenshot"]
        asked = desk.open(seen, category="card_code", proof=proof)
        alone = desk.open(unseen, category="card_code", proof=proof)
        assert outcome_of(desk, asked) == ASKED
        assert desk.tell(alone).status == "remedy_pending" or outcome_of(desk, alone) == ALONE

    def test_where_no_payment_is_known_people_are_told(self, desk: Desk) -> None:
        ticket = desk.open(make_order(paid=[]))
        assert decision_on(desk, ticket) == "nothing_paid"
        assert "promise_stuck" in told(ticket, "staff")
        assert not desk.refunds(ticket)

    def test_where_everything_went_back_already_the_promise_is_met(self, desk: Desk) -> None:
        ticket = desk.open()
        payment = ticket.order.payments.get()
        payment.refunded_fen = payment.amount_fen
        payment.save()
        assert decision_on(desk, ticket) == "met"
        assert deadline_of(ticket, "commitment").state == "met"
        assert desk.tell(ticket).outcome == "refunded"
        assert not desk.refunds(ticket)
        assert desk.worries() == {}


class TestAnswers:
    @pytest.mark.parametrize(
        ("answers", "expected"),
        [
            ([], ALONE),
            ([channel_says()], ALONE),
            ([channel_says("not_found")], ASKED),
            ([channel_says("unpaid")], ASKED),
            ([channel_says(refunded_fen=100, ours_fen=0)], ASKED),
            ([channel_says(refunded_fen=100, ours_fen=100)], ALONE),
            ([supplier_says("failed")], ALONE),
            ([supplier_says("pending")], ALONE),
            ([supplier_says("succeeded")], ALONE),
            ([supplier_says("succeeded", "V1")], ASKED),
            ([supplier_says("partial", "V1")], ASKED),
            ([supplier_says("failed"), channel_says(), channel_says("not_found")], ASKED),
        ],
    )
    def test_what_speaks_against_a_refund_asks_first(
        self, desk: Desk, answers: list[dict[str, Any]], expected: Any
    ) -> None:
        ticket = desk.open()
        assert outcome_of(desk, ticket, *answers) == expected

    def test_who_does_not_answer_is_asked_again_until_half_of_the_lead(self, desk: Desk) -> None:
        ticket = desk.open(desk.order(facts_as_of=OPENING))
        check = desk.enforce(ticket, channel_says("unknown", answered=False))
        assert (check.decided_at, check.attempts) == (None, 1)
        assert check.decide_by == at("11-25 09:30")
        assert check.not_before == ENFORCED + 30 * SECOND
        assert not desk.refunds(ticket)
        desk.now = at("11-25 09:30") - TICK
        assert desk.conclude(ticket, channel_says(answered=False)).decided_at is None
        desk.now = at("11-25 09:30") + SECOND
        check = desk.conclude(ticket, channel_says(answered=False))
        assert (check.decision, check.attempts) == ("refunded", 3)

    def test_who_can_never_answer_is_not_waited_for(self, desk: Desk) -> None:
        ticket = desk.open()
        silent = {"source": "channel", "code": "alipay", "answered": False, "final": True}
        assert desk.enforce(ticket, silent).decision == "refunded"

    def test_a_late_sweep_does_not_wait_any_more(self, desk: Desk) -> None:
        ticket = desk.open(desk.order(facts_as_of=OPENING))
        desk.now = at("11-25 09:45")
        desk.tick()
        assert FactCheck.objects.get(ticket=ticket).decision == "refunded"


class TestFreshness:
    @pytest.mark.parametrize(("age", "expected"), [(24 * HOUR, ALONE), (24 * HOUR + TICK, ASKED)])
    def test_facts_of_the_shop_older_than_a_day_ask_first(
        self, desk: Desk, age: timedelta, expected: Any
    ) -> None:
        ticket = desk.open(desk.order(facts_as_of=ENFORCED - age))
        assert outcome_of(desk, ticket) == expected

    def test_a_supplier_that_answers_makes_them_fresh(self, desk: Desk) -> None:
        ticket = desk.open(desk.order(facts_as_of=at("2026-11-01 00:00")))
        assert outcome_of(desk, ticket, supplier_says("failed")) == ALONE

    def test_a_supplier_that_does_not_or_a_bank_that_does_not_help(self, desk: Desk) -> None:
        ticket = desk.open(desk.order(facts_as_of=at("2026-11-01 00:00")))
        desk.advance(ENFORCED - TICK)
        desk.now = at("11-25 09:31")
        silent = supplier_says("unknown", answered=False)
        sweep(now=desk.now)
        assert desk.conclude(ticket, silent, channel_says()).decision == "approval_asked"


class TestParties:
    def dispute(self, desk: Desk, now, order: Order, **contact: str) -> str:
        Order.objects.filter(pk=order.pk).update(facts_as_of=now)
        ticket = desk.open(order, now=now, contact=Contact(**contact))
        decision = decision_on(desk, ticket)
        if decision == "refunded":
            desk.settle(ticket, "succeeded")
        return decision

    @pytest.mark.parametrize(
        "same",
        [
            {"buyer_ref": "u-77"},
            {"target_account": "13800138000"},
            {"customer_phone": "13900139000"},
            {"customer_email": "zhao@example.com"},
        ],
    )
    def test_three_in_thirty_days(self, desk: Desk, same: dict[str, str]) -> None:
        decisions = []
        for day in (1, 5, 9, 20):
            now = at(f"11-{day:02d} 10:00")
            decisions.append(self.dispute(desk, now, make_order(created_at=now - HOUR, **same)))
        assert decisions == ["refunded", "refunded", "refunded", "approval_asked"]

    def test_the_contact_of_the_dispute_counts(self, desk: Desk) -> None:
        decisions = []
        for day, email in ((1, "a@x.com"), (2, "A@X.com"), (3, "a@x.com"), (4, "a@x.COM")):
            now = at(f"11-{day:02d} 10:00")
            order = make_order(created_at=now - HOUR)
            decisions.append(self.dispute(desk, now, order, email=email))
        assert decisions[-1] == "approval_asked"

    def test_after_thirty_days_there_is_room_again(self, desk: Desk) -> None:
        for day in (1, 5, 9):
            now = at(f"10-{day:02d} 10:00")
            self.dispute(desk, now, make_order(created_at=now - HOUR, buyer_ref="u-77"))
        now = at("11-02 10:00")
        order = make_order(created_at=now - HOUR, buyer_ref="u-77")
        assert self.dispute(desk, now, order) == "refunded"

    @pytest.mark.parametrize(("last", "expected"), [(20000, "refunded"), (20001, "approval_asked")])
    def test_five_hundred_yuan_in_thirty_days(self, desk: Desk, last: int, expected: str) -> None:
        for day, price in ((1, 30000), (2, last)):
            now = at(f"11-{day:02d} 10:00")
            order = make_order(created_at=now - HOUR, buyer_ref="u-77", price_fen=price)
            decision = self.dispute(desk, now, order)
        assert decision == expected

    def test_what_staff_gives_back_does_not_count(self, desk: Desk, lin) -> None:
        ticket = desk.open(make_order(buyer_ref="u-77", price_fen=50000))
        refund(
            ticket_id=ticket.pk, amount_fen=None, reason="无记录", text="", actor=lin, now=OPENING
        )
        assert not LimitCounter.objects.exists()

    def test_names_and_numbers_stay_out_of_the_counters(self, desk: Desk) -> None:
        self.dispute(desk, OPENING, make_order(target_account="13800138000"))
        keys = LimitCounter.objects.values_list("key", flat=True)
        assert len(keys) == 5
        assert not any("13800138000" in key or "zhao" in key for key in keys)

    def test_strangers_do_not_share_a_limit(self, desk: Desk) -> None:
        for day in range(1, 6):
            now = at(f"11-{day:02d} 10:00")
            assert self.dispute(desk, now, make_order(created_at=now - HOUR)) == "refunded"

    def test_one_that_was_asked_for_used_nothing_up(self, desk: Desk) -> None:
        order = make_order(buyer_ref="u-77", price_fen=60000)
        assert self.dispute(desk, OPENING, order) == "approval_asked"
        assert not LimitCounter.objects.filter(buckets__isnull=False).exclude(buckets={}).exists()


class TestBudgets:
    @pytest.mark.parametrize("window", ["hour", "day"])
    @pytest.mark.parametrize(("budget", "refunded"), [(19600, 2), (19599, 1), (9800, 1), (0, 0)])
    def test_of_the_whole_shop(self, desk: Desk, window: str, budget: int, refunded: int) -> None:
        set_policy(auto_refund_budget_fen={"hour": None, "day": None, window: budget})
        tickets = [desk.open() for _i in range(3)]
        desk.advance(ENFORCED)
        decisions = sorted(FactCheck.objects.values_list("decision", flat=True))
        assert decisions.count("refunded") == refunded
        assert decisions.count("approval_asked") == 3 - refunded
        held = [r for t in tickets for r in desk.refunds(t) if r.held]
        assert len(held) == 3 - refunded
        assert desk.worries() == {}

    def test_read_live_not_from_the_day_of_opening(self, desk: Desk) -> None:
        ticket = desk.open()
        set_policy(auto_refund_budget_fen={"hour": 0, "day": None})
        assert outcome_of(desk, ticket) == ASKED

    def test_no_hour_has_room_for_two_budgets(self, desk: Desk) -> None:
        """One at 9:58 and one at 10:02: four minutes apart, whatever the hour on the clock."""
        set_policy(auto_refund_budget_fen={"hour": 9800, "day": None})
        early, late = desk.open(now=at("10:58")), desk.open(now=at("11:02"))
        desk.advance(at("11-25 10:05"))
        assert [r.held for t in (early, late) for r in desk.refunds(t)] == [False, True]

    def test_the_next_day_has_a_budget_of_its_own(self, desk: Desk) -> None:
        set_policy(auto_refund_budget_fen={"hour": None, "day": 9800})
        first = desk.open()
        desk.advance(ENFORCED)
        second = desk.open(now=at("11-25 11:00"))
        desk.advance(at("11-26 10:00"))
        assert [r.held for t in (first, second) for r in desk.refunds(t)] == [False, False]


class TestRehearsal:
    def test_the_desk_says_what_it_would_do_and_one_click_does_it(self, desk: Desk, wang) -> None:
        set_policy(rehearsal=True)
        ticket = desk.open()
        desk.advance(ENFORCED)
        (waiting,) = desk.refunds(ticket)
        assert (waiting.held, waiting.amount_fen) == (True, 9800)
        approve(ticket_id=ticket.pk, decision=True, reason="属实", actor=wang, now=ENFORCED)
        desk.settle(ticket, "succeeded")
        assert desk.tell(ticket).outcome == "refunded"
        assert deadline_of(ticket, "commitment").state == "met"

    def test_read_live_so_going_live_frees_what_is_open(self, desk: Desk) -> None:
        set_policy(rehearsal=True)
        ticket = desk.open()
        desk.advance(at("21:59"))
        set_policy(rehearsal=False)
        assert outcome_of(desk, ticket) == ALONE

    def test_what_was_asked_in_rehearsal_is_done_alone_once_live(self, desk: Desk) -> None:
        set_policy(rehearsal=True)
        ticket = desk.open()
        desk.advance(at("22:30"))
        assert Approval.objects.get().state == "pending"
        number = desk.refunds(ticket)[0].refund_no
        set_policy(rehearsal=False)
        assert outcome_of(desk, ticket) == ALONE
        assert Approval.objects.get().state == "superseded"
        assert desk.refunds(ticket)[0].refund_no == number
        assert ticket.order.payments.get().reserved_fen == 9800


class TestAsking:
    def test_at_the_warning_not_in_the_last_hour(self, desk: Desk) -> None:
        ticket = desk.open(desk.order(price_fen=50001))
        desk.advance(at("22:00") - TICK)
        assert not Approval.objects.exists()
        desk.advance(at("22:00"))
        approval = Approval.objects.get()
        assert (approval.action, approval.requested_by) == ("refund", "system")
        assert desk.refunds(ticket)[0].held
        assert "awaiting_approval" in told(ticket)
        assert desk.worries() == {}

    def test_enforcement_finds_it_asked_and_asks_no_second_time(self, desk: Desk) -> None:
        ticket = desk.open(desk.order(price_fen=50001))
        desk.advance(at("11-25 09:30"))
        assert Approval.objects.count() == 1
        assert FactCheck.objects.get().decision == "approval_asked"
        assert len(desk.refunds(ticket)) == 1
        assert told(ticket).count("awaiting_approval") == 1

    def test_passed_on_every_half_hour_through_the_night(self, desk: Desk) -> None:
        ticket = desk.open(desk.order(price_fen=50001))
        desk.advance(at("11-25 10:00"))
        passed_on = [e.at for e in events_of(ticket, "approval_passed_on")]
        assert len(passed_on) == 24
        assert {b - a for a, b in pairwise(passed_on)} == {timedelta(minutes=30)}
        assert "commitment" in breaches_of(ticket)

    def test_approved_in_the_night_the_promise_is_kept(self, desk: Desk, zhao) -> None:
        ticket = desk.open(desk.order(price_fen=50001))
        desk.advance(at("11-25 02:00"))
        desk.now = at("11-25 02:10")
        approve(ticket_id=ticket.pk, decision=True, reason="属实", actor=zhao, now=desk.now)
        desk.settle(ticket, "succeeded")
        assert deadline_of(ticket, "commitment").state == "met"
        assert desk.refunds(ticket)[0].amount_fen == 50001

    def test_declined_it_is_asked_again_when_the_desk_must_act(self, desk: Desk, wang) -> None:
        """A no at night does not make the promise go away."""
        ticket = desk.open(desk.order(price_fen=50001))
        desk.advance(at("22:10"))
        approve(ticket_id=ticket.pk, decision=False, reason="再核实", actor=wang, now=at("22:10"))
        desk.advance(at("11-25 09:00"))
        assert [a.state for a in Approval.objects.order_by("pk")] == ["declined", "pending"]
        assert desk.refunds(ticket)[0].held

    def test_what_nobody_foresaw_is_asked_at_the_last_hour_and_told(self, desk: Desk) -> None:
        ticket = desk.open()
        assert outcome_of(desk, ticket, channel_says("not_found")) == ASKED
        assert told(ticket)[-1] == "awaiting_approval"
        assert "approval" in live_kinds(ticket)
        assert desk.worries() == {}

    def test_the_warning_tells_people_and_asks_nothing_it_need_not(self, desk: Desk) -> None:
        ticket = desk.open()
        desk.advance(at("22:00"))
        assert "commitment_warned" in kinds_of(ticket)
        assert "promise_warning" in told(ticket, "staff")
        assert not Approval.objects.exists()
        assert "promise_warning" not in told(ticket)

    def test_before_a_night_it_comes_while_people_are_there(self, desk: Desk) -> None:
        staff("9-18")
        ticket = desk.open(desk.order(price_fen=50001, created_at=at("09:00")), now=at("10:00"))
        assert deadline_of(ticket, "commitment_warning").due_at == at("16:00")


class TestOthersActed:
    def test_a_refund_on_its_way_is_left_alone(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        refund(
            ticket_id=ticket.pk, amount_fen=None, reason="无记录", text="", actor=lin, now=OPENING
        )
        desk.settle(ticket, "accepted")
        desk.now = OPENING
        assert decision_on(desk, ticket) == "under_way"
        assert len(desk.refunds(ticket)) == 1

    def test_a_part_that_went_back_leaves_the_rest(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        refund(ticket_id=ticket.pk, amount_fen=800, reason="部分", text="", actor=lin, now=OPENING)
        desk.settle(ticket, "succeeded")
        desk.advance(ENFORCED)
        amounts = {r.purpose: r.amount_fen for r in desk.refunds(ticket)}
        assert amounts == {"remedy": 800, "commitment": 9000}

    def test_a_refusal_that_waits_gives_way(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        refuse(ticket_id=ticket.pk, reason="号码填错", text="未查到", actor=lin, now=OPENING)
        assert outcome_of(desk, ticket) == ALONE
        assert Approval.objects.get().state == "superseded"
        assert "approval" not in live_kinds(ticket)

    def test_a_refusal_that_waits_gives_way_to_a_question_too(self, desk: Desk, lin) -> None:
        ticket = desk.open(desk.order(price_fen=60000))
        refuse(ticket_id=ticket.pk, reason="号码填错", text="未查到", actor=lin, now=OPENING)
        assert outcome_of(desk, ticket) == ASKED
        assert [a.action for a in Approval.objects.filter(state="pending")] == ["refund"]
        assert [a.action for a in Approval.objects.filter(state="superseded")] == ["refuse"]

    def test_what_ended_meanwhile_needs_nothing(self, desk: Desk) -> None:
        ticket = desk.open()
        desk.advance(ENFORCED - TICK)
        sweep(now=ENFORCED)
        withdraw(ticket_id=ticket.pk, reason="到账了", actor=CUSTOMER, now=ENFORCED + SECOND)
        desk.now = ENFORCED + 2 * SECOND
        assert desk.conclude(ticket).decision == "not_needed"
        assert not Refund.objects.exists()

    def test_resolved_first_or_enforced_first(self, desk: Desk, lin) -> None:
        """Lin closes one case at the very instant at which the desk acts on both."""
        orders = [make_order(facts_as_of=OPENING) for _i in range(2)]
        by_lin, by_desk = (desk.open(order) for order in orders)
        for order in orders:
            record_delivery(
                order=order,
                arrived=True,
                voucher_no="",
                source="operator",
                at=at("11-25 08:59"),
                now=at("11-25 08:59"),
            )
        resolve(ticket_id=by_lin.pk, outcome="delivered", text="已到账", actor=lin, now=ENFORCED)
        desk.advance(ENFORCED)
        assert desk.tell(by_lin).outcome == "delivered"
        assert not desk.refunds(by_lin)
        assert FactCheck.objects.get().decision == "approval_asked"
        assert desk.tell(by_desk).status == "new"

    def test_a_live_redelivery_does_not_stop_the_promise(self, desk: Desk) -> None:
        order = make_order()
        make_top_up(order, TopUp.State.PENDING)
        ticket = desk.open(order)
        assert outcome_of(desk, ticket, supplier_says("pending")) == ALONE
        assert desk.refunds(ticket)[0].at_risk, "nobody confirmed that it will not arrive"


def test_a_drill_uses_nobodys_limits(desk: Desk) -> None:
    set_policy(auto_refund_budget_fen={"hour": 0, "day": 0})
    ticket = desk.open(is_drill=True, intake="drill")
    assert outcome_of(desk, ticket) == ALONE
    assert list(LimitCounter.objects.values_list("key", flat=True)) != []
    assert not LimitCounter.objects.filter(key__startswith="shop").exists()
