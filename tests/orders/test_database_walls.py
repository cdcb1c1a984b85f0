"""What the database refuses about money, whatever a program, a shell or a tired person tries.

Everything here is raw SQL: no model, no form, no rule of ours stands before the wall.
"""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, connection, transaction

from orders.alarms import raise_alarm
from orders.by_hand import settle_by_hand
from orders.limits import Limit, claim_limits
from orders.models import HandSettlement, LedgerEntry, LimitCounter, MoneyAlarm, Payment, Refund
from tests.orders.saga import Saga
from tests.stories import HOUR, OPENING

pytestmark = pytest.mark.django_db

PAID_FEN = 9800


def sql(statement: str, *params: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, params)


def copy_row(row: Any, **changes: Any) -> None:
    """The same row once more, some columns changed, as INSERT ... SELECT."""
    table = row._meta.db_table
    columns = [field.column for field in row._meta.concrete_fields if field.column != "id"]
    chosen = [f"%({name})s" if name in changes else name for name in columns]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) "
            f"SELECT {', '.join(chosen)} FROM {table} WHERE id = %(id)s",
            {**changes, "id": row.pk},
        )


def refused(name: str) -> Any:
    """The wall of this name, or on SQLite, which names the columns of a unique index, any."""
    return pytest.raises(IntegrityError, match=name if connection.vendor == "postgresql" else None)


@pytest.fixture
def payment(saga: Saga) -> Payment:
    return saga.order(price_fen=PAID_FEN).payments.get()


class TestNeverMoreThanWasPaid:
    def set_to(self, payment: Payment, refunded_fen: int, reserved_fen: int) -> None:
        sql(
            "UPDATE orders_payment SET refunded_fen = %s, reserved_fen = %s WHERE id = %s",
            *(refunded_fen, reserved_fen, payment.pk),
        )

    @pytest.mark.parametrize(("refunded", "reserved"), [(9800, 0), (0, 9800), (4900, 4900)])
    def test_all_of_it(self, payment: Payment, refunded: int, reserved: int) -> None:
        self.set_to(payment, refunded, reserved)

    @pytest.mark.parametrize(("refunded", "reserved"), [(9801, 0), (0, 9801), (4900, 4901)])
    def test_one_fen_more(self, payment: Payment, refunded: int, reserved: int) -> None:
        with refused("payment_never_refunds_more_than_paid"):
            self.set_to(payment, refunded, reserved)

    @pytest.mark.parametrize(("refunded", "reserved"), [(-1, 0), (0, -1)])
    def test_less_than_nothing(self, payment: Payment, refunded: int, reserved: int) -> None:
        with refused("(refunded|reserved)_fen"):
            self.set_to(payment, refunded, reserved)

    def test_the_payment_cannot_shrink_below_it(self, saga: Saga) -> None:
        refund = saga.plan()
        with refused("payment_never_refunds_more_than_paid"):
            sql("UPDATE orders_payment SET amount_fen = 9799 WHERE id = %s", refund.payment_id)


class TestOneRefundPerIntent:
    @pytest.mark.parametrize("state", [str(state) for state in Refund.HOLDING_STATES])
    def test_a_second_live_one(self, saga: Saga, state: str) -> None:
        with refused("refund_one_live_per_intent"):
            copy_row(saga.plan(), generation=2, refund_no="RF2", state=state)

    @pytest.mark.parametrize("state", ["succeeded", "rejected"])
    def test_one_that_is_over_is_not_in_its_way(self, saga: Saga, state: str) -> None:
        copy_row(saga.plan(), generation=2, refund_no="RF2", state=state)

    def test_another_intent_is_not_in_its_way(self, saga: Saga) -> None:
        copy_row(saga.plan(), cycle=2, refund_no="RF2")

    def test_the_same_generation_twice(self, saga: Saga) -> None:
        with refused("refund_intent_once"):
            copy_row(saga.plan(), refund_no="RF2", state="rejected")

    def test_the_same_number_twice(self, saga: Saga) -> None:
        origin = uuid.uuid4()
        if connection.vendor == "sqlite":
            written: object = origin.hex
        else:
            written = origin
        with refused("refund_no"):
            copy_row(saga.plan(), origin=written)

    @pytest.mark.parametrize("amount_fen", [0, -1])
    def test_of_nothing(self, saga: Saga, amount_fen: int) -> None:
        with refused("amount"):
            sql(
                "UPDATE orders_refund SET amount_fen = %s WHERE id = %s", amount_fen, saga.plan().pk
            )

    def test_two_that_replace_the_same(self, saga: Saga) -> None:
        first, second, third = saga.plan(), saga.plan(), saga.plan()
        sql("UPDATE orders_refund SET replaces_id = %s WHERE id = %s", first.pk, second.pk)
        with refused("replaces"):
            sql("UPDATE orders_refund SET replaces_id = %s WHERE id = %s", first.pk, third.pk)


class TestOneTradeNumber:
    @pytest.fixture
    def other(self, saga: Saga) -> Payment:
        return saga.order().payments.get()

    def copy(self, payment: Payment, **changes: Any) -> None:
        fresh = uuid.uuid4()
        written: object = fresh.hex if connection.vendor == "sqlite" else fresh
        copy_row(payment, uuid=written, **changes)

    def test_across_orders(self, payment: Payment, other: Payment) -> None:
        with refused("payment_channel_trade_no_once"):
            self.copy(payment, order_id=other.order_id)

    def test_across_orders_by_the_merchants_number(self, payment: Payment, other: Payment) -> None:
        sql("UPDATE orders_payment SET merchant_trade_no = 'M1' WHERE id = %s", payment.pk)
        with refused("payment_merchant_trade_no_once"):
            self.copy(payment, order_id=other.order_id, channel_trade_no="T2")

    def test_of_another_channel_it_is_another(self, payment: Payment, other: Payment) -> None:
        self.copy(payment, order_id=other.order_id, channel="alipay")

    def test_many_know_only_one_of_the_two(self, payment: Payment, other: Payment) -> None:
        assert payment.merchant_trade_no == other.merchant_trade_no == ""

    def test_none_at_all(self, payment: Payment) -> None:
        with refused("payment_has_a_trade_number"):
            sql("UPDATE orders_payment SET channel_trade_no = '' WHERE id = %s", payment.pk)


FEN_COLUMNS = [
    ("orders_payment", "amount_fen"),
    ("orders_payment", "refunded_fen"),
    ("orders_payment", "reserved_fen"),
    ("orders_refund", "amount_fen"),
    ("orders_refund", "paid_fen"),
    ("orders_ledgerentry", "amount_fen"),
]


class TestWholeFen:
    """PostgreSQL's column takes nothing else; SQLite's would, and is kept from it by a check."""

    def row(self, saga: Saga, table: str) -> Any:
        refund = saga.plan(amount_fen=9000)
        if table == "orders_payment":
            return Payment.objects.get(pk=refund.payment_id)
        return refund if table == "orders_refund" else LedgerEntry.objects.latest("pk")

    def put(self, table: str, column: str, row: Any, literal: str) -> None:
        if table == "orders_ledgerentry":
            columns = [f.column for f in row._meta.concrete_fields if f.column != "id"]
            chosen = [literal if name == column else name for name in columns]
            source = f"SELECT {', '.join(chosen)} FROM {table} WHERE id = {row.pk}"
            sql(f"INSERT INTO {table} ({', '.join(columns)}) {source}")
        else:
            sql(f"UPDATE {table} SET {column} = {literal} WHERE id = {row.pk}")

    @pytest.mark.parametrize(("table", "column"), FEN_COLUMNS)
    def test_no_half_fen(self, saga: Saga, table: str, column: str) -> None:
        row = self.row(saga, table)
        if connection.vendor == "sqlite":
            with pytest.raises(IntegrityError, match="whole_fen"):
                self.put(table, column, row, "0.5" if column == "refunded_fen" else "9000.5")
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT data_type FROM information_schema.columns "
                "WHERE table_name = %s AND column_name = %s",
                [table, column],
            )
            assert cursor.fetchone() == ("bigint",)

    @pytest.mark.parametrize(("table", "column"), FEN_COLUMNS)
    def test_no_words(self, saga: Saga, table: str, column: str) -> None:
        row = self.row(saga, table)
        with pytest.raises(DatabaseError):
            self.put(table, column, row, "'12a'")


class TestTheLedger:
    def test_no_line_is_changed_or_taken_away(self, saga: Saga) -> None:
        saga.plan()
        for statement in (
            "UPDATE orders_ledgerentry SET amount_fen = 1",
            "UPDATE orders_ledgerentry SET account = 'x'",
            "DELETE FROM orders_ledgerentry",
        ):
            with pytest.raises(DatabaseError, match="append-only"):
                sql(statement)


def test_a_limit_has_one_row_to_be_locked() -> None:
    with transaction.atomic():
        limit = Limit(name="shop", key="shop:auto", window=HOUR, max_fen=1000)
        claim_limits(limits=[limit], amount_fen=500, now=OPENING)
    with refused("limitcounter"):
        copy_row(LimitCounter.objects.get())


def test_the_same_alarm_is_open_once(saga: Saga) -> None:
    raise_alarm(MoneyAlarm.Kind.PAID_TWICE, saga.plan(), amount_fen=1, is_booked=False, now=OPENING)
    with refused("alarm_open_once"):
        copy_row(MoneyAlarm.objects.get())


class TestSettledByHand:
    @pytest.fixture
    def proposal(self, saga: Saga, admin: User) -> HandSettlement:
        refund = saga.plan()
        saga.answer(refund, "unknown", code="NOT_CONFIGURED")
        return settle_by_hand(
            refund_id=refund.pk, paid=True, proof="bank 7", actor=admin, now=saga.now
        )

    def test_one_proposal_at_a_time(self, proposal: HandSettlement) -> None:
        with refused("hand_settlement_one_open"):
            copy_row(proposal)

    def test_four_eyes(self, proposal: HandSettlement) -> None:
        with refused("hand_settlement_four_eyes"):
            sql("UPDATE orders_handsettlement SET decided_by = proposed_by")
