"""The books: balanced, append-only, and always equal to the payments' counters."""

import random
import uuid
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from orders import ledger, ledger_guard
from orders.models import LedgerEntry, Order, Payment
from tests.orders.saga import Saga
from tests.stories import OPENING, make_order, make_payment

pytestmark = pytest.mark.django_db


def entries(**only) -> list[tuple[str, str, int]]:
    found = LedgerEntry.objects.filter(**only).order_by("pk")
    return [(entry.kind, entry.account, entry.amount_fen) for entry in found]


def test_reserve_settle_and_what_is_left(saga: Saga) -> None:
    refund = saga.plan(amount_fen=1000)
    saga.answer(refund, "succeeded", amount_fen=900)
    assert entries(refund=refund) == [
        ("reserve", "payments_received", -1000),
        ("reserve", "customer_refunds_reserved", 1000),
        ("settle", "customer_refunds_reserved", -1000),
        ("settle", "refunds_paid:sandbox", 900),
        ("settle", "payments_received", 100),
    ]


def test_reserve_and_release(saga: Saga) -> None:
    refund = saga.plan(amount_fen=1000)
    saga.answer(refund, "rejected")
    assert entries(refund=refund, kind="release") == [
        ("release", "customer_refunds_reserved", -1000),
        ("release", "payments_received", 1000),
    ]
    assert ledger.get_balance("customer_refunds_reserved") == 0


def test_counters_equal_the_ledger_whatever_happens(saga: Saga) -> None:
    """A hundred steps of chance on three payments, looked at after each."""
    chance = random.Random(20261124)
    order = saga.order(price_fen=30000, paid=[10000, 10000, 10000])
    live, words = [], ["succeeded", "rejected", "unknown", "accepted", "not_found"]
    for _step in range(100):
        left = sum(p.refundable_fen for p in order.payments.all())
        if left and (not live or chance.random() < 0.4):
            amount = min(chance.randrange(1, 3000), left)
            live += plan_some(saga, order, amount, held=chance.random() < 0.2)
        elif live:
            refund = saga.refund(chance.choice(live))
            if refund.state == "planned" or refund.next_attempt_at is None:
                saga.notify(refund, chance.choice(["succeeded", "rejected"]))
            else:
                fen = chance.choice([None, None, refund.amount_fen - 1, refund.amount_fen + 1])
                retry = chance.random() < 0.5
                saga.answer(refund, chance.choice(words), retryable=retry, amount_fen=fen)
        assert list(ledger.find_differences()) == []
    assert ledger.get_balance("refunds_paid:sandbox") > 0


def plan_some(saga: Saga, order: Order, amount_fen: int, *, held: bool) -> list:
    from orders.refunds import RefundOrder, plan_refunds

    intent = RefundOrder(origin=uuid.uuid4(), purpose="remedy", cycle=1, requested_by="system")
    return plan_refunds(
        order_id=order.pk, intent=intent, amount_fen=amount_fen, held=held, now=saga.now
    )


class TestNobodyRewritesIt:
    @pytest.fixture
    def entry(self, saga: Saga) -> LedgerEntry:
        return LedgerEntry.objects.filter(refund=saga.plan()).latest("pk")

    def test_no_update(self, entry: LedgerEntry) -> None:
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            LedgerEntry.objects.filter(pk=entry.pk).update(amount_fen=1)

    def test_no_delete(self, entry: LedgerEntry) -> None:
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            entry.delete()

    def test_a_check_finds_the_triggers_missing(self, entry: LedgerEntry) -> None:
        assert ledger_guard.check_triggers() == []
        with connection.cursor() as cursor:
            on_table = f" ON {ledger_guard.TABLE}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER {ledger_guard.TABLE}_no_update{on_table}")
        (error,) = ledger_guard.check_triggers()
        assert error.id == "orders.E020"
        ledger_guard.lay_triggers()
        assert ledger_guard.check_triggers() == []


class TestBalance:
    def test_the_program_refuses_a_journal_that_is_not_zero(self) -> None:
        order = make_order()
        with pytest.raises(ledger.UnbalancedJournal):
            ledger.post(LedgerEntry.Kind.RESERVE, {"a": 1, "b": 1}, order_id=order.pk, now=OPENING)
        assert not LedgerEntry.objects.exists()

    def one_line(self) -> LedgerEntry:
        return LedgerEntry(
            kind="reserve", account="a", amount_fen=7, order=make_order(), at=OPENING
        )

    def test_so_does_the_database(self) -> None:
        if connection.vendor != "postgresql":
            self.one_line().save()
            assert [d.ledger_fen for d in ledger.find_differences()] == [7]
            return
        line = self.one_line()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(DatabaseError, match="not balanced"), transaction.atomic():
            line.save()

    def test_no_empty_lines(self) -> None:
        line = self.one_line()
        line.amount_fen = 0
        with pytest.raises(DatabaseError), transaction.atomic():
            line.save()


class TestVerifyLedger:
    def run(self) -> tuple[int, str]:
        out = StringIO()
        try:
            call_command("verify_ledger", stdout=out)
        except SystemExit as ended:
            return int(ended.code or 0), out.getvalue()
        return 0, out.getvalue()

    def test_all_is_well(self, saga: Saga) -> None:
        saga.answer(saga.plan(), "succeeded")
        code, text = self.run()
        assert code == 0
        assert "balanced" in text

    def test_a_counter_that_was_changed_by_hand(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "succeeded")
        Payment.objects.filter(pk=refund.payment_id).update(refunded_fen=1)
        code, text = self.run()
        assert code == 1
        assert f"payment {refund.payment_id} refunded_fen: 1 fen in the row, 9800" in text


def test_the_opening_balance_takes_over_what_was_there(saga: Saga) -> None:
    """As the migration finds it: counters from before the ledger."""
    from importlib import import_module

    from django.apps import apps

    old = make_payment(saga.order(), 5000)
    Payment.objects.filter(pk=old.pk).update(refunded_fen=2000, reserved_fen=1000)
    assert len(list(ledger.find_differences())) == 2
    import_module("orders.migrations.0003_opening_balances").open_balances(apps, None)
    assert list(ledger.find_differences()) == []
