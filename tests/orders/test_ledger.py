"""The books: balanced, append-only, and always equal to the payments' counters."""

import random
import uuid
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import translation

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

    def test_no_empty_lines(self) -> None:
        line = self.one_line()
        line.amount_fen = 0
        with pytest.raises(DatabaseError), transaction.atomic():
            line.save()


@pytest.mark.django_db(transaction=True)
class TestTheDatabaseAddsUp:
    """By hand and by raw SQL, past everything that the program would check."""

    def insert(self, *lines: tuple[uuid.UUID, int]) -> None:
        order_id = make_order().pk
        row = "(%s, 'reserve', 'a', %s, %s, %s)"
        values = [
            value
            for journal, fen in lines
            for value in (
                journal if connection.vendor == "postgresql" else journal.hex,
                *(fen, order_id, OPENING),
            )
        ]
        columns = "journal, kind, account, amount_fen, order_id, at"
        with connection.cursor() as cursor:
            rows = ", ".join([row] * len(lines))
            cursor.execute(f"INSERT INTO {ledger_guard.TABLE} ({columns}) VALUES {rows}", values)

    def refuses(self, *lines: tuple[uuid.UUID, int]) -> bool:
        before = LedgerEntry.objects.count()
        with pytest.raises(DatabaseError, match=r"not balanced|FOREIGN KEY"), transaction.atomic():
            self.insert(*lines)
        return LedgerEntry.objects.count() == before

    def test_a_journal_that_is_not_zero_is_not_committed(self) -> None:
        one = uuid.uuid4()
        assert self.refuses((one, 7))
        assert self.refuses((one, 7), (one, -6))
        self.insert((one, 7), (one, -7))
        assert LedgerEntry.objects.count() == 2

    def test_a_single_statement_is_a_transaction(self) -> None:
        with pytest.raises(DatabaseError):
            self.insert((uuid.uuid4(), 7))
        assert not LedgerEntry.objects.exists()

    def test_two_journals_do_not_make_up_for_each_other(self) -> None:
        assert self.refuses((uuid.uuid4(), 7), (uuid.uuid4(), -7))

    def test_nothing_is_added_to_a_journal_that_was_zero(self) -> None:
        one = uuid.uuid4()
        self.insert((one, 7), (one, -7))
        assert self.refuses((one, 1))
        self.insert((one, 1), (one, -1))
        assert list(ledger.find_differences()) == []

    def test_lines_may_come_one_by_one_until_the_commit(self) -> None:
        one = uuid.uuid4()
        with transaction.atomic():
            for fen in (5, 2, -4, -3):
                self.insert((one, fen))
        assert LedgerEntry.objects.count() == 4

    def test_what_is_rolled_back_leaves_no_trace(self) -> None:
        one = uuid.uuid4()
        with transaction.atomic():
            outer = transaction.savepoint()
            self.insert((one, 7))
            transaction.savepoint_rollback(outer)
            self.insert((one, 3), (one, -3))
        assert LedgerEntry.objects.count() == 2

    def test_replacing_a_line_is_refused_as_well(self) -> None:
        """Where a database knows how to replace a row in an INSERT."""
        one = uuid.uuid4()
        self.insert((one, 7), (one, -7))
        if connection.vendor == "postgresql":
            replace = "INSERT INTO {0} SELECT * FROM {0} ON CONFLICT (id) DO UPDATE SET kind = 'x'"
        else:
            replace = "INSERT OR REPLACE INTO {0} SELECT * FROM {0}"
        with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
            cursor.execute(replace.format(ledger_guard.TABLE))

    def test_a_check_finds_the_balance_unguarded(self) -> None:
        on_table = f" ON {ledger_guard.TABLE}" if connection.vendor == "postgresql" else ""
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER {ledger_guard.BALANCE_TRIGGER}{on_table}")
        (error,) = ledger_guard.check_triggers()
        assert error.id == "orders.E020"
        ledger_guard.lay_triggers()
        assert ledger_guard.check_triggers() == []


class TestVerifyLedger:
    def run(self) -> tuple[int, str]:
        out = StringIO()
        try:
            with translation.override("en"):
                call_command("verify_ledger", stdout=out)
        except SystemExit as ended:
            return int(ended.code or 0), out.getvalue()
        return 0, out.getvalue()

    def test_all_is_well(self, saga: Saga) -> None:
        saga.answer(saga.plan(), "succeeded")
        code, text = self.run()
        assert code == 0
        assert "balanced" in text

    def test_it_shows_every_account_with_what_went_in_and_out(self, saga: Saga) -> None:
        saga.answer(saga.plan(amount_fen=1000), "succeeded", amount_fen=900)
        saga.plan(amount_fen=123456, order=saga.order(price_fen=200000))
        _code, text = self.run()
        rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
        shown = {row[0].split()[-1]: row[1:] for row in rows if len(row) == 5}
        assert shown["payments_received"] == ["3", "¥1.00", "¥1,244.56", "-¥1,243.56"]
        assert shown["customer_refunds_reserved"] == ["3", "¥1,244.56", "¥10.00", "¥1,234.56"]
        assert shown["refunds_paid:sandbox"] == ["1", "¥9.00", "¥0.00", "¥9.00"]
        assert shown["Sum"] == ["7", "¥1,254.56", "¥1,254.56", "¥0.00"]

    def test_a_counter_that_was_changed_by_hand(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "succeeded")
        Payment.objects.filter(pk=refund.payment_id).update(refunded_fen=1)
        code, text = self.run()
        assert code == 1
        assert f"payment {refund.payment_id} refunded_fen: 1 fen in the row, 9800" in text
        assert "NOT right" in text


def test_the_opening_balance_takes_over_what_was_there(saga: Saga) -> None:
    """As the migration finds it: counters from before the ledger."""
    from importlib import import_module

    from django.apps import apps

    old = make_payment(saga.order(), 5000)
    Payment.objects.filter(pk=old.pk).update(refunded_fen=2000, reserved_fen=1000)
    assert len(list(ledger.find_differences())) == 2
    import_module("orders.migrations.0003_opening_balances").open_balances(apps, None)
    assert list(ledger.find_differences()) == []
