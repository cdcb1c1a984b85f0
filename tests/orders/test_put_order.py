"""A shop tells the desk of Li Lei's order, and tells it again as things happen."""

import threading
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from orders.intake import UnableToPutOrder, put_order
from orders.models import Order, OrderEvent, Payment, Refund, TopUp
from tests.orders.conftest import NOW, facts_of, order_body, put, the_order

pytestmark = pytest.mark.usefixtures("at_the_time")


def stored_state() -> list[Any]:
    tables = (Order, Payment, OrderEvent)
    return [list(table.objects.order_by("pk").values()) for table in tables]


def payment(**changes: Any) -> dict[str, Any]:
    return order_body()["payments"][0] | changes


def give_back(paid: Payment, *, refunded_fen: int = 0, reserved_fen: int = 0) -> None:
    Payment.objects.filter(pk=paid.pk).update(refunded_fen=refunded_fen, reserved_fen=reserved_fen)
    Refund.objects.create(
        refund_no="RF1", payment=paid, origin=uuid.uuid4(), purpose="remedy",
        amount_fen=refunded_fen + reserved_fen, state="requested", requested_by="system",
        planned_at=NOW,
    )  # fmt: skip


def test_a_new_order_is_stored_with_its_source_and_the_time_of_its_facts(shop: APIClient):
    answer = put(shop, order_body())
    assert answer.status_code == 201
    order = the_order()
    assert (order.source, order.status, order.price_fen) == ("shop_api", "recharging", 9950)
    assert order.facts_as_of == datetime.fromisoformat("2026-11-24T10:00:00+08:00")
    assert order.arrival_within == timedelta(hours=1)
    paid = order.payments.get()
    assert paid.paid_at == datetime.fromisoformat("2026-11-24T09:30:00+08:00")
    body = answer.json()
    assert body["product"] == order_body()["product"]
    assert body["target_account"] == "13800001234"
    assert body["facts_as_of"] == "2026-11-24T10:00:00+08:00"
    assert body["payments"][0]["refunded_fen"] == 0


def test_the_same_body_twice_changes_nothing(
    shop: APIClient, at_the_time: Callable[[datetime], None]
):
    first = put(shop, order_body())
    before = stored_state()
    at_the_time(NOW + timedelta(minutes=5))
    second = put(shop, order_body())
    assert (first.status_code, second.status_code) == (201, 200)
    assert stored_state() == before
    assert second.json() == first.json()


def test_a_change_is_an_event_that_others_can_act_on(shop: APIClient):
    put(shop, order_body())
    later = "2026-11-24T10:20:00+08:00"
    assert put(shop, order_body(status="failed", facts_as_of=later)).status_code == 200
    event = the_order().events.get(consumed_at__isnull=True)
    assert event.kind == "facts_changed"
    assert event.data == {"changed": ["status"], "status": "failed", "status_was": "recharging"}


def test_newer_facts_without_a_change_renew_their_age_and_make_no_event(shop: APIClient):
    put(shop, order_body())
    put(shop, order_body(facts_as_of="2026-11-24T10:25:00+08:00"))
    order = the_order()
    assert order.facts_as_of == datetime.fromisoformat("2026-11-24T10:25:00+08:00")
    assert not order.events.filter(consumed_at__isnull=True).exists()


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("delivered", "recharging"),
        ("delivered", "paid"),
        ("recharging", "paid"),
        ("paid", "awaiting_payment"),
        ("failed", "paid"),
        ("unknown", "paid"),
    ],
)
def test_a_status_does_not_move_backwards(shop: APIClient, was: str, becomes: str):
    put(shop, order_body(status=was))
    answer = put(shop, order_body(status=becomes, facts_as_of="2026-11-24T10:20:00+08:00"))
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "status_moves_backwards"
    assert answer.json()["errors"][0]["field"] == "status"
    assert the_order().status == was


@pytest.mark.parametrize(
    ("was", "becomes"),
    [("delivered", "failed"), ("failed", "delivered"), ("failed", "recharging")],
)
def test_a_reversal_a_late_arrival_and_a_second_try_of_the_shop_are_facts(
    shop: APIClient, was: str, becomes: str
):
    put(shop, order_body(status=was))
    answer = put(shop, order_body(status=becomes, facts_as_of="2026-11-24T10:20:00+08:00"))
    assert answer.status_code == 200
    assert the_order().status == becomes


def test_facts_older_than_the_stored_ones_are_refused_unless_they_say_the_same(shop: APIClient):
    put(shop, order_body(status="failed"))
    older = "2026-11-24T09:50:00+08:00"
    assert put(shop, order_body(status="failed", facts_as_of=older)).status_code == 200
    answer = put(shop, order_body(price_fen=1, status="failed", facts_as_of=older))
    assert answer.status_code == 409
    assert answer.json()["errors"][0] | {"detail": ""} == {
        "field": "facts_as_of", "code": "stale_facts", "detail": "",
    }  # fmt: skip
    assert the_order().facts_as_of == datetime.fromisoformat("2026-11-24T10:00:00+08:00")


def test_a_payment_cannot_become_less_than_what_went_back(shop: APIClient):
    put(shop, order_body())
    give_back(the_order().payments.get(), refunded_fen=2000, reserved_fen=3000)
    less = order_body(payments=[payment(amount_fen=4999)])
    answer = put(shop, less)
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "amount_below_refunded"
    assert put(shop, order_body(payments=[payment(amount_fen=5000)])).status_code == 200
    assert the_order().payments.get().amount_fen == 5000


def test_a_payment_that_was_refunded_cannot_be_left_out(shop: APIClient):
    put(shop, order_body())
    give_back(the_order().payments.get(), reserved_fen=100)
    answer = put(shop, order_body(payments=[]))
    assert (answer.status_code, answer.json()["code"]) == (409, "payment_has_refunds")
    assert the_order().payments.count() == 1


def test_a_payment_left_out_before_any_refund_goes_and_another_takes_its_place(shop: APIClient):
    put(shop, order_body())
    put(shop, order_body(payments=[payment(channel_trade_no="2026112422001400000000000009")]))
    assert the_order().payments.get().channel_trade_no.endswith("9")


def test_a_paid_payment_does_not_become_unpaid(shop: APIClient):
    put(shop, order_body())
    answer = put(shop, order_body(payments=[payment(status="pending")]))
    assert (answer.status_code, answer.json()["code"]) == (409, "status_moves_backwards")


def test_a_trade_number_of_another_order_is_refused(shop: APIClient):
    put(shop, order_body())
    answer = put(shop, order_body(), order_no="LT202611240930002")
    assert (answer.status_code, answer.json()["code"]) == (409, "trade_number_taken")
    assert not Order.objects.filter(order_no="LT202611240930002").exists()


def test_the_channels_number_is_learnt_later_and_never_forgotten(shop: APIClient):
    merchant = {
        "channel": "wechatpay", "merchant_trade_no": "M1", "amount_fen": 9950,
        "paid_at": "2026-11-24T09:30:00+08:00", "status": "paid",
    }  # fmt: skip
    put(shop, order_body(payments=[merchant]))
    put(shop, order_body(payments=[merchant | {"channel_trade_no": "4200001"}]))
    put(shop, order_body(payments=[merchant]))
    paid = the_order().payments.get()
    assert (paid.merchant_trade_no, paid.channel_trade_no) == ("M1", "4200001")


def test_a_repeated_old_word_does_not_undo_what_the_desk_delivered_since(shop: APIClient):
    failed = order_body(status="failed")
    put(shop, failed)
    order = the_order()
    TopUp.objects.create(
        order=order, top_up_no="TU1", attempt=1, supplier="sandbox", face_value_fen=10000,
        state="succeeded", created_at=NOW, settled_at=NOW,
    )  # fmt: skip
    Order.objects.filter(pk=order.pk).update(status="delivered")
    assert put(shop, failed).status_code == 200
    assert the_order().status == "delivered"


def test_a_card_code_needs_no_account(shop: APIClient):
    body = order_body()
    del body["target_account"]
    assert put(shop, body).status_code == 201
    assert the_order().is_card_code


def test_personal_data_is_masked_for_a_key_that_may_not_write_orders(
    shop: APIClient, caller: Callable[..., APIClient]
):
    put(shop, order_body())
    clerk = caller("orders.view_order", name="clerk")
    body = clerk.get("/api/v1/orders/LT202611240930001").json()
    assert body["target_account"] == "138****1234"
    assert body["customer"] == {"name": "李*", "phone": "139****5678", "email": "l****@example.com"}


@pytest.mark.django_db(transaction=True)
def test_two_shops_threads_put_the_same_new_order_at_once_and_one_order_is_there():
    def put_it() -> None:
        try:
            put_order(order_no="LT1", facts=facts, source="shop_api", now=NOW)
        except Exception as error:  # the assertion below shows it
            failures.append(error)
        finally:
            connection.close()

    facts, failures = facts_of(order_body()), []
    threads = [threading.Thread(target=put_it) for _number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (Order.objects.count(), Payment.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_two_orders_race_for_one_trade_number_and_the_loser_is_told():
    def put_it(order_no: str) -> None:
        barrier.wait()
        try:
            put_order(order_no=order_no, facts=facts, source="shop_api", now=NOW)
        except UnableToPutOrder as refused:
            refusals.append(refused.code)
        finally:
            connection.close()

    facts, refusals, barrier = facts_of(order_body()), [], threading.Barrier(4)
    threads = [threading.Thread(target=put_it, args=(f"LT{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refusals == ["trade_number_taken"] * 3
    assert Order.objects.count() == 1
