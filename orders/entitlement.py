"""What of a customer's money has to go back, from our own records alone. Reads, never writes."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from orders.models import DeliveryRecord, Order, Payment, ProofLevel, Refund, TopUp


@dataclass(frozen=True)
class Standing:
    """Where an order stands between goods and money. All amounts are integer fen."""

    paid_fen: int
    refunded_fen: int
    reserved_fen: int
    #: What the customer may keep paying for: the price of what provably arrived.
    earned_fen: int
    proof_level: ProofLevel
    #: An operator or the customer says that it did not arrive.
    contradicted: bool

    @property
    def owed_fen(self) -> int:
        """Still to be given back and not under way; zero means that the promise is met."""
        return max(self.paid_fen - self.earned_fen - self.refunded_fen - self.reserved_fen, 0)

    @property
    def refundable_fen(self) -> int:
        return self.paid_fen - self.refunded_fen - self.reserved_fen

    @property
    def is_delivered(self) -> bool:
        """Proven well enough to close a dispute (E-Commerce Law art. 51: entered and usable)."""
        return self.proof_level >= ProofLevel.VOUCHER and not self.contradicted

    @property
    def is_settled(self) -> bool:
        return self.paid_fen > 0 and self.owed_fen == 0 and self.reserved_fen == 0


def get_standing(order: Order) -> Standing:
    """This function will weigh what was paid against what provably arrived and what went back."""
    payments = [p for p in order.payments.all() if p.status == Payment.Status.PAID]
    records = list(order.delivery_records.all())
    level = _proof_level(order, records)
    contradicted = _is_contradicted(order, records)
    paid = sum(p.amount_fen for p in payments)
    return Standing(
        paid_fen=paid,
        refunded_fen=sum(p.refunded_fen for p in payments),
        reserved_fen=sum(p.reserved_fen for p in payments),
        earned_fen=0 if contradicted else min(paid, _earned_fen(order, level)),
        proof_level=level,
        contradicted=contradicted,
    )


def get_settled_at(order: Order) -> datetime | None:
    """This function will tell when the last refund went through, else when the order arrived."""
    refunds = Refund.objects.filter(payment__order=order, state=Refund.State.SUCCEEDED)
    arrived = order.top_ups.filter(state__in=(TopUp.State.SUCCEEDED, TopUp.State.PARTIAL))
    refunded_at: datetime | None = refunds.aggregate(last=Max("settled_at"))["last"]
    arrived_at: datetime | None = arrived.aggregate(last=Max("settled_at"))["last"]
    return refunded_at or arrived_at


def _proof_level(order: Order, records: list[DeliveryRecord]) -> ProofLevel:
    best = ProofLevel.NONE
    for top_up in order.top_ups.all():
        if top_up.state in (TopUp.State.SUCCEEDED, TopUp.State.PARTIAL):
            best = max(best, ProofLevel(top_up.proof_level))
    if any(record.arrived for record in records):
        best = ProofLevel.RECORD
    if best == ProofLevel.NONE and order.status == Order.Status.DELIVERED:
        best = ProofLevel.SUPPLIER_SAYS_SO
    return best


def _is_contradicted(order: Order, records: list[DeliveryRecord]) -> bool:
    """The last word counts: an operator may correct its own earlier record.

    What was said before an attempt was even sent does not speak of that attempt.
    """
    if not records:
        return False
    last = max(records, key=lambda r: (r.at, r.pk))
    return not last.arrived and not any(
        top_up.submitted_at is not None and top_up.submitted_at > last.at
        for top_up in order.top_ups.all()
        if top_up.state in (TopUp.State.SUCCEEDED, TopUp.State.PARTIAL)
    )


def _earned_fen(order: Order, level: ProofLevel) -> int:
    """Price pro rata of the face value that arrived, rounded in the customer's favour."""
    if level < ProofLevel.VOUCHER:
        return 0
    if order.status == Order.Status.PARTIALLY_DELIVERED:
        return order.price_fen * order.delivered_face_fen // max(order.face_value_fen, 1)
    return order.price_fen
