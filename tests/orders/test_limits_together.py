"""Limits hold when many claim at once: fifty workers, room for some, exactly those get it."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from orders.limits import Limit, LimitExceeded, claim_limits
from orders.models import LimitCounter, Payment, Refund
from orders.refunds import UnableToRefund
from tests.orders.saga import Saga
from tests.stories import OPENING

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
TOGETHER = 50


def all_at_once(act: Callable[[int], Any]) -> list[Any]:
    """Every worker with a connection of its own, let go at the same instant."""
    results: list[Any] = [None] * TOGETHER
    gate = threading.Barrier(TOGETHER)

    def worker(index: int) -> None:
        try:
            gate.wait(30)
            results[index] = act(index)
        except (LimitExceeded, UnableToRefund) as refusal:
            results[index] = refusal
        finally:
            connection.close()

    workers = [threading.Thread(target=worker, args=(index,)) for index in range(TOGETHER)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    return results


def test_a_budget_in_fen_and_one_in_refunds() -> None:
    limits = [
        Limit(name="shop", key="shop:auto", window=HOUR, max_fen=10_000),
        Limit(name="party", key="buyer:x", window=HOUR, max_count=17),
    ]

    def claim(index: int) -> str:
        mine = limits if index % 2 else limits[::-1]
        with transaction.atomic():
            claim_limits(limits=mine, amount_fen=500, now=OPENING)
        return "granted"

    results = all_at_once(claim)

    assert results.count("granted") == 17
    for counter in LimitCounter.objects.all():
        (bucket,) = counter.buckets.values()
        assert bucket == [17, 17 * 500]


def test_a_refund_that_finds_no_room_reserves_nothing() -> None:
    saga = Saga()
    orders = [saga.order(price_fen=1000) for _index in range(TOGETHER)]
    limit = Limit(name="shop", key="shop:auto", window=HOUR, max_fen=20_000)

    results = all_at_once(lambda index: saga.plan(orders[index], limits=[limit]))

    assert sum(isinstance(result, Refund) for result in results) == 20
    assert Refund.objects.count() == 20
    assert sum(Payment.objects.values_list("reserved_fen", flat=True)) == 20_000


def test_one_payment_is_never_reserved_beyond_what_was_paid() -> None:
    saga = Saga()
    order = saga.order(price_fen=10_000)

    results = all_at_once(lambda index: saga.plan(order, 300))

    assert sum(isinstance(result, Refund) for result in results) == 33
    assert Payment.objects.get(order=order).reserved_fen == 9_900
