"""A refund's life with the test for its channel: every answer is said here, time is in our hands.

    def test_it_is_asked_about(saga):
        refund = saga.plan()                             # reserved, numbered, due at once
        saga.answer(refund, "unknown", retryable=True)   # the worker's call brought this
        assert saga.refund(refund).state == "unknown"

`manners` makes the sandbox as particular as another channel: `manners(refund_spacing=MINUTE)`.
"""

import uuid
from datetime import datetime
from typing import Any

import pytest
from django.db import transaction

from orders.channels import sandbox
from orders.channels.base import Capabilities, ChannelAnswer, Outcome
from orders.ledger import find_differences
from orders.models import MoneyAlarm, Order, OrderEvent, Payment, Refund
from orders.refunds import RefundOrder, plan_refunds
from orders.settlement import Claim, claim_refund, settle_notify, settle_refund
from tests.stories import OPENING, make_order


def said(outcome: str, **more: Any) -> ChannelAnswer:
    return ChannelAnswer(outcome=Outcome(outcome), **more)


class Saga:
    def __init__(self) -> None:
        self.now = OPENING

    def order(self, **fields: Any) -> Order:
        return make_order(**{"channel": "sandbox", **fields})

    def plan(self, order: Order | None = None, amount_fen: int | None = None, **how: Any) -> Refund:
        """One refund on one payment, asked for now by somebody of its own."""
        intent = RefundOrder(
            origin=how.pop("origin", None) or uuid.uuid4(),
            purpose=Refund.Purpose.REMEDY,
            cycle=1,
            requested_by="system",
        )
        order = order or self.order()
        with transaction.atomic():
            (refund,) = plan_refunds(
                order_id=order.pk, intent=intent, amount_fen=amount_fen, now=self.now, **how
            )
        return refund

    def refund(self, refund: Refund) -> Refund:
        return Refund.objects.select_related("payment").get(pk=refund.pk)

    def payment(self, refund: Refund) -> Payment:
        return Payment.objects.get(pk=refund.payment_id)

    def claim(self, refund: Refund) -> Claim | None:
        """The worker that takes it up as soon as it is due."""
        due_at = self.refund(refund).next_attempt_at
        assert due_at is not None, "nothing is planned for it"
        self.now = max(self.now, due_at)
        return claim_refund(refund_id=refund.pk, now=self.now)

    def answer(self, refund: Refund, outcome: str, **more: Any) -> Claim:
        """The next call, with what the channel says to it."""
        claim = self.claim(refund)
        assert claim is not None
        settle_refund(claim=claim, answer=said(outcome, **more), now=self.now)
        return claim

    def notify(self, refund: Refund, outcome: str, channel: str = "sandbox", **more: Any) -> bool:
        answer = said(outcome, **more)
        return None is not settle_notify(
            refund_no=refund.refund_no, channel=channel, answer=answer, now=self.now
        )

    def money(self, refund: Refund) -> tuple[int, int]:
        """What went back and what is reserved of the payment, in fen; the ledger agrees."""
        assert list(find_differences()) == []
        payment = self.payment(refund)
        return payment.refunded_fen, payment.reserved_fen

    def told(self, refund: Refund) -> list[str]:
        events = OrderEvent.objects.filter(order=self.payment(refund).order_id).order_by("pk")
        mine = [event for event in events if event.data.get("refund_no") == refund.refund_no]
        return [event.kind for event in mine]

    def alarms(self, refund: Refund) -> list[tuple[str, bool, int]]:
        found = MoneyAlarm.objects.filter(refund=refund).order_by("pk")
        return [(alarm.kind, alarm.is_booked, alarm.amount_fen) for alarm in found]

    def due_in(self, refund: Refund) -> float | None:
        due_at: datetime | None = self.refund(refund).next_attempt_at
        return None if due_at is None else (due_at - self.now).total_seconds()


@pytest.fixture
def saga(db: None) -> Saga:
    return Saga()


@pytest.fixture
def manners(monkeypatch: pytest.MonkeyPatch) -> Any:
    def behave(**wishes: Any) -> None:
        monkeypatch.setattr(sandbox, "CAPABILITIES", Capabilities(**wishes))

    return behave
