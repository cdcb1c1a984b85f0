"""An outage and the people who give the money back, for tests told as stories."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User

from orders.affected import Scope, Selection, scope_of, select_orders
from orders.batch_decisions import approve_batch
from orders.batches import propose_batch
from orders.models import BatchRow, Order, Outage, RefundBatch
from orders.outages import OutageFacts, declare_outage
from tests.stories import HOUR, OPENING, Desk
from tickets.mass_refunds import carry_on_batches, list_kept_out
from tickets.models import Ticket

#: The supplier that is down.
DOWN = "yunchong"


@dataclass
class Storm:
    """A supplier that has been down for two hours, and a desk with two supervisors."""

    desk: Desk
    outage: Outage
    wang: User
    zhao: User

    @property
    def now(self) -> datetime:
        return self.desk.now

    def order(self, **fields: Any) -> Order:
        """Paid while the supplier was down, and stuck there."""
        return self.desk.order(**{"supplier": DOWN, "created_at": self.now - HOUR / 2, **fields})

    def scope(self) -> Scope:
        return scope_of(self.outage, now=self.now)

    def look(self, scope: Scope | None = None) -> Selection:
        return select_orders(scope or self.scope(), kept_out=list_kept_out(), now=self.now)

    def propose(self, actor: User | None = None, **how: Any) -> RefundBatch:
        scope = how.pop("scope", None) or self.scope()
        how.setdefault("seen_digest", self.look(scope).digest)
        how.setdefault("reason", "供应商故障")
        return propose_batch(
            outage_id=self.outage.pk,
            scope=scope,
            kept_out=list_kept_out(),
            actor=actor or self.wang,
            now=self.now,
            **how,
        )

    def approve(self, batch: RefundBatch, actor: User | None = None, **how: Any) -> RefundBatch:
        how = {"decision": True, "reason": "已核对", "seen_digest": batch.digest, **how}
        return approve_batch(batch_id=batch.pk, actor=actor or self.zhao, now=self.now, **how)

    def approved(self) -> RefundBatch:
        return self.approve(self.propose())

    def work(self) -> None:
        """Workers carry on until there is nothing left that is due."""
        while carry_on_batches(clock=self.desk.clock):
            pass

    def batch(self, batch: RefundBatch) -> RefundBatch:
        return RefundBatch.objects.get(pk=batch.pk)

    def row(self, order: Order) -> BatchRow:
        return BatchRow.objects.get(order=order)

    def became(self, order: Order) -> tuple[str, str]:
        row = self.row(order)
        return row.state, row.reason

    def tell(self, ticket: Ticket) -> Ticket:
        return self.desk.tell(ticket)


def begin_storm(desk: Desk, **facts: Any) -> Storm:
    rights = Permission.objects.filter(codename__in=["declare_outage", "refund_batch"])
    Group.objects.get(name="supervisor").permissions.add(*rights)
    people = {name: User.objects.get(pk=user.pk) for name, user in desk.people.items()}
    told: dict[str, Any] = {
        "title": "云充接口中断",
        "supplier": DOWN,
        "started_at": OPENING - 2 * HOUR,
        "text_zh": "部分话费充值延迟，我们正在处理。",
        "text_en": "Some phone credit arrives late. We are on it.",
        **facts,
    }
    outage = declare_outage(facts=OutageFacts(**told), actor=people["wang"], now=OPENING)
    return Storm(desk, outage, people["wang"], people["zhao"])


@pytest.fixture
def storm(desk: Desk) -> Storm:
    return begin_storm(desk)


@pytest.fixture
def banked_storm(banked_desk: Desk) -> Storm:
    """The same, with the simulator for a bank."""
    return begin_storm(banked_desk)
