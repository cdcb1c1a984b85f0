"""What one refund has reserved, no other one may promise: Chen Wei's 98.00 are given back once."""

import pytest

from orders.entitlement import get_standing
from orders.refunds import UnableToRefund
from tests.orders.saga import Saga


def test_what_is_reserved_is_neither_owed_nor_to_be_had(saga: Saga) -> None:
    order = saga.order()
    saga.plan(order, 5000)

    standing = get_standing(order)
    assert (standing.owed_fen, standing.refundable_fen, standing.reserved_fen) == (4800, 4800, 5000)
    with pytest.raises(UnableToRefund, match=r"¥48\.00") as refused:
        saga.plan(order, 4801)
    assert refused.value.code == "more_than_refundable"


def test_all_that_is_owed_is_what_nobody_else_has_reserved(saga: Saga) -> None:
    order = saga.order()
    first = saga.plan(order, 5000)
    second = saga.plan(order)
    assert second.amount_fen == 4800
    assert saga.money(first) == (0, 9800)
    with pytest.raises(UnableToRefund) as refused:
        saga.plan(order)
    assert refused.value.code == "nothing_to_refund"


def test_refused_for_good_it_is_to_be_had_again(saga: Saga) -> None:
    order = saga.order()
    first = saga.plan(order)
    saga.answer(first, "rejected", code="TRADE_FROZEN")
    assert get_standing(order).owed_fen == 9800
    assert saga.plan(order).amount_fen == 9800
