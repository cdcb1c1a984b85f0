"""An approved batch is carried out: one order after another, whoever dies or comes in between."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.db import close_old_connections, connection

from orders.batch_decisions import pause_batch
from orders.batches import UnableToBatch
from orders.ledger import find_differences
from orders.models import BatchRow, Order, Payment, Refund
from orders.outages import facts_of, revise_outage
from orders.settlement import rescue_refunds
from orders.topups import record_delivery
from tests.stories import MINUTE, TICK, kinds_of, make_payment, make_top_up, told
from tests.tickets.outages import DOWN, Storm, banked_storm, storm
from tickets import mass_refunds
from tickets.batch_rows import carry_out_row
from tickets.mass_refunds import LEASE, MOST_ATTEMPTS, claim_row
from tickets.models import Notice, Ticket
from tickets.outages import link_outage
from tickets.remedies import refund
from tickets.transitions import withdraw

__all__ = ["banked_storm", "storm"]

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parent.parent.parent


def refunds_of(order: Order) -> list[Refund]:
    return list(Refund.objects.filter(payment__order=order).order_by("pk"))


def settle(storm: Storm, order: Order, outcome: str = "succeeded") -> None:
    """Be the channel for one order, and let the desk take note."""
    for item in refunds_of(order):
        storm.desk.settle(item, outcome)
    storm.desk.tick()
    storm.work()


class TestOneOrder:
    def test_without_a_dispute_the_buyer_is_told_when_it_is_back(self, storm: Storm) -> None:
        order = storm.order()
        batch = storm.approved()
        storm.work()
        (sent,) = refunds_of(order)
        assert (sent.purpose, sent.origin, sent.state) == ("outage", order.uuid, "requested")
        assert (sent.amount_fen, sent.requested_by) == (9800, batch.proposed_by)
        assert storm.became(order) == ("sent", "")
        assert storm.batch(batch).state == "working"

        settle(storm, order)

        assert storm.became(order) == ("done", "")
        assert storm.batch(batch).state == "finished"
        (letter,) = [m for m in mail.outbox if m.to == [order.customer_email]]
        assert order.order_no in letter.subject
        assert "98.00" in letter.body
        assert order.target_account not in letter.body
        assert list(find_differences()) == []

    def test_an_open_dispute_is_settled_by_it(self, storm: Storm) -> None:
        order = storm.order()
        ticket = storm.desk.open(order)
        storm.approved()
        storm.work()
        (sent,) = refunds_of(order)
        assert sent.origin == ticket.uuid
        assert storm.tell(ticket).status == "remedy_pending"
        assert storm.tell(ticket).outage == storm.outage
        assert "refund_requested" in told(ticket)

        settle(storm, order)

        assert (storm.tell(ticket).status, storm.tell(ticket).outcome) == ("resolved", "refunded")
        assert storm.became(order) == ("done", "")
        assert kinds_of(ticket).count("refund_settled") == 1
        assert not Notice.objects.filter(kind="refunded_unasked").exists()
        assert storm.desk.worries() == {}

    def test_a_dispute_opened_while_the_refund_is_under_way_is_settled_too(
        self, storm: Storm
    ) -> None:
        order = storm.order()
        storm.approved()
        storm.work()
        ticket = storm.desk.open(order)
        settle(storm, order)
        assert (storm.tell(ticket).status, storm.tell(ticket).outcome) == ("resolved", "refunded")
        assert not Notice.objects.filter(kind="refunded_unasked").exists()

    def test_a_withdrawn_dispute_is_none(self, storm: Storm, customer) -> None:
        order = storm.order()
        ticket = storm.desk.open(order)
        withdraw(ticket_id=ticket.pk, reason="算了", actor=customer, now=storm.now)
        storm.approved()
        storm.work()
        assert refunds_of(order)[0].origin == order.uuid

    def test_money_held_for_a_decision_goes_out_once(self, storm: Storm, lin) -> None:
        order = storm.order(price_fen=80000)
        ticket = storm.desk.open(order)
        refund(ticket_id=ticket.pk, amount_fen=None, reason="x", text="", actor=lin, now=storm.now)
        storm.approved()
        storm.work()
        assert [(r.state, r.purpose) for r in refunds_of(order)] == [
            ("rejected", "remedy"),
            ("requested", "outage"),
        ]
        settle(storm, order)
        assert storm.tell(ticket).outcome == "refunded"
        payment = Payment.objects.get(order=order)
        assert (payment.refunded_fen, payment.reserved_fen) == (80000, 0)


class TestSkipped:
    @pytest.fixture
    def order(self, storm: Storm) -> Order:
        order = storm.order()
        storm.approved()
        return order

    def test_delivered_in_between(self, storm: Storm, order: Order) -> None:
        make_top_up(order, "succeeded", voucher_no="2026112400009")
        Order.objects.filter(pk=order.pk).update(status="delivered")
        storm.work()
        assert storm.became(order) == ("skipped", "delivered")
        assert refunds_of(order) == []

    def test_the_customer_says_that_it_arrived(self, storm: Storm, order: Order) -> None:
        record_delivery(
            order=order, arrived=True, voucher_no="", source="customer", at=storm.now,
            now=storm.now,
        )  # fmt: skip
        storm.work()
        assert storm.became(order) == ("skipped", "delivered")

    def test_partly_delivered_in_between(self, storm: Storm, order: Order) -> None:
        Order.objects.filter(pk=order.pk).update(
            status="partially_delivered", delivered_face_fen=5000
        )
        storm.work()
        assert storm.became(order) == ("skipped", "partly_delivered")

    def test_paid_a_second_time_in_between(self, storm: Storm, order: Order) -> None:
        make_payment(order, 9800)
        storm.work()
        assert storm.became(order) == ("skipped", "amount_changed")
        assert storm.row(order).detail == "¥196.00"

    def test_refunded_by_an_agent_in_between(self, storm: Storm, order: Order, lin) -> None:
        ticket = storm.desk.open(order)
        refund(ticket_id=ticket.pk, amount_fen=None, reason="x", text="", actor=lin, now=storm.now)
        storm.work()
        assert storm.became(order) == ("skipped", "under_way")
        assert len(refunds_of(order)) == 1

    def test_a_row_that_spoils_worker_after_worker_is_set_aside(
        self, storm: Storm, order: Order
    ) -> None:
        for _attempt in range(MOST_ATTEMPTS):
            assert claim_row(now=storm.now) is not None
            storm.desk.now += LEASE
        storm.work()
        assert storm.became(order) == ("skipped", "error")

    def test_the_batch_ends_when_all_are_skipped(self, storm: Storm, order: Order) -> None:
        Order.objects.filter(pk=order.pk).update(status="delivered")
        storm.work()
        assert storm.batch(storm.row(order).batch).state == "finished"


class TestAskedFirst:
    def plan(self, storm: Storm, *answers: dict[str, Any]) -> Order:
        order = storm.order()
        storm.approved()
        row = claim_row(now=storm.now)
        assert row is not None
        carry_out_row(row_id=row.pk, answers=list(answers), now=storm.now)
        return order

    def supplier(self, state: str, voucher_no: str = "") -> dict[str, Any]:
        return {
            "source": "supplier",
            "code": DOWN,
            "answered": True,
            "state": state,
            "voucher_no": voucher_no,
        }

    def test_the_supplier_reports_the_delivery(self, storm: Storm) -> None:
        order = self.plan(storm, self.supplier("succeeded", "V1"))
        assert storm.became(order) == ("skipped", "supplier_delivered")
        assert storm.row(order).detail

    def test_the_channel_shows_another_refund(self, storm: Storm) -> None:
        answer = {
            "source": "channel",
            "code": "alipay",
            "answered": True,
            "state": "paid",
            "refunded_fen": 9800,
            "ours_fen": 0,
        }
        order = self.plan(storm, answer)
        assert storm.became(order) == ("skipped", "channel_differs")

    @pytest.mark.parametrize(("state", "at_risk"), [("failed", False), ("pending", True)])
    def test_what_may_still_arrive_goes_back_at_risk(
        self, storm: Storm, state: str, at_risk: bool
    ) -> None:
        order = self.plan(storm, self.supplier(state))
        assert [item.at_risk for item in refunds_of(order)] == [at_risk]

    def test_nothing_goes_out_unasked(self, storm: Storm) -> None:
        order = storm.order()
        storm.approved()
        row = claim_row(now=storm.now)
        assert row is not None
        carry_out_row(row_id=row.pk, answers=None, now=storm.now)
        assert storm.became(order) == ("waiting", "")
        assert refunds_of(order) == []


class TestWhatBecameOfIt:
    def test_refused_by_the_channel(self, storm: Storm) -> None:
        order = storm.order()
        batch = storm.approved()
        storm.work()
        settle(storm, order, "rejected")
        assert storm.became(order) == ("failed", "")
        assert storm.batch(batch).state == "finished"
        assert storm.look().chosen[0].order == order, "free for another batch"

    def test_in_peoples_hands_and_then_paid(self, storm: Storm) -> None:
        order = storm.order()
        batch = storm.approved()
        storm.work()
        settle(storm, order, "unknown")
        assert storm.became(order) == ("by_hand", "")
        assert storm.batch(batch).state == "finished"
        Refund.objects.update(state="succeeded")
        storm.work()
        assert storm.became(order) == ("done", "")

    def test_no_more_wait_for_a_channel_than_is_wise(
        self, storm: Storm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mass_refunds, "WAVE", 2)
        orders = [storm.order() for _n in range(4)]
        elsewhere = storm.order(channel="sandbox")
        storm.approved()
        storm.work()
        assert [storm.row(o).state for o in orders] == ["sent", "sent", "waiting", "waiting"]
        assert storm.row(elsewhere).state == "sent"
        settle(storm, orders[0])
        assert [storm.row(o).state for o in orders] == ["done", "sent", "sent", "waiting"]

    def test_paused_in_the_middle_the_rest_waits(self, storm: Storm) -> None:
        first, second = storm.order(), storm.order()
        batch = storm.approved()
        row = claim_row(now=storm.now)
        assert row is not None
        other = claim_row(now=storm.now)
        assert other is not None
        carry_out_row(row_id=row.pk, answers=[], now=storm.now)
        pause_batch(batch_id=batch.pk, reason="x", actor=storm.wang, now=storm.now)
        carry_out_row(row_id=other.pk, answers=[], now=storm.now)
        assert [storm.row(o).state for o in (first, second)] == ["sent", "waiting"]


def test_real_money_moves_once_for_each(banked_storm: Storm) -> None:
    storm, simulator = banked_storm, banked_storm.desk.bank
    orders = [storm.order() for _n in range(4)]
    ticket = storm.desk.open(orders[0])
    simulator.fault("sandbox.refund", "timeout_after_effect", seconds=0.02)
    batch = storm.approved()
    storm.work()
    storm.desk.advance(storm.now + 10 * MINUTE)
    storm.work()
    for order in orders:
        (item,) = refunds_of(order)
        assert item.state == "succeeded"
        assert simulator.effects(item.refund_no) == [("sandbox.refund", 9800)]
    assert storm.tell(ticket).outcome == "refunded"
    assert storm.batch(batch).state == "finished"
    assert list(find_differences()) == []


class TestThePromiseOfAnOutage:
    def test_a_public_notice_starts_it_without_proof(self, storm: Storm, lin) -> None:
        order = storm.order()
        ticket = storm.desk.open(order, proof=())
        assert storm.tell(ticket).commitment_due_at is None
        link_outage(ticket_id=ticket.pk, outage=storm.outage.pk, actor=lin, now=storm.now)
        assert storm.tell(ticket).commitment_due_at is None, "it is not public yet"

        facts = facts_of(storm.outage)
        storm.desk.now += MINUTE
        published = storm.now
        public = replace(facts, is_public=True)
        revise_outage(outage_id=storm.outage.pk, facts=public, actor=storm.wang, now=published)
        other = storm.desk.open(storm.order(), proof=())
        storm.desk.now += MINUTE
        link_outage(ticket_id=other.pk, outage=storm.outage.pk, actor=lin, now=storm.now)
        assert storm.tell(other).commitment_started_at == published
        assert "outage_linked" in kinds_of(other)


# --- Processes that die, and two at once ------------------------------------------------------


class Mortals:
    """Processes that carry batches on and die where they are told to; see tests.crashes.batches."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.crashes.batches", str(connection.settings_dict["NAME"])],
            cwd=ROOT,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.read() == "ready"

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go(self, now: Any, die_at: int | None = None) -> dict[str, Any]:
        assert self.process.stdin is not None
        asked = json.dumps({"now": now.isoformat(), "die_at": die_at})
        print(asked, file=self.process.stdin, flush=True)
        found: dict[str, Any] = json.loads(self.read())
        return found


@pytest.fixture
def mortals(transactional_db: None) -> Iterator[Mortals]:
    found = Mortals()
    yield found
    found.process.communicate()


def exactly_once(orders: list[Order]) -> None:
    for order in orders:
        (item,) = refunds_of(order)
        assert (item.amount_fen, item.generation) == (9800, 1)
        payment = Payment.objects.get(order=order)
        assert (payment.refunded_fen, payment.reserved_fen) == (0, 9800)
    assert list(find_differences()) == []


@pytest.mark.django_db(transaction=True)
def test_whoever_is_killed_wherever_every_order_gets_one_refund(
    storm: Storm, mortals: Mortals
) -> None:
    """A clean run lists every commit of one row; then one process dies at each of them, each on a
    row of its own, some with a dispute; whoever is left finishes."""
    rehearsal = [storm.order()]
    storm.approved()
    clean = mortals.go(storm.now)
    assert clean["exit"] == 0
    exactly_once(rehearsal)
    points = clean["points"]
    assert sum("batchrow" in point and "before" in point for point in points) >= 2, points

    orders = [storm.order() for _n in points]
    tickets = [storm.desk.open(order) for order in orders[::2]]
    batch = storm.approved()
    for die_at, point in enumerate(points):
        died = mortals.go(storm.now, die_at)
        assert died["exit"] == 77, point
        storm.desk.now += LEASE + TICK
    storm.work()

    exactly_once(orders)
    assert {storm.row(order).state for order in orders} == {"sent"}
    assert storm.batch(batch).state == "working"
    for ticket in tickets:
        assert kinds_of(ticket).count("refund_requested") == 1
        assert Ticket.objects.get(pk=ticket.pk).status == "remedy_pending"


def at_once(*works: Callable[[], object]) -> list[object]:
    """Run each in a thread with a connection of its own; what it raised is its result."""
    results: list[object] = [None] * len(works)
    gate = threading.Barrier(len(works))

    def run(index: int) -> None:
        try:
            gate.wait(30)
            results[index] = works[index]()
        except Exception as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    close_old_connections()
    return results


@pytest.mark.django_db(transaction=True)
def test_three_workers_at_one_batch(storm: Storm) -> None:
    orders = [storm.order() for _n in range(12)]
    for order in orders[::3]:
        storm.desk.open(order)
    storm.approved()
    results = at_once(storm.work, storm.work, storm.work)
    assert [r for r in results if isinstance(r, Exception)] == []
    storm.work()
    exactly_once(orders)
    assert set(BatchRow.objects.values_list("state", flat=True)) == {"sent"}


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_hold_the_same_row(storm: Storm) -> None:
    """The first one was so slow that its lease ran out."""
    order = storm.order()
    storm.approved()
    row = claim_row(now=storm.now)
    assert row is not None

    def carry_out() -> None:
        carry_out_row(row_id=row.pk, answers=[], now=storm.now)

    assert at_once(carry_out, carry_out) == [None, None]
    exactly_once([order])


@pytest.mark.django_db(transaction=True)
def test_an_agent_refunds_while_the_batch_does(storm: Storm, lin) -> None:
    orders = [storm.order() for _n in range(6)]
    tickets = [storm.desk.open(order) for order in orders]
    storm.approved()

    def by_hand() -> None:
        for ticket in tickets:
            refund(
                ticket_id=ticket.pk, amount_fen=None, reason="x", text="", actor=lin,
                now=storm.now,
            )  # fmt: skip

    at_once(storm.work, by_hand)
    storm.work()
    exactly_once(orders)


@pytest.mark.django_db(transaction=True)
def test_approved_twice_at_once(storm: Storm) -> None:
    orders = [storm.order()]
    batch = storm.propose()
    results = at_once(lambda: storm.approve(batch), lambda: storm.approve(batch))
    refused = [r for r in results if isinstance(r, UnableToBatch)]
    assert len(refused) == 1
    storm.work()
    exactly_once(orders)


@pytest.mark.django_db(transaction=True)
def test_two_supervisors_propose_the_same_orders_at_once(storm: Storm) -> None:
    storm.order()
    scope, digest = storm.scope(), storm.look().digest
    results = at_once(
        lambda: storm.propose(storm.wang, scope=scope, seen_digest=digest),
        lambda: storm.propose(storm.zhao, scope=scope, seen_digest=digest),
    )
    refused = [r for r in results if isinstance(r, UnableToBatch)]
    assert [r.code for r in refused] == ["stale"]
    assert BatchRow.objects.filter(state="waiting").count() == 1


def test_a_wake_that_is_lost_changes_nothing(storm: Storm) -> None:
    """No broker answers in tests: what beat does every few seconds is all there is."""
    order = storm.order()
    storm.approved()
    storm.work()
    assert rescue_refunds(clock=storm.desk.clock) == 1
    assert len(refunds_of(order)) == 1
