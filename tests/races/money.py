"""The races about money. Sun Li's order cost 98.00; whoever comes first, she gets it once."""

from typing import Any

from orders.channels.base import ChannelAnswer, Outcome
from orders.deliveries import settle_top_up
from orders.entitlement import get_standing
from orders.ledger import PAID, RESERVED, get_balance
from orders.models import LedgerEntry, Order, OrderEvent, Payment, Recourse, Refund, TopUp
from orders.refusals import Refused
from orders.settlement import (
    Claim,
    claim_refund,
    find_due,
    settle_notify,
    settle_refund,
)
from orders.suppliers.base import SupplierAnswer, SupplierState
from tests.races.race import Act, Race
from tests.stories import MINUTE, acting, make_top_up
from tickets.actors import Actor
from tickets.models import Approval, Ticket
from tickets.remedies import refund
from tickets.transitions import approve, resolve

PRICE_FEN = 9800
State = Refund.State


class DisputeRace(Race):
    """A race about one dispute."""

    price_fen = PRICE_FEN
    status = "recharging"
    order: Order
    ticket: Ticket

    def prepare(self) -> None:
        self.order = self.desk.order(price_fen=self.price_fen, status=self.status)
        self.order_is_placed()
        self.ticket = self.desk.open(self.order)

    def order_is_placed(self) -> None:
        """What happened before the dispute."""

    def actor(self, name: str) -> Actor:
        return acting(self.desk.people[name])

    def refund(self, amount_fen: int | None = None) -> Ticket:
        return refund(
            ticket_id=self.ticket.pk,
            amount_fen=amount_fen,
            reason="未到账",
            text="",
            actor=self.actor("lin"),
            now=self.desk.now,
        )

    def refunds(self) -> list[Refund]:
        return list(Refund.objects.filter(payment__order=self.order).order_by("pk"))

    def money(self) -> tuple[int, int]:
        """What went back and what is reserved; the books of this order agree."""
        payment = Payment.objects.get(order=self.order)
        assert get_balance(RESERVED, payment=payment) == payment.reserved_fen
        assert get_balance(f"{PAID}:{payment.channel}", payment=payment) == payment.refunded_fen
        return payment.refunded_fen, payment.reserved_fen


class DeliveryAgainstRefund(DisputeRace):
    """The supplier's voucher comes while the agent presses "refund".

    Delivered first, nothing is owed and the refund is refused. Refunded first, the money goes back
    all the same, and the supplier owes for what it delivered.
    """

    name = "delivery confirmed / refund requested"
    top_up: TopUp

    def order_is_placed(self) -> None:
        self.top_up = make_top_up(self.order, "pending")

    def racers(self) -> dict[str, Act]:
        return {"delivery": self.deliver, "refund": self.refund}

    def deliver(self) -> None:
        arrived = SupplierAnswer(state=SupplierState.SUCCEEDED, voucher_no=f"V{self.order.pk:019d}")
        settle_top_up(top_up_id=self.top_up.pk, answer=arrived, now=self.desk.now)

    def judge(self, results: dict[str, Any]) -> str:
        order = Order.objects.get(pk=self.order.pk)
        assert order.status == Order.Status.DELIVERED
        if isinstance(results["refund"], Refused):
            assert results["refund"].code == "nothing_to_refund"
            assert self.refunds() == []
            assert self.money() == (0, 0)
            return "delivery"
        (item,) = self.refunds()
        assert (item.state, self.money()) == (State.REQUESTED, (0, PRICE_FEN))
        self.desk.settle(item, "succeeded")
        assert self.money() == (PRICE_FEN, 0)
        (claim,) = Recourse.objects.filter(order=order)
        assert (claim.amount_fen, claim.reason) == (PRICE_FEN, Recourse.Reason.LATE_ARRIVAL)
        return "refund"


class ConfirmationAgainstRefund(DisputeRace):
    """One agent closes the dispute as delivered while another gives half of it back.

    Never both: a dispute that is over has no refund under way.
    """

    name = "resolved as delivered / refund requested"
    status = "delivered"

    def order_is_placed(self) -> None:
        make_top_up(self.order, "succeeded", voucher_no=f"V{self.order.pk:019d}")

    def racers(self) -> dict[str, Act]:
        return {"resolve": self.resolve, "refund": lambda: self.refund(4900)}

    def resolve(self) -> Ticket:
        return resolve(
            ticket_id=self.ticket.pk,
            outcome="delivered",
            text="已到账",
            actor=self.actor("wang"),
            now=self.desk.now,
        )

    def judge(self, results: dict[str, Any]) -> str:
        refused = [name for name, result in results.items() if isinstance(result, Refused)]
        ticket = Ticket.objects.get(pk=self.ticket.pk)
        if refused == ["refund"]:
            assert (ticket.status, ticket.outcome) == ("resolved", "delivered")
            assert (self.refunds(), self.money()) == ([], (0, 0))
            return "resolve"
        assert refused == ["resolve"], refused
        assert (ticket.status, ticket.outcome) == ("remedy_pending", "")
        assert (len(self.refunds()), self.money()) == (1, (0, 4900))
        return "refund"


class TwoApprovals(DisputeRace):
    """Two supervisors decide about the same refund, one yes and one no, or both yes."""

    name = "two approvals"
    price_fen = 60000
    second_says = False

    def prepare(self) -> None:
        super().prepare()
        self.refund()
        assert [item.held for item in self.refunds()] == [True]
        self.second_says = bool(self.ticket.pk % 2)

    def racers(self) -> dict[str, Act]:
        return {"wang": self.by("wang", True), "zhao": self.by("zhao", self.second_says)}

    def by(self, name: str, decision: bool) -> Act:
        return lambda: approve(
            ticket_id=self.ticket.pk,
            decision=decision,
            reason="属实" if decision else "待查",
            actor=self.actor(name),
            now=self.desk.now,
        )

    def judge(self, results: dict[str, Any]) -> str:
        (winner,) = [name for name, result in results.items() if not isinstance(result, Refused)]
        (loser,) = set(results) - {winner}
        assert results[loser].code == "nothing_to_decide"
        said = True if winner == "wang" else self.second_says
        approval = Approval.objects.get(ticket=self.ticket)
        assert approval.decided_by == self.actor(winner).label
        assert approval.state == ("approved" if said else "declined")
        (item,) = self.refunds()
        if said:
            assert (item.state, item.held) == (State.REQUESTED, False)
            assert self.money() == (0, self.price_fen)
        else:
            assert (item.state, item.held) == (State.REJECTED, False)
            assert self.money() == (0, 0)
        kinds = [event.kind for event in self.ticket.events.all()]
        assert kinds.count("approved") + kinds.count("declined") == 1
        assert kinds.count("refund_requested") == int(said)
        return f"{winner}, {'yes' if said else 'no'}"


class NewsAgainstQueryAgainstSweep(DisputeRace):
    """A refund whose outcome is unknown: the channel's news comes while a worker that somebody
    woke and the sweep that looks for what is due ask about it. All hear that it was paid."""

    name = "notify / query / sweep"
    item: Refund
    claims: list[Claim]

    def prepare(self) -> None:
        super().prepare()
        self.refund()
        self.desk.settle(self.ticket, "unknown", retryable=True)
        (self.item,) = self.refunds()
        assert self.item.state == State.UNKNOWN
        assert self.item.next_attempt_at is not None
        self.desk.now = self.item.next_attempt_at
        self.claims = []

    def racers(self) -> dict[str, Act]:
        return {
            "notify": self.hear,
            "query": lambda: self.ask(self.item.pk),
            "sweep": self.sweep,
        }

    def hear(self) -> None:
        settle_notify(
            refund_no=self.item.refund_no,
            channel=self.item.payment.channel,
            answer=paid(),
            now=self.desk.now,
        )

    def sweep(self) -> None:
        for item in find_due(now=self.desk.now).filter(payment__order=self.order):
            self.ask(item.pk)

    def ask(self, refund_id: int) -> None:
        claim = claim_refund(refund_id=refund_id, now=self.desk.now)
        if claim is not None:
            self.claims.append(claim)
            settle_refund(claim=claim, answer=paid(), now=self.desk.now)

    def judge(self, results: dict[str, Any]) -> str:
        assert len(self.claims) <= 1, "a lease is one worker's"
        item = Refund.objects.get(pk=self.item.pk)
        assert (item.state, item.paid_fen, item.next_attempt_at) == (
            State.SUCCEEDED,
            PRICE_FEN,
            None,
        )
        assert self.money() == (PRICE_FEN, 0)
        settled = LedgerEntry.objects.filter(refund=item, kind=LedgerEntry.Kind.SETTLE)
        assert settled.values("journal").distinct().count() == 1
        told = OrderEvent.objects.filter(order=self.order, kind=OrderEvent.Kind.REFUND_SETTLED)
        assert told.count() == 1
        assert not item.alarms.exists()
        assert get_standing(self.order).owed_fen == 0
        self.desk.now += MINUTE
        asked = item.calls.filter(operation="query").count()
        assert asked == len(self.claims)
        first = item.calls.exclude(operation="request").order_by("pk")[0]
        return str(first.operation) if self.claims else "notify, and nobody asked any more"


def paid() -> ChannelAnswer:
    return ChannelAnswer(outcome=Outcome.SUCCEEDED, amount_fen=PRICE_FEN, code="SUCCESS")


RACES: tuple[type[Race], ...] = (
    DeliveryAgainstRefund,
    ConfirmationAgainstRefund,
    TwoApprovals,
    NewsAgainstQueryAgainstSweep,
)
