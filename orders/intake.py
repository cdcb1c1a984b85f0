"""Orders come in: the shop's API and imported files both end here."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orders.facts import OrderFacts, PaymentFacts, can_move
from orders.models import Order, OrderEvent, Payment
from orders.refusals import Refused
from orders.rules import version_at

#: Columns whose change says nothing new about the order itself.
BOOKKEEPING = {"facts_as_of", "source"}


class UnableToPutOrder(Refused):
    code = "order_refused"


@dataclass(frozen=True)
class Stored:
    order: Order
    created: bool
    #: Names of what changed, "payments.alipay" and the like included; empty for a repeat.
    changed: tuple[str, ...] = ()
    #: The facts were older than the stored ones and were left aside.
    stale: bool = False


def put_order(*, order_no: str, facts: OrderFacts, source: str, now: datetime) -> Stored:
    """This function will create the order, or make it what the facts say.

    The payments stated are all there are: one that is left out goes, unless money was given back
    on it. Facts that differ and are older than the stored ones are refused.

    :raises UnableToPutOrder: the facts contradict what is stored.
    """
    for _attempt in range(2):
        try:
            with transaction.atomic(durable=True):
                return store_order(
                    order_no=order_no, facts=facts, source=source, now=now, complete=True
                )
        except IntegrityError:
            # Two requests created the same order or payment at once: the loser looks again, and
            # now sees the winner's row, as an update or as somebody else's trade number.
            continue
    raise trade_number_taken()


def store_order(
    *, order_no: str, facts: OrderFacts, source: str, now: datetime, complete: bool
) -> Stored:
    """This function will do the work of `put_order` inside the caller's transaction.

    With `complete=False` (a line of a file, which carries one payment) payments that are not
    mentioned stay, and older facts are left aside instead of refused.
    """
    order = Order.objects.select_for_update().filter(order_no=order_no).first()
    if order is None:
        return create_order(order_no=order_no, facts=facts, source=source, now=now)
    payments = list(order.payments.select_for_update())
    changes = find_changes(order, payments, facts, complete=complete)
    if facts.facts_as_of < order.facts_as_of and changes.names:
        if complete:
            raise UnableToPutOrder(
                _("These facts are older than the stored ones of %(stored)s.")
                % {"stored": order.facts_as_of.isoformat()},
                code="stale_facts",
                field="facts_as_of",
            )
        return Stored(order, created=False, stale=True)
    refuse_contradictions(order, changes)
    apply_changes(order, changes, facts=facts, source=source, now=now)
    return Stored(order, created=False, changed=tuple(changes.names))


def create_order(*, order_no: str, facts: OrderFacts, source: str, now: datetime) -> Stored:
    order = new_order(order_no=order_no, facts=facts, source=source, now=now)
    # What the shop does not say is what was published when the order was made.
    order.rule_version = order.rule_version or version_at(now)
    # Before the numbers are looked at: who creates the same order waits here for us, instead of
    # finding our payment afterwards and taking it for another order's.
    order.save(force_insert=True)
    refuse_taken_numbers(facts.payments, order=order)
    for stated in facts.payments:
        Payment.objects.create(order=order, **stated.columns())
    first_event(order, now=now).save(force_insert=True)
    return Stored(order, created=True, changed=("created",))


def new_order(*, order_no: str, facts: OrderFacts, source: str, now: datetime) -> Order:
    return Order(
        order_no=order_no, source=source, created_at=now, updated_at=now, **facts.columns()
    )


def first_event(order: Order, *, now: datetime) -> OrderEvent:
    """History only, born consumed: nobody can have acted on an order that did not exist."""
    return OrderEvent(
        order=order,
        kind=OrderEvent.Kind.FACTS_CHANGED,
        at=now,
        data={"created": True, "status": order.status},
        consumed_at=now,
        not_before=now,
    )


@dataclass
class Changes:
    """What the facts would change, found before anything is written."""

    order: dict[str, Any]
    updated: list[tuple[Payment, dict[str, Any]]]
    added: list[PaymentFacts]
    removed: list[Payment]

    @property
    def names(self) -> list[str]:
        payments = [payment.channel for payment, _columns in self.updated]
        payments += [stated.channel for stated in self.added]
        payments += [payment.channel for payment in self.removed]
        return sorted(set(self.order) - BOOKKEEPING | {f"payments.{name}" for name in payments})


def find_changes(
    order: Order, payments: list[Payment], facts: OrderFacts, *, complete: bool
) -> Changes:
    columns = facts.columns()
    if is_known_better_here(order, facts):
        for name in ("status", "delivered_face_fen"):
            columns.pop(name, None)
    if not facts.rule_version:
        # Bought under a version once and for all: silence takes it back no more than it did.
        columns.pop("rule_version", None)
    changes = Changes(order=differences(order, columns), updated=[], added=[], removed=[])
    unmentioned = list(payments)
    for stated in facts.payments:
        payment = next((known for known in unmentioned if stated.is_about(known)), None)
        if payment is None:
            changes.added.append(stated)
            continue
        unmentioned.remove(payment)
        if changed := differences(payment, stated.columns()):
            changes.updated.append((payment, changed))
    changes.removed = unmentioned if complete else []
    return changes


def differences(row: Order | Payment, columns: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in columns.items() if getattr(row, name) != value}


def is_known_better_here(order: Order, facts: OrderFacts) -> bool:
    """The desk's own top-up is younger than these facts: their status is from before it.

    Without this, a shop that repeats its last "failed" would undo what the desk delivered since.
    """
    top_ups = list(order.top_ups.all())
    if not top_ups:
        return False
    last = top_ups[-1]
    return facts.facts_as_of <= (last.settled_at or last.submitted_at or last.created_at)


def refuse_contradictions(order: Order, changes: Changes) -> None:
    """This function will refuse what must not happen to a stored order.

    :raises UnableToPutOrder: status moving back, money given back taken away, number taken.
    """
    status = changes.order.get("status")
    if status and not can_move(order.status, status):
        raise UnableToPutOrder(
            _("The order is “%(current)s” and cannot go back to “%(new)s”.")
            % {"current": order.get_status_display(), "new": Order.Status(status).label},
            code="status_moves_backwards",
            field="status",
        )
    for payment, columns in changes.updated:
        refuse_payment_change(payment, columns)
    for payment in changes.removed:
        if payment.refunds.exists():
            raise UnableToPutOrder(
                _("Payment %(number)s has refunds and cannot be left out.")
                % {"number": payment.trade_no},
                code="payment_has_refunds",
                field="payments",
            )
    stated = [PaymentFacts(**payment_numbers(payment) | c) for payment, c in changes.updated]
    refuse_taken_numbers([*changes.added, *stated], order=order)


def payment_numbers(payment: Payment) -> dict[str, Any]:
    names = ("channel", "amount_fen", "status", "channel_trade_no", "merchant_trade_no")
    return {name: getattr(payment, name) for name in names}


def refuse_payment_change(payment: Payment, columns: dict[str, Any]) -> None:
    given_back = payment.refunded_fen + payment.reserved_fen
    if columns.get("amount_fen", payment.amount_fen) < given_back:
        raise UnableToPutOrder(
            _("Of payment %(number)s, %(fen)d fen are refunded or reserved: it cannot be less.")
            % {"number": payment.trade_no, "fen": given_back},
            code="amount_below_refunded",
            field="payments.amount_fen",
        )
    if payment.status == Payment.Status.PAID and columns.get("status", "paid") != "paid":
        raise UnableToPutOrder(
            _("Payment %(number)s is paid and cannot go back.") % {"number": payment.trade_no},
            code="status_moves_backwards",
            field="payments.status",
        )


def refuse_taken_numbers(stated: Iterable[PaymentFacts], *, order: Order) -> None:
    taken = Q()
    for payment in stated:
        for name in ("channel_trade_no", "merchant_trade_no"):
            if number := getattr(payment, name):
                taken |= Q(channel=payment.channel, **{name: number})
    if not taken:
        return
    if (other := Payment.objects.filter(taken).exclude(order=order).first()) is not None:
        raise trade_number_taken(other.trade_no)


def trade_number_taken(number: str = "") -> UnableToPutOrder:
    return UnableToPutOrder(
        _("Trade number %(number)s belongs to another order.") % {"number": number},
        code="trade_number_taken",
        field="payments",
    )


def apply_changes(
    order: Order, changes: Changes, *, facts: OrderFacts, source: str, now: datetime
) -> None:
    """This function will write the changes, and the event that says what changed."""
    columns = dict(changes.order)
    if facts.facts_as_of > order.facts_as_of:
        columns["source"] = source
    else:
        columns.pop("facts_as_of", None)
    if changes.names:
        columns |= {"source": source, "updated_at": now}
    if not columns:
        return
    status_was = order.status
    for name, value in columns.items():
        setattr(order, name, value)
    order.save(update_fields=list(columns))
    write_payments(order, changes)
    if changes.names:
        OrderEvent.objects.create(
            order=order,
            kind=OrderEvent.Kind.FACTS_CHANGED,
            at=now,
            data={"changed": changes.names, "status": order.status, "status_was": status_was},
            not_before=now,
        )


def write_payments(order: Order, changes: Changes) -> None:
    for payment in changes.removed:
        payment.delete()
    for payment, columns in changes.updated:
        for name, value in columns.items():
            setattr(payment, name, value)
        payment.save(update_fields=list(columns))
    for stated in changes.added:
        Payment.objects.create(order=order, **stated.columns())
