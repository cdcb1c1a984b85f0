"""Which orders an outage hit, how much each is to be given back, and why others are left out."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from orders.entitlement import get_standing
from orders.models import BatchRow, Order, Outage, Payment, TopUp
from orders.routes import find_dead_end

#: Orders that one batch may look at, and what it may give back (1,000,000.00).
MOST_ORDERS = 5000
MOST_FEN = 100_000_000

#: Why an order is left out, or skipped when its turn comes. Kept in BatchRow.reason.
REASONS = {
    "other_batch": _("in another batch that is not finished"),
    "delivered": _("delivered"),
    "counts_as_delivered": _("reported as delivered, without proof: a person has to look"),
    "partly_delivered": _("partly delivered: a person has to look"),
    "refunded": _("refunded already"),
    "under_way": _("a refund is under way"),
    "decision_waits": _("a decision about its dispute is waiting"),
    "code_shown": _("its card code has been shown"),
    "by_transfer": _("cannot go back the way it came: needs a bank transfer"),
    "nothing_owed": _("nothing is owed"),
    "amount_changed": _("another amount is owed than was approved"),
    "supplier_delivered": _("the supplier reports the delivery with a voucher number"),
    "channel_differs": _("the payment channel's records differ from ours"),
    "declined": _("the batch was declined"),
    "withdrawn": _("the batch was withdrawn"),
    "cancelled": _("the batch was cancelled"),
    "error": _("failed several times: see the log"),
}

Status = Order.Status


@dataclass(frozen=True)
class Scope:
    """What a batch looks for; what is blank does not narrow it."""

    paid_from: datetime
    paid_until: datetime
    supplier: str = ""
    channel: str = ""
    product_code: str = ""

    def to_json(self) -> dict[str, str]:
        instants = {"paid_from": self.paid_from, "paid_until": self.paid_until}
        return {**asdict(self), **{name: at.isoformat() for name, at in instants.items()}}


@dataclass(frozen=True)
class Verdict:
    """One order: what it is to be given, or why not (a key of REASONS)."""

    order: Order
    amount_fen: int
    channel: str
    reason: str = ""

    @property
    def is_in(self) -> bool:
        return not self.reason


@dataclass(frozen=True)
class Selection:
    """What a supervisor sees before proposing. ``truncated``: there are more than MOST_ORDERS."""

    verdicts: list[Verdict]
    digest: str
    truncated: bool = False

    @property
    def chosen(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.is_in]

    @property
    def left_out(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if not verdict.is_in]

    @property
    def amount_fen(self) -> int:
        return sum(verdict.amount_fen for verdict in self.chosen)

    def count_reasons(self) -> list[tuple[str, int]]:
        counted = Counter(verdict.reason for verdict in self.left_out)
        return [(str(REASONS[reason]), count) for reason, count in counted.most_common()]


def scope_of(outage: Outage, *, now: datetime) -> Scope:
    """This function will take an outage's own extent; one that is not over lasts until now."""
    return Scope(
        paid_from=outage.started_at,
        paid_until=outage.ended_at or now,
        supplier=outage.supplier,
        channel=outage.channel,
        product_code=outage.product_code,
    )


def find_orders(scope: Scope) -> QuerySet[Order]:
    """This function will select the orders within a scope that money came in for."""
    within = (scope.paid_from, scope.paid_until)
    payments = Payment.objects.filter(status=Payment.Status.PAID).filter(
        Q(paid_at__range=within) | Q(paid_at__isnull=True, order__created_at__range=within)
    )
    orders = Order.objects.exclude(source=Order.Source.DRILL)
    if scope.channel:
        payments = payments.filter(channel=scope.channel)
    if scope.supplier:
        orders = orders.filter(supplier=scope.supplier)
    if scope.product_code:
        orders = orders.filter(product_code=scope.product_code)
    return orders.filter(pk__in=payments.values("order_id")).order_by("pk")


def with_facts(orders: QuerySet[Order]) -> QuerySet[Order]:
    """This function will read beside orders all that ``judge`` looks at."""
    live = BatchRow.objects.filter(state__in=BatchRow.LIVE_STATES)
    return orders.prefetch_related(
        "payments__refunds",
        "top_ups",
        "delivery_records",
        Prefetch("batch_rows", queryset=live, to_attr="live_batch_rows"),
    )


def select_orders(scope: Scope, *, kept_out: Mapping[int, str], now: datetime) -> Selection:
    """This function will judge every order within a scope.

    ``kept_out`` gives a reason for orders that something outside this app keeps out.
    """
    orders = list(with_facts(find_orders(scope))[: MOST_ORDERS + 1])
    verdicts = [
        judge(order, is_taken(order), kept_out.get(order.pk, ""), now=now)
        for order in orders[:MOST_ORDERS]
    ]
    rows = ((v.order.pk, v.amount_fen, v.reason) for v in verdicts)
    return Selection(verdicts, digest_rows(scope.to_json(), rows), len(orders) > MOST_ORDERS)


def is_taken(order: Order, *, by_other_than: int | None = None) -> bool:
    """This function will tell whether another batch than ours works on the order."""
    rows: list[BatchRow] = order.live_batch_rows  # type: ignore[attr-defined]
    return any(row.pk != by_other_than for row in rows)


def judge(order: Order, in_other_batch: bool, kept_out: str, *, now: datetime) -> Verdict:
    """This function will say what one order is to be given, or why it is left out.

    Money that is held for a decision about its dispute counts as owed: the batch decides it.
    """
    payments = [p for p in order.payments.all() if p.status == Payment.Status.PAID]
    standing = get_standing(order)
    held = sum(r.amount_fen for p in payments for r in p.refunds.all() if r.held)
    latest = max(payments, key=lambda p: (p.paid_at is not None, p.paid_at, p.pk), default=None)
    amount_fen = standing.owed_fen + held
    reason = ""
    if in_other_batch:
        reason = "other_batch"
    elif standing.is_delivered or (standing.earned_fen and amount_fen == 0):
        reason = "delivered"
    elif standing.refunded_fen:
        reason = "refunded"
    elif standing.reserved_fen > held:
        reason = "under_way"
    elif kept_out:
        reason = kept_out
    else:
        reason = _why_a_person_has_to_look(order, payments, standing.contradicted, now=now)
    if not reason and amount_fen <= 0:
        reason = "nothing_owed"
    return Verdict(order, 0 if reason else amount_fen, latest.channel if latest else "", reason)


def _why_a_person_has_to_look(
    order: Order, payments: list[Payment], contradicted: bool, *, now: datetime
) -> str:
    partial = any(t.state == TopUp.State.PARTIAL for t in order.top_ups.all())
    arrived = any(t.state == TopUp.State.SUCCEEDED for t in order.top_ups.all())
    if order.status == Status.PARTIALLY_DELIVERED or partial:
        return "partly_delivered"
    if (order.status == Status.DELIVERED or arrived) and not contradicted:
        return "counts_as_delivered"
    if order.code_revealed_at is not None:
        return "code_shown"
    if any(find_dead_end(p, now=now) for p in payments if p.amount_fen > p.refunded_fen):
        return "by_transfer"
    return ""


def digest_rows(scope: Mapping[str, Any], rows: Iterable[tuple[int, int, str]]) -> str:
    """This function will fix a list: another order, amount or reason gives another digest."""
    text = json.dumps([dict(scope), sorted(rows)], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
