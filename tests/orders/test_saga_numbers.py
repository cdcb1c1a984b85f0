"""One intent has one number, until its channel closes that number for good."""

import uuid
from typing import Any
from uuid import UUID

import pytest

from orders.answers import MOST_GENERATIONS
from orders.models import LedgerEntry, Refund, refund_number
from tests.orders.saga import Saga
from tests.stories import MINUTE

pytestmark = pytest.mark.django_db


def close(saga: Saga, refund: Refund) -> Refund:
    saga.answer(refund, "rejected", code="CLOSED", needs_new_number=True)
    return Refund.objects.get(replaces=refund)


def test_closed_by_the_channel_it_goes_on_under_a_linked_number(saga: Saga, manners) -> None:
    manners(refund_spacing=MINUTE)
    old = saga.plan()
    saga.answer(old, "accepted")

    new = close(saga, old)

    assert saga.refund(old).state == "rejected"
    assert (new.generation, new.state, new.amount_fen) == (2, "requested", old.amount_fen)
    assert new.refund_no != old.refund_no
    assert saga.due_in(new) == 60
    assert saga.money(new) == (0, 9800)
    kinds = LedgerEntry.objects.order_by("pk").values_list("kind", flat=True)
    assert list(dict.fromkeys(kinds)) == ["reserve", "release"]
    assert len(kinds) == 6
    saga.answer(new, "succeeded")
    assert saga.money(new) == (9800, 0)


def test_people_hear_of_it_and_the_dispute_goes_on(saga: Saga) -> None:
    old = saga.plan()
    new = close(saga, old)
    assert "refund_rejected" not in saga.told(old)
    assert saga.told(new) == ["refund_planned", "refund_delayed"]


def test_after_some_numbers_people_find_another_way(saga: Saga) -> None:
    refund = saga.plan()
    for _generation in range(MOST_GENERATIONS - 1):
        refund = close(saga, refund)
    saga.answer(refund, "rejected", code="CLOSED", needs_new_number=True)
    assert not Refund.objects.filter(replaces=refund).exists()
    assert saga.money(refund) == (0, 0)
    assert saga.told(refund)[-1] == "refund_rejected"


def test_asked_for_again_a_closed_number_is_not_used_again(saga: Saga) -> None:
    order, origin = saga.order(), uuid.uuid4()
    refund = saga.plan(order, origin=origin)
    for _generation in range(MOST_GENERATIONS - 1):
        refund = close(saga, refund)
    saga.answer(refund, "rejected", code="CLOSED", needs_new_number=True)

    again = saga.plan(order, origin=origin)

    assert again.generation == MOST_GENERATIONS + 1


def test_asked_for_again_a_rejected_one_keeps_its_number(saga: Saga) -> None:
    order, origin = saga.order(), uuid.uuid4()
    first = saga.plan(order, origin=origin)
    saga.answer(first, "rejected", code="TRADE_FROZEN")

    again = saga.plan(order, origin=origin)

    assert (again.pk, again.refund_no, again.generation) == (first.pk, first.refund_no, 1)
    assert (again.attempts, again.last_sent_at) == (0, None)
    assert saga.money(again) == (0, 9800)


def test_an_answer_to_the_first_try_does_not_settle_the_second(saga: Saga) -> None:
    order, origin = saga.order(), uuid.uuid4()
    refund = saga.plan(order, origin=origin)
    slow = saga.claim(refund)
    saga.now += 2 * MINUTE
    saga.answer(refund, "rejected", code="TRADE_FROZEN")
    saga.plan(order, origin=origin)
    saga.claim(refund)
    assert slow is not None

    from orders.settlement import settle_refund
    from tests.orders.saga import said

    settle_refund(claim=slow, answer=said("rejected", code="TRADE_FROZEN"), now=saga.now)

    assert saga.refund(refund).state == "requested"
    assert saga.money(refund) == (0, 9800)


def test_a_number_is_computed_from_what_it_is_for_and_never_changes() -> None:
    """After a restored backup the same intent has to get the same number: so this one is written
    down, and whoever changes how it is computed pays refunds twice."""
    identity: dict[str, Any] = {
        "origin": UUID(int=1),
        "purpose": "remedy",
        "cycle": 1,
        "payment_uuid": str(UUID(int=2)),
        "generation": 1,
    }
    assert refund_number(**identity) == "RFc369b108aff85f17ba63ff7b826bee10"
    for change in ({"cycle": 2}, {"generation": 2}, {"purpose": "outage"}, {"origin": UUID(int=3)}):
        assert refund_number(**(identity | change)) != refund_number(**identity)
