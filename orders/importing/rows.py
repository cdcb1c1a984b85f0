"""Files of orders: every row is checked by the rules of the API, the good ones are stored in
batches, the bad ones are reported by line and field."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from orders.api.problems import error_items
from orders.facts import OrderFacts
from orders.importing.columns import BadRow, Columns, field_of_path, read_row, to_payload
from orders.importing.sheets import Sheet, SheetRow
from orders.intake import UnableToPutOrder, find_changes, first_event, new_order, store_order
from orders.models import Order, OrderEvent, Payment
from orders.payload import ORDER_NO, OrderPayload, to_facts

BATCH = 500
SOURCE = Order.Source.CSV


@dataclass(frozen=True)
class ReadOrder:
    row: SheetRow
    order_no: str
    facts: OrderFacts


@dataclass(frozen=True)
class Reject:
    row: SheetRow
    #: (name of the column, code, why) for each thing that is wrong.
    errors: list[tuple[str, str, str]]


@dataclass
class Report:
    #: created, updated, unchanged, older
    counts: Counter[str] = field(default_factory=Counter)
    rejects: list[Reject] = field(default_factory=list)


def import_orders(
    *,
    sheet: Sheet,
    columns: Columns,
    as_of: datetime,
    now: datetime,
    advance: Callable[[int], None] = lambda rows: None,
) -> Report:
    """This function will store every good row of a file; `as_of` dates rows that do not say.

    A row carries one payment: payments it does not mention stay. Rows older than what is stored
    are counted and left aside. Each batch is one transaction.
    """
    report = Report()
    for start in range(0, len(sheet.rows), BATCH):
        rows = sheet.rows[start : start + BATCH]
        good = list(read_orders(rows, columns, as_of=as_of, now=now, rejects=report.rejects))
        store_batch(good, report, columns, now=now)
        advance(len(rows))
    report.rejects.sort(key=lambda reject: reject.row.line)
    return report


def read_orders(
    rows: Sequence[SheetRow],
    columns: Columns,
    *,
    as_of: datetime,
    now: datetime,
    rejects: list[Reject],
) -> Iterator[ReadOrder]:
    """This function will yield the rows that are orders and append the others to `rejects`."""
    # One instance for all rows: building its fields costs more than checking a row.
    payload = OrderPayload(context={"now": now})
    for row in rows:
        try:
            yield read_order(row, columns, payload, as_of)
        except BadRow as bad:
            errors = [(columns.header_of(name), code, why) for name, code, why in bad.errors]
            rejects.append(Reject(row, errors))


def read_order(
    row: SheetRow, columns: Columns, payload: OrderPayload, as_of: datetime
) -> ReadOrder:
    if row.fault:
        raise BadRow([("", "broken_line", row.fault)])
    values = read_row(columns, row.cells)
    order_no = values.get("order_no", "")
    if not ORDER_NO.fullmatch(order_no):
        raise BadRow([("order_no", "invalid", _("This is no order number."))])
    values.setdefault("facts_as_of", as_of)
    try:
        checked = payload.run_validation(to_payload(values))
    except ValidationError as refused:
        items = error_items(refused.detail)
        raise BadRow([(field_of_path(i["field"]), i["code"], i["detail"]) for i in items]) from None
    return ReadOrder(row, order_no, to_facts(checked))


def store_batch(good: list[ReadOrder], report: Report, columns: Columns, *, now: datetime) -> None:
    try:
        with transaction.atomic(durable=True):
            rest, counts = store_at_once(good, now=now)
    except IntegrityError:
        # Somebody stored one of these orders or payments meanwhile: one by one, then.
        rest, counts = good, Counter()
    report.counts += counts
    with transaction.atomic(durable=True):
        for read in rest:
            store_one(read, report, columns, now=now)


def store_at_once(good: list[ReadOrder], *, now: datetime) -> tuple[list[ReadOrder], Counter[str]]:
    """This function will create the new orders with a handful of statements and pass over those
    that say nothing new; what needs a closer look is returned."""
    numbers = {read.order_no for read in good}
    known = {
        order.order_no: order
        for order in Order.objects.select_for_update()
        .filter(order_no__in=numbers)
        .order_by("pk")
        .prefetch_related("payments", "top_ups")
    }
    taken = stored_trade_numbers(good)
    new: dict[str, OrderFacts] = {}
    rest, counts = [], Counter[str]()
    for read in good:
        order = known.get(read.order_no)
        if order is not None and says_nothing_new(order, read.facts):
            counts["unchanged"] += 1
        elif order is None and read.order_no not in new and not taken & trade_numbers(read.facts):
            new[read.order_no] = read.facts
            taken |= trade_numbers(read.facts)
        else:
            rest.append(read)
    create_at_once(new, now=now)
    counts["created"] += len(new)
    return rest, counts


def create_at_once(new: dict[str, OrderFacts], *, now: datetime) -> None:
    orders = Order.objects.bulk_create(
        [new_order(order_no=no, facts=facts, source=SOURCE, now=now) for no, facts in new.items()]
    )
    OrderEvent.objects.bulk_create([first_event(order, now=now) for order in orders])
    Payment.objects.bulk_create(
        [
            Payment(order=order, **stated.columns())
            for order in orders
            for stated in new[order.order_no].payments
        ]
    )


def says_nothing_new(order: Order, facts: OrderFacts) -> bool:
    changes = find_changes(order, list(order.payments.all()), facts, complete=False)
    return not changes.names and facts.facts_as_of <= order.facts_as_of


TradeNumber = tuple[str, str, str]


def trade_numbers(facts: OrderFacts) -> set[TradeNumber]:
    return {
        (stated.channel, name, getattr(stated, name))
        for stated in facts.payments
        for name in ("channel_trade_no", "merchant_trade_no")
        if getattr(stated, name)
    }


def stored_trade_numbers(good: list[ReadOrder]) -> set[TradeNumber]:
    wanted = {number for read in good for number in trade_numbers(read.facts)}
    found = set()
    for name in ("channel_trade_no", "merchant_trade_no"):
        numbers = {number for _channel, of, number in wanted if of == name}
        rows = Payment.objects.filter(**{f"{name}__in": numbers}).values_list("channel", name)
        found |= {(channel, name, number) for channel, number in rows}
    return found


def store_one(read: ReadOrder, report: Report, columns: Columns, *, now: datetime) -> None:
    try:
        with transaction.atomic():
            stored = store_order(
                order_no=read.order_no, facts=read.facts, source=SOURCE, now=now, complete=False
            )
    except UnableToPutOrder as refused:
        name = columns.header_of(field_of_path(refused.field))
        report.rejects.append(Reject(read.row, [(name, refused.code, str(refused))]))
        return
    except IntegrityError:
        why = _("A trade number of this row belongs to another order.")
        report.rejects.append(Reject(read.row, [("", "trade_number_taken", why)]))
        return
    report.counts[outcome_of(stored.created, stored.changed, stored.stale)] += 1


def outcome_of(created: bool, changed: tuple[str, ...], stale: bool) -> str:
    if created:
        return "created"
    if stale:
        return "older"
    return "updated" if changed else "unchanged"
