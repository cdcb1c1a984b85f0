"""Two disputes about one trouble become one. Zhao Lei names an order he never paid, then the one
he did: his proof was in our hands at ten, so the promise counts from ten."""

import threading

import pytest
from django.db import connection

from orders.models import Order
from tests.stories import (
    CUSTOMER,
    HOUR,
    MINUTE,
    SYSTEM,
    TICK,
    Desk,
    acting,
    at,
    deadline_of,
    events_of,
    kinds_of,
    live_kinds,
    make_evidence,
    make_order,
    told,
)
from tickets import transitions
from tickets.cases import NotAllowed, TransitionRefused
from tickets.models import Message, Notice, Ticket
from tickets.notifiers.words import render
from tickets.remedies import refund
from tickets.sweep import sweep
from tickets.transitions.merging import UnableToMerge

pytestmark = pytest.mark.django_db

BUYER = "buyer-zhao"
NOON = at("12:00")


def unpaid(**fields) -> Order:
    return make_order(paid=[], status="awaiting_payment", buyer_ref=BUYER, **fields)


def paid(**fields) -> Order:
    return make_order(buyer_ref=BUYER, **fields)


@pytest.fixture
def wrong(desk: Desk) -> Ticket:
    """Filed at ten, with proof, about the order that was never paid."""
    return desk.open(unpaid(), now=at("10:00"))


@pytest.fixture
def right(desk: Desk, wrong: Ticket) -> Ticket:
    """Filed at eleven, without proof, about the order that was."""
    return desk.open(paid(), now=at("11:00"), proof=())


def join(ticket: Ticket, into: Ticket | str, actor, now=NOON) -> Ticket:
    number = into if isinstance(into, str) else into.number
    return transitions.merge(ticket_id=ticket.pk, into=number, actor=actor, now=now)


def refusal(ticket: Ticket, into: Ticket | str, actor, now=NOON) -> str:
    with pytest.raises(TransitionRefused) as refused:
        join(ticket, into, actor, now)
    assert refused.value.http_status in (403, 409)
    return refused.value.code


def test_one_goes_on_and_the_other_is_its_duplicate(desk: Desk, wrong, right, lin) -> None:
    join(wrong, right, lin)
    gone, kept = desk.tell(wrong), desk.tell(right)
    assert (gone.status, gone.outcome, gone.merged_into) == ("resolved", "duplicate", kept)
    assert (kept.status, kept.outcome) == ("new", "")
    assert events_of(gone, "merged")[0].data == {"into": kept.number}
    assert events_of(kept, "merged")[0].data == {"source": gone.number}
    assert live_kinds(gone) == {"auto_close"}
    desk.tick(NOON)
    assert desk.worries() == {}


def test_the_promise_counts_from_the_earlier_proof(desk: Desk, wrong, right, lin) -> None:
    assert right.commitment_due_at is None
    join(wrong, right, lin)
    kept = desk.tell(right)
    assert kept.commitment_started_at == at("10:00")
    assert kept.commitment_due_at == at("11-25 10:00")
    assert kept.commitment_started_by == wrong.evidence.get()
    assert deadline_of(kept, "commitment_enforcement").due_at == at("11-25 09:00")
    assert "promise_started" in told(kept)
    desk.tick(NOON)
    assert desk.worries() == {}


def test_of_two_promises_the_earlier_one_stands(desk: Desk, wrong, lin) -> None:
    right = desk.open(paid(), now=at("11:00"))
    before = {
        kind: deadline_of(right, kind).due_at
        for kind in ("commitment", "commitment_enforcement", "commitment_warning")
    }
    join(wrong, right, lin)
    kept = desk.tell(right)
    assert kept.commitment_due_at == at("11-25 10:00")
    for kind, due_at in before.items():
        assert deadline_of(kept, kind).due_at == due_at - HOUR, kind
    assert deadline_of(kept, "commitment").policy_due_at == at("11-25 11:00")
    desk.advance(at("11-25 09:00"))
    assert desk.tell(right).status == "remedy_pending"
    assert [refund.amount_fen for refund in desk.refunds(right)] == [9800]
    assert desk.refunds(wrong) == []


def test_an_older_promise_of_the_one_that_goes_on_stays(desk: Desk, lin) -> None:
    right = desk.open(paid(), now=at("09:30"))
    wrong = desk.open(unpaid(), now=at("10:00"))
    due = {d.kind: d.due_at for d in right.deadlines.all()}
    join(wrong, right, lin)
    assert {d.kind: d.due_at for d in desk.tell(right).deadlines.all()} == due


def test_the_handling_clocks_are_the_earlier_ones(desk: Desk, wrong, right, lin) -> None:
    join(wrong, right, lin, now=at("11:05"))
    assert deadline_of(right, "agent_resolution").due_at == at("12:00")
    assert deadline_of(right, "referral").due_at == at("11-26 10:00")


def test_a_clock_that_is_late_already_stays_late(desk: Desk, wrong, right, lin) -> None:
    desk.advance(at("11-25 10:30"))
    assert "commitment_broken" in kinds_of(wrong)
    join(wrong, right, lin, now=at("11-25 10:30"))
    desk.tick(at("11-25 10:30"))
    assert deadline_of(right, "commitment").state == "fired"
    assert desk.tell(right).level == "supervisor"


def test_what_was_said_and_shown_stays_where_it_was(desk: Desk, wrong, right, lin) -> None:
    said = list(Message.objects.filter(ticket=wrong).values_list("body", flat=True))
    join(wrong, right, lin)
    assert list(Message.objects.filter(ticket=wrong).values_list("body", flat=True)) == said
    assert wrong.evidence.count() == 1


def test_the_proof_of_both_together_may_be_complete(desk: Desk, lin) -> None:
    wrong = desk.open(unpaid(), category="wrong_amount", now=at("10:00"))
    right = desk.open(
        paid(), category="wrong_amount", now=at("11:00"), proof=("account_screenshot",)
    )
    assert desk.tell(right).commitment_started_at is None
    join(wrong, right, lin)
    assert desk.tell(right).commitment_started_at == at("11:00")


def test_proof_that_comes_later_counts_together_with_what_was_merged(desk: Desk, lin) -> None:
    wrong = desk.open(unpaid(), category="wrong_amount", now=at("10:00"))
    right = desk.open(paid(), category="wrong_amount", now=at("11:00"), proof=())
    join(wrong, right, lin)
    assert desk.tell(right).commitment_started_at is None
    file = make_evidence("account_screenshot", received_at=at("13:00"))
    transitions.add_evidence(
        ticket_id=right.pk, evidence_ids=[file.pk], actor=CUSTOMER, now=at("13:00")
    )
    assert desk.tell(right).commitment_started_at == at("13:00")


def test_the_customer_is_told_once_where_it_goes_on(desk: Desk, wrong, right, lin) -> None:
    join(wrong, right, lin)
    assert told(wrong).count("merged") == 1
    assert "resolved" not in told(wrong)
    subject, text = render(Notice.objects.get(ticket=wrong, kind="merged"))
    assert right.number in subject
    assert right.tracking_token not in text


def test_level_and_owner_go_along(desk: Desk, wrong, right, lin) -> None:
    transitions.assign_ticket(
        ticket_id=wrong.pk, assignee=desk.people["lin"], actor=lin, now=at("11:00")
    )
    transitions.escalate(ticket_id=wrong.pk, reason="金额大", actor=lin, now=at("11:01"))
    join(wrong, right, lin)
    kept = desk.tell(right)
    assert (kept.level, kept.assignee) == ("supervisor", desk.people["lin"])
    assert "supervisor_resolution" in live_kinds(kept)
    assert "agent_resolution" not in live_kinds(kept)
    desk.tick(NOON)
    assert desk.worries() == {}


def test_an_order_that_is_owed_money_keeps_its_own_dispute(desk: Desk, lin) -> None:
    one, two = desk.open(paid()), desk.open(paid())
    assert refusal(one, two, lin) == "money_owed"
    assert desk.tell(one).is_open
    assert desk.tell(two).event_seq == two.event_seq


def test_not_while_its_money_is_on_the_way(desk: Desk, right, lin) -> None:
    one = desk.open(paid())
    refund(ticket_id=one.pk, amount_fen=None, reason="未到账", text="", actor=lin, now=NOON)
    assert refusal(one, right, lin) == "unable_to_resolve"
    desk.settle(one, "succeeded")
    assert refusal(one, right, lin) == "not_open"


def test_somebody_elses_dispute_is_left_alone(desk: Desk, wrong, lin) -> None:
    strangers = desk.open(make_order(buyer_ref="buyer-qian"))
    assert refusal(wrong, strangers, lin) == "different_customer"


@pytest.mark.parametrize("shared", ["target_account", "customer_phone", "customer_email"])
def test_one_mark_in_common_is_enough(desk: Desk, lin, shared: str) -> None:
    value = "li.na@example.com" if shared == "customer_email" else "13812345678"
    one = desk.open(make_order(paid=[], **{shared: value}))
    two = desk.open(make_order(**{shared: value}))
    join(one, two, lin)
    assert desk.tell(one).outcome == "duplicate"


def test_what_was_typed_into_a_dispute_is_no_mark(desk: Desk, lin) -> None:
    two = desk.open(make_order(customer_phone="13812345678"))
    one = desk.open(make_order(paid=[]))
    Ticket.objects.filter(pk=one.pk).update(contact_phone="13812345678")
    assert refusal(one, two, lin) == "different_customer"


def test_a_second_dispute_after_the_refund_is_a_duplicate_of_the_first(desk: Desk, lin) -> None:
    first = desk.open(paid())
    refund(ticket_id=first.pk, amount_fen=None, reason="未到账", text="", actor=lin, now=NOON)
    desk.settle(first, "succeeded")
    again = desk.open(first.order, now=at("13:00"))
    join(again, first, lin, now=at("13:05"))
    assert desk.tell(again).merged_into == first
    assert desk.tell(first).status == "resolved"
    assert desk.worries() == {}


def test_over_is_over_where_the_order_is_another_one(desk: Desk, wrong, right, lin) -> None:
    transitions.withdraw(ticket_id=right.pk, reason="已到账", actor=CUSTOMER, now=at("11:30"))
    assert refusal(wrong, right, lin) == "target_over"
    assert refusal(right, wrong, lin) == "not_open"


def test_into_itself_or_nothing_it_cannot_go(desk: Desk, wrong, lin) -> None:
    assert refusal(wrong, wrong, lin) == "same_dispute"
    for number in ("", "D000000XXXXXX", "0", "D" * 500):
        assert refusal(wrong, number, lin) == "no_such_dispute"
    assert desk.tell(wrong).is_open


@pytest.mark.parametrize("actor", [CUSTOMER, SYSTEM])
def test_staff_alone_merge(desk: Desk, wrong, right, actor) -> None:
    with pytest.raises(NotAllowed):
        join(wrong, right, actor)


def test_a_chain_leads_to_its_end(desk: Desk, wrong, right, lin) -> None:
    earlier = desk.open(unpaid())
    join(earlier, wrong, lin)
    join(wrong, right, lin)
    assert desk.tell(earlier).merged_into == right


def test_reopened_it_goes_its_own_way(desk: Desk, wrong, right, lin) -> None:
    join(wrong, right, lin)
    transitions.reopen(ticket_id=wrong.pk, reason="不是同一件事", actor=CUSTOMER, now=at("13:00"))
    assert desk.tell(wrong).merged_into is None
    desk.tick(at("13:00"))
    assert desk.worries() == {}


def test_at_the_last_instant_whoever_comes_first_decides(desk: Desk, wrong, right, lin) -> None:
    due_at = deadline_of(wrong, "agent_resolution").due_at
    join(wrong, right, lin, now=due_at - TICK)
    desk.tick(due_at)
    assert deadline_of(wrong, "agent_resolution").state == "met"
    assert deadline_of(right, "agent_resolution").state == "fired"
    assert desk.tell(right).level == "supervisor"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("crossing", [False, True])
def test_merging_and_firing_at_once_lose_nothing(desk: Desk, crossing: bool) -> None:
    """Either the clock fired before, and the one that goes on stands with the supervisors, or it
    was ended first and fires there: never twice, never not at all. Two merges that cross wait for
    each other, and one is refused."""
    wrong, right = desk.open(unpaid(), now=at("10:00")), desk.open(unpaid(), now=at("10:00"))
    lin, due_at = acting(desk.people["lin"]), deadline_of(wrong, "agent_resolution").due_at
    gate, raised = threading.Barrier(2), []

    def run(work) -> None:
        try:
            gate.wait(30)
            work()
        except Exception as error:
            raised.append(error)
        finally:
            connection.close()

    def other() -> object:
        if crossing:
            return join(right, wrong, lin, now=due_at)
        return sweep(now=due_at, driver="test")

    works = (lambda: join(wrong, right, lin, now=due_at), other)
    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    desk.tick(due_at + MINUTE)
    over = [ticket for ticket in (wrong, right) if not desk.tell(ticket).is_open]
    assert len(over) == 1
    kept = desk.tell(right if over == [wrong] else wrong)
    assert kept.level == "supervisor"
    assert kinds_of(kept).count("escalated") == 1
    if crossing:
        assert [type(error) for error in raised] in ([UnableToMerge], [TransitionRefused])
    else:
        assert raised == []
    assert desk.worries() == {}
