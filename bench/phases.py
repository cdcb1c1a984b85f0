"""Where the time of one refund goes: its steps taken one after the other in this process."""

import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from django.db import transaction

from helpdesk import clock
from orders.channels.base import ChannelAnswer
from orders.models import Order, Refund
from orders.refunds import RefundOrder, plan_refunds
from orders.settlement import Claim, call_channel, claim_refund, settle_refund

Found = TypeVar("Found")


class Stopwatch:
    """Milliseconds by what was done."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = defaultdict(list)

    def time(self, name: str, work: Callable[[], Found]) -> Found:
        started = time.perf_counter()
        found = work()
        self.taken[name].append((time.perf_counter() - started) * 1000)
        return found


def time_steps(orders: list[dict[str, Any]], place: Callable[[dict[str, Any]], object]) -> Any:
    """This function will take the refunds of these orders through all steps, and say how many
    milliseconds each step took."""
    watch = Stopwatch()
    for order in orders:
        watch.time("take the order in", partial(place, order))
        for refund in watch.time("plan", partial(plan_held, order)):
            take_through(refund, watch)
    return watch.taken


def plan_held(order: dict[str, Any]) -> list[Refund]:
    """Held, so that no worker takes it first."""
    intent = RefundOrder(
        origin=uuid.UUID(order["origin"]),
        purpose=Refund.Purpose.REMEDY,
        cycle=1,
        requested_by="staff:0",
    )
    row = Order.objects.get(order_no=order["order_no"])
    with transaction.atomic(durable=True):
        return plan_refunds(
            order_id=row.pk, intent=intent, amount_fen=None, held=True, now=clock.now()
        )


def take_through(refund: Refund, watch: Stopwatch) -> None:
    now = clock.now()
    Refund.objects.filter(pk=refund.pk).update(
        held=False, state=Refund.State.REQUESTED, requested_at=now, next_attempt_at=now
    )
    claim = watch.time("claim", partial(claim_refund, refund_id=refund.pk, now=clock.now()))
    if claim is None:
        # The rescue sweep, which comes by every two seconds, was faster.
        return
    answer = watch.time("call the channel", partial(call_channel, claim))
    watch.time("settle", partial(settle, claim, answer))


def settle(claim: Claim, answer: ChannelAnswer) -> None:
    settle_refund(claim=claim, answer=answer, now=clock.now())
