"""Money that goes back calls off what was still to be delivered."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from orders.deliveries import claim_top_up, execute_top_up
from orders.models import Order, Refund, TopUp
from orders.refunds import release_refunds
from orders.topups import redeliver
from tests.orders.saga import Saga
from tests.simulator_fixture import Simulator
from tests.stories import MINUTE, Desk, make_top_up, told
from tickets.models import Ticket
from tickets.remedies import redeliver as redeliver_for
from tickets.remedies import refund as give_back

pytestmark = pytest.mark.django_db

CALLED_OFF = ["supplier.cancel", "supplier.query"]


@pytest.fixture
def order(saga: Saga, simulator: Simulator) -> Order:
    return saga.order(status="failed", supplier="sandbox")


def carry_on(saga: Saga, top_up: TopUp) -> TopUp:
    """The worker that takes the attempt up as soon as it is due."""
    top_up.refresh_from_db()
    assert top_up.next_attempt_at is not None
    saga.now = max(saga.now, top_up.next_attempt_at)
    execute_top_up(top_up_id=top_up.pk, clock=lambda: saga.now)
    top_up.refresh_from_db()
    return top_up


def sent(saga: Saga, order: Order, simulator: Simulator, **how: bool) -> TopUp:
    """An attempt that the supplier works on."""
    simulator.outcome("pending", **how)
    top_up = carry_on(saga, redeliver(order=order, now=saga.now))
    assert top_up.state == "pending"
    return top_up


def asked(simulator: Simulator, top_up: TopUp) -> list[str]:
    """What the desk asked the supplier; its news of itself may come in between."""
    targets = [target for target, _outcome in simulator.calls(top_up.top_up_no)]
    return [target for target in targets if target != "supplier.notify"]


def test_one_that_was_never_sent_is_not_sent(
    saga: Saga, order: Order, simulator: Simulator
) -> None:
    top_up = redeliver(order=order, now=saga.now)
    refund = saga.plan(order)
    carry_on(saga, top_up)
    assert (top_up.state, top_up.next_attempt_at) == ("failed", None)
    assert asked(simulator, top_up) == []
    assert not saga.refund(refund).at_risk


def test_one_that_the_supplier_has_is_cancelled_at_once(
    saga: Saga, order: Order, simulator: Simulator
) -> None:
    top_up = sent(saga, order, simulator)
    refund = saga.plan(order)
    assert saga.refund(refund).at_risk
    top_up.refresh_from_db()
    assert top_up.next_attempt_at == saga.now
    carry_on(saga, top_up)
    assert asked(simulator, top_up)[-2:] == CALLED_OFF
    assert top_up.state == "failed"
    assert not saga.refund(refund).at_risk, "the supplier has confirmed it"
    assert simulator.effects(top_up.top_up_no) == []


def test_one_that_cannot_be_cancelled_does_not_stop_the_refund(
    saga: Saga, order: Order, simulator: Simulator
) -> None:
    top_up = sent(saga, order, simulator, cancellable=False)
    refund = saga.plan(order)
    carry_on(saga, top_up)
    assert asked(simulator, top_up)[-2:] == CALLED_OFF
    assert top_up.state == "pending"
    saga.answer(refund, "succeeded")
    assert saga.refund(refund).at_risk
    simulator.outcome("success", top_up.top_up_no)
    saga.now += MINUTE
    carry_on(saga, top_up)
    assert top_up.state == "succeeded"
    assert [claim.reason for claim in order.recourses.all()] == ["late_arrival"]


def test_a_part_that_goes_back_leaves_it_alone(
    saga: Saga, order: Order, simulator: Simulator
) -> None:
    top_up = sent(saga, order, simulator)
    refund = saga.plan(order, amount_fen=9799)
    carry_on(saga, top_up)
    assert "supplier.cancel" not in asked(simulator, top_up)
    assert not saga.refund(refund).at_risk


def test_what_waits_for_a_decision_leaves_it_alone_until_then(
    saga: Saga, order: Order, simulator: Simulator
) -> None:
    top_up = sent(saga, order, simulator)
    refund = saga.plan(order, held=True)
    carry_on(saga, top_up)
    assert "supplier.cancel" not in asked(simulator, top_up)
    with transaction.atomic():
        release_refunds(origin=refund.origin, now=saga.now)
    assert saga.refund(refund).at_risk
    carry_on(saga, top_up)
    assert asked(simulator, top_up)[-2:] == CALLED_OFF


@pytest.mark.django_db(transaction=True)
def test_refunded_and_sent_at_the_same_instant() -> None:
    """Whichever comes first, the other one knows: what was sent is marked, or nothing is sent."""
    saga = Saga()
    for _round in range(20):
        order = saga.order()
        top_up = make_top_up(order, "planned", submitted_at=None, next_attempt_at=saga.now)
        gate = threading.Barrier(2)

        def at_once(act: Callable[[], Any], gate: threading.Barrier = gate) -> Any:
            try:
                gate.wait(30)
                return act()
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            planned = pool.submit(at_once, partial(saga.plan, order))
            claimed = pool.submit(at_once, partial(claim_top_up, top_up_id=top_up.pk, now=saga.now))
        refund, claim = saga.refund(planned.result()), claimed.result()
        assert claim is not None
        top_up.refresh_from_db()
        assert refund.at_risk is not claim.is_called_off
        assert (top_up.submitted_at is None) is claim.is_called_off


def test_a_redelivery_called_off_for_a_refund_is_nobodys_trouble(
    desk: Desk, saga: Saga, order: Order, simulator: Simulator, lin
) -> None:
    simulator.outcome("pending")
    ticket = desk.open(order)
    redeliver_for(ticket_id=ticket.pk, reason="再充", text="", actor=lin, now=desk.now)
    give_back(ticket_id=ticket.pk, amount_fen=None, reason="退款", text="", actor=lin, now=desk.now)
    carry_on(saga, order.top_ups.get())
    desk.settle(ticket, "succeeded")
    again = Ticket.objects.get(pk=ticket.pk)
    assert (again.outcome, again.level) == ("refunded", "agent")
    assert "top_up_failed_staff" not in told(ticket, "staff")
    assert Refund.objects.get().at_risk is False
