"""A batch of refunds for an outage: chosen by one supervisor, approved by another."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from orders import affected, batches
from orders.batch_decisions import (
    cancel_batch,
    digest_of,
    pause_batch,
    resume_batch,
    withdraw_batch,
)
from orders.batches import NotAllowedToBatch, UnableToBatch
from orders.models import BatchRow, Order, Payment, Refund, RefundBatch
from orders.outages import OutageFacts, UnableToDeclare, declare_outage
from orders.topups import record_delivery
from tests.stories import HOUR, MINUTE, acting, make_payment, make_top_up
from tests.tickets.outages import Storm, storm
from tickets.remedies import refund
from tickets.transitions import approve, refuse
from tickets.transitions.approvals import UnableToApprove

__all__ = ["storm"]

pytestmark = pytest.mark.django_db


def reasons(storm: Storm) -> dict[int, str]:
    return {verdict.order.pk: verdict.reason for verdict in storm.look().verdicts}


class TestChoosing:
    def test_what_the_outage_hit_and_nothing_else(self, storm: Storm) -> None:
        hit = storm.order(price_fen=9800)
        storm.order(supplier="another")
        storm.order(created_at=storm.now - 3 * HOUR)
        storm.order(paid=[])
        failed = storm.order(status="failed", price_fen=5000)
        selection = storm.look()
        assert [v.order.pk for v in selection.chosen] == [hit.pk, failed.pk]
        assert selection.amount_fen == 14800
        assert selection.left_out == []

    def test_by_product_and_by_channel_of_payment(self, storm: Storm) -> None:
        alipay = storm.order(channel="alipay", product_code="CM50")
        storm.order(product_code="CM50")
        scope = replace(storm.scope(), product_code="CM50", channel="alipay")
        assert [v.order.pk for v in storm.look(scope).verdicts] == [alipay.pk]

    def test_drills_are_nobodys_money(self, storm: Storm) -> None:
        storm.order(source=Order.Source.DRILL)
        assert storm.look().verdicts == []

    @pytest.mark.parametrize(
        ("reason", "fields"),
        [
            ("delivered", {"status": "delivered", "voucher": "2026112400001"}),
            ("counts_as_delivered", {"status": "delivered"}),
            ("partly_delivered", {"status": "partially_delivered", "delivered_face_fen": 5000}),
            ("code_shown", {"target_account": "", "code_revealed_at": True}),
            ("by_transfer", {"channel": "offline"}),
        ],
    )
    def test_left_out_and_why(self, storm: Storm, reason: str, fields: dict) -> None:
        voucher = fields.pop("voucher", "")
        if "code_revealed_at" in fields:
            fields["code_revealed_at"] = storm.now - MINUTE
        order = storm.order(**fields)
        if voucher:
            make_top_up(order, "succeeded", voucher_no=voucher)
        assert reasons(storm) == {order.pk: reason}
        assert storm.look().count_reasons() == [(str(affected.REASONS[reason]), 1)]

    def test_a_delivery_that_the_operator_contradicts_is_owed(self, storm: Storm) -> None:
        order = storm.order(status="delivered")
        make_top_up(order, "succeeded", voucher_no="2026112400002")
        record_delivery(
            order=order,
            arrived=False,
            voucher_no="",
            source="operator",
            at=storm.now,
            now=storm.now,
        )
        assert reasons(storm) == {order.pk: ""}

    def test_past_the_channels_window(self, storm: Storm) -> None:
        order = storm.order(channel="wechatpay")
        Payment.objects.filter(order=order).update(paid_at=storm.now - timedelta(days=366))
        scope = replace(storm.scope(), paid_from=storm.now - timedelta(days=400))
        (verdict,) = storm.look(scope).verdicts
        assert verdict.reason == "by_transfer"

    def test_a_refund_under_way_and_one_that_is_done(self, storm: Storm, lin) -> None:
        going, gone = storm.order(), storm.order()
        for order in (going, gone):
            ticket = storm.desk.open(order)
            refund(
                ticket_id=ticket.pk,
                amount_fen=100,
                reason="先退",
                text="",
                actor=lin,
                now=storm.now,
            )
            if order is gone:
                storm.desk.settle(ticket, "succeeded")
        assert reasons(storm) == {going.pk: "under_way", gone.pk: "refunded"}

    def test_what_waits_for_a_refunds_approval_is_decided_by_the_batch(
        self, storm: Storm, lin
    ) -> None:
        order = storm.order(price_fen=80000)
        ticket = storm.desk.open(order)
        refund(
            ticket_id=ticket.pk,
            amount_fen=None,
            reason="未到账",
            text="",
            actor=lin,
            now=storm.now,
        )
        (verdict,) = storm.look().verdicts
        assert (verdict.reason, verdict.amount_fen) == ("", 80000)

    def test_what_waits_for_another_decision_is_left_to_it(self, storm: Storm, lin) -> None:
        order = storm.order()
        ticket = storm.desk.open(order)
        refuse(ticket_id=ticket.pk, reason="号码填错", text="说明", actor=lin, now=storm.now)
        assert reasons(storm) == {order.pk: "decision_waits"}

    def test_an_order_is_in_one_batch_at_a_time(self, storm: Storm) -> None:
        order = storm.order()
        batch = storm.propose()
        assert reasons(storm) == {order.pk: "other_batch"}
        other = RefundBatch.objects.create(
            number="B2", outage=storm.outage, reason="x", digest="", count=1, amount_fen=1,
            proposed_by="staff:1", proposed_at=storm.now,
        )  # fmt: skip
        row = BatchRow(batch=other, order=order, amount_fen=1, channel="shop", not_before=storm.now)
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save()
        withdraw_batch(batch_id=batch.pk, reason="重选", actor=storm.wang, now=storm.now)
        assert reasons(storm) == {order.pk: ""}

    def test_two_payments_for_one_order_are_one_row(self, storm: Storm) -> None:
        order = storm.order(price_fen=9800)
        make_payment(order, 9800, channel="alipay", paid_at=storm.now - MINUTE)
        (verdict,) = storm.look().verdicts
        assert (verdict.amount_fen, verdict.channel) == (19600, "alipay")


class TestProposing:
    def test_the_rows_are_kept_as_they_were_seen(self, storm: Storm) -> None:
        storm.order()
        storm.order(status="delivered")
        batch = storm.propose()
        assert (batch.state, batch.count, batch.excluded) == ("proposed", 1, 1)
        assert batch.amount_fen == 9800
        assert digest_of(batch) == batch.digest
        assert sorted(batch.rows.values_list("state", flat=True)) == ["excluded", "waiting"]

    def test_not_when_the_list_has_changed_since_it_was_read(self, storm: Storm) -> None:
        order = storm.order()
        storm.order()
        seen = storm.look().digest
        Order.objects.filter(pk=order.pk).update(status="delivered")
        with pytest.raises(UnableToBatch) as refusal:
            storm.propose(seen_digest=seen)
        assert refusal.value.code == "stale"
        assert RefundBatch.objects.count() == 0

    def test_not_when_a_payment_was_added_to_an_order(self, storm: Storm) -> None:
        order = storm.order()
        seen = storm.look().digest
        make_payment(order, 9800)
        with pytest.raises(UnableToBatch):
            storm.propose(seen_digest=seen)

    def test_not_an_empty_one(self, storm: Storm) -> None:
        storm.order(status="delivered")
        with pytest.raises(UnableToBatch) as refusal:
            storm.propose()
        assert refusal.value.code == "empty"

    @pytest.mark.parametrize(("limit", "allowed"), [(2, True), (1, False)])
    def test_so_many_orders(self, storm: Storm, monkeypatch, limit: int, allowed: bool) -> None:
        monkeypatch.setattr(affected, "MOST_ORDERS", limit)
        monkeypatch.setattr(batches, "MOST_ORDERS", limit)
        storm.order()
        storm.order()
        if allowed:
            assert storm.propose().count == 2
            return
        with pytest.raises(UnableToBatch) as refusal:
            storm.propose()
        assert refusal.value.code == "too_many"
        assert "1" in str(refusal.value)

    @pytest.mark.parametrize(("limit", "allowed"), [(19600, True), (19599, False)])
    def test_so_much_money(self, storm: Storm, monkeypatch, limit: int, allowed: bool) -> None:
        monkeypatch.setattr(batches, "MOST_FEN", limit)
        storm.order()
        storm.order()
        if allowed:
            assert storm.propose().amount_fen == 19600
            return
        with pytest.raises(UnableToBatch) as refusal:
            storm.propose()
        assert refusal.value.code == "too_much"

    @pytest.mark.parametrize(("reason", "code"), [("  ", "required"), ("x" * 201, "too_long")])
    def test_with_a_reason(self, storm: Storm, reason: str, code: str) -> None:
        storm.order()
        with pytest.raises(UnableToBatch) as refusal:
            storm.propose(reason=reason)
        assert (refusal.value.code, refusal.value.field) == (code, "reason")


class TestFourEyes:
    def test_nothing_moves_before_the_second_supervisor(self, storm: Storm) -> None:
        storm.order()
        storm.propose()
        storm.work()
        assert Refund.objects.count() == 0

    def test_whoever_proposed_it_cannot_approve_it(self, storm: Storm) -> None:
        storm.order()
        batch = storm.propose()
        with pytest.raises(NotAllowedToBatch) as refusal:
            storm.approve(batch, storm.wang)
        assert refusal.value.code == "four_eyes"
        with pytest.raises(IntegrityError), transaction.atomic():
            RefundBatch.objects.filter(pk=batch.pk).update(decided_by=batch.proposed_by)
        with pytest.raises(IntegrityError), transaction.atomic():
            RefundBatch.objects.filter(pk=batch.pk).update(state="working")

    def test_only_supervisors(self, storm: Storm) -> None:
        storm.order()
        agent = User.objects.get(pk=storm.desk.people["lin"].pk)
        with pytest.raises(NotAllowedToBatch):
            storm.propose(agent)
        batch = storm.propose()
        with pytest.raises(NotAllowedToBatch):
            storm.approve(batch, agent)
        with pytest.raises(NotAllowedToBatch):
            withdraw_batch(batch_id=batch.pk, reason="x", actor=agent, now=storm.now)

    def test_only_what_was_read(self, storm: Storm) -> None:
        storm.order()
        batch = storm.propose()
        with pytest.raises(UnableToBatch) as refusal:
            storm.approve(batch, seen_digest="0" * 64)
        assert refusal.value.code == "stale"

    def test_rows_that_somebody_changed_behind_the_programs_back(self, storm: Storm) -> None:
        order = storm.order()
        batch = storm.propose()
        BatchRow.objects.filter(order=order).update(amount_fen=1)
        with pytest.raises(UnableToBatch) as refusal:
            storm.approve(batch)
        assert refusal.value.code == "stale"

    def test_decided_once(self, storm: Storm) -> None:
        storm.order()
        batch = storm.approved()
        with pytest.raises(UnableToBatch) as refusal:
            storm.approve(batch)
        assert refusal.value.code == "wrong_state"

    def test_declined_its_orders_are_free_again(self, storm: Storm) -> None:
        order = storm.order()
        batch = storm.approve(storm.propose(), decision=False)
        assert batch.state == "declined"
        storm.work()
        assert storm.became(order) == ("skipped", "declined")
        assert reasons(storm) == {order.pk: ""}


class TestStopping:
    def test_paused_resumed_cancelled(self, storm: Storm) -> None:
        first, second = storm.order(), storm.order()
        batch = storm.approved()
        how = {"batch_id": batch.pk, "reason": "先核对", "actor": storm.wang, "now": storm.now}
        pause_batch(**how)
        storm.work()
        assert Refund.objects.count() == 0
        with pytest.raises(UnableToBatch):
            pause_batch(**how)
        resume_batch(**how)
        storm.work()
        assert Refund.objects.count() == 2
        cancel_batch(**how)
        assert storm.batch(batch).state == "cancelled"
        # What went out goes on.
        assert {storm.row(first).state, storm.row(second).state} == {"sent"}

    def test_cancelled_before_anything_went_out(self, storm: Storm) -> None:
        order = storm.order()
        batch = storm.approved()
        cancel_batch(batch_id=batch.pk, reason="不退了", actor=storm.zhao, now=storm.now)
        storm.work()
        assert storm.became(order) == ("skipped", "cancelled")
        assert Refund.objects.count() == 0


class TestDeclaring:
    @pytest.mark.parametrize(
        ("field", "facts"),
        [
            ("title", {"title": " "}),
            ("supplier", {"supplier": ""}),
            ("started_at", {"started_at": HOUR}),
            ("ended_at", {"ended_at": -HOUR * 3}),
            ("ended_at", {"ended_at": HOUR}),
            ("text_en", {"is_public": True, "text_en": ""}),
            ("text_zh", {"is_public": True, "text_zh": ""}),
            ("text_zh", {"text_zh": "长" * 501}),
            ("channel", {"channel": "paypal"}),
        ],
    )
    def test_what_is_wrong_is_named(self, storm: Storm, field: str, facts: dict) -> None:
        said = {
            name: storm.now + value if isinstance(value, timedelta) else value
            for name, value in facts.items()
        }
        whole = {
            "title": "x",
            "supplier": "y",
            "started_at": storm.now - HOUR,
            "text_zh": "中",
            "text_en": "en",
        }
        with pytest.raises(UnableToDeclare) as refusal:
            declare_outage(facts=OutageFacts(**{**whole, **said}), actor=storm.wang, now=storm.now)
        assert refusal.value.field == field

    def test_agents_declare_none(self, storm: Storm) -> None:
        agent = User.objects.get(pk=storm.desk.people["lin"].pk)
        facts = OutageFacts(title="x", supplier="y", started_at=storm.now)
        with pytest.raises(UnableToDeclare) as refusal:
            declare_outage(facts=facts, actor=agent, now=storm.now)
        assert refusal.value.code == "not_allowed"


def test_an_approval_that_the_batch_took_over_cannot_be_given_any_more(storm: Storm, lin) -> None:
    order = storm.order(price_fen=80000)
    ticket = storm.desk.open(order)
    refund(ticket_id=ticket.pk, amount_fen=None, reason="x", text="", actor=lin, now=storm.now)
    storm.approved()
    storm.work()
    with pytest.raises(UnableToApprove):
        approve(
            ticket_id=ticket.pk,
            decision=True,
            reason="ok",
            actor=acting(storm.zhao),
            now=storm.now,
        )
    assert [r.amount_fen for r in Refund.objects.filter(held=False, state="requested")] == [80000]
