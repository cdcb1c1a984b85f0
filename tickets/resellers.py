"""Many disputes at once: a reseller's orders are found together, and filed one by one.

A reseller buys for others: what identifies the buyer of all these orders is the account in the
shop, or its contact, never the accounts that were topped up.
"""

import hashlib
import hmac
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.conf import settings
from django.db import transaction

from orders.models import Order
from tickets.actors import Actor
from tickets.cases import TransitionRefused
from tickets.intake import Dispute, open_ticket
from tickets.models import Draft, Evidence, Ticket
from tickets.reseller_rows import list_rows

MOST_ORDERS = 200


def find_reseller_orders(
    numbers: Sequence[str], last4: str, *, is_shut: Callable[[str], bool] = lambda buyer: False
) -> tuple[list[Order], set[str]]:
    """This function will find those orders that a reseller bought whose account or contact ends
    in ``last4``, and name the buyers that were guessed at in vain.

    One query and three comparisons for each number, whether there is such an order or not.
    ``is_shut`` tells of a buyer that may not be tried any more.
    """
    orders = Order.objects.filter(reseller=True, order_no__in=numbers)
    known = {order.order_no: order for order in orders}
    found, missed = [], set()
    for number in numbers:
        order = known.get(number)
        tails = buyer_tails(order) if order is not None else []
        fits = False
        for tail in [*tails, "", "", ""][:3]:
            fits |= hmac.compare_digest(tail.casefold().encode(), last4.casefold().encode())
        if order is None:
            continue
        if fits and len(last4) == 4 and not is_shut(buyer_key(order)):
            found.append(order)
        else:
            missed.add(buyer_key(order))
    return found, missed


def buyer_tails(order: Order) -> list[str]:
    known = (order.buyer_ref, order.customer_phone, order.customer_email)
    names = [value.rpartition("@")[0] or value for value in known]
    return [name[-4:] for name in names if len(name) >= 4]


def buyer_key(order: Order) -> str:
    return order.buyer_ref or order.customer_phone or order.customer_email or order.order_no


@dataclass(frozen=True)
class Submission:
    """One pasted list; sent again it is the same one."""

    nonce: str
    order_ids: tuple[int, ...]

    @classmethod
    def of(cls, orders: Sequence[Order]) -> "Submission":
        return cls(uuid.uuid4().hex, tuple(order.pk for order in orders))

    def orders(self) -> list[Order]:
        orders = Order.objects.filter(pk__in=self.order_ids).prefetch_related(
            "payments__refunds", "top_ups", "delivery_records"
        )
        by_id = {order.pk: order for order in orders}
        return [by_id[pk] for pk in self.order_ids if pk in by_id]

    def draft_token(self, part: str) -> str:
        """The draft of one order, or of the files for all: found again by the same submission."""
        key = settings.SECRET_KEY.encode()
        text = f"tickets.resellers:{self.nonce}:{part}"
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def draft(self, part: str, order: Order, *, now: datetime) -> Draft:
        token = self.draft_token(part)
        draft, _created = Draft.objects.get_or_create(
            token=token, defaults={"order": order, "created_at": now, "updated_at": now}
        )
        return draft


@dataclass
class Filed:
    opened: list[Ticket] = field(default_factory=list)
    #: Disputes that were there already, this submission's own among them.
    known: list[Ticket] = field(default_factory=list)
    #: (order number, why)
    refused: list[tuple[str, str]] = field(default_factory=list)


def file_disputes(
    *,
    submission: Submission,
    order_ids: Iterable[int],
    dispute: Dispute,
    files: Sequence[Evidence],
    now: datetime,
) -> Filed:
    """This function will open one dispute for each chosen order, each in a transaction of its own.

    Cut off in the middle it is sent again: what is filed stays, the rest follows. Every dispute
    gets rows of its own for the files, which are kept once.
    """
    filed = Filed()
    wanted = set(order_ids)
    for row in list_rows([order for order in submission.orders() if order.pk in wanted]):
        if row.ticket is not None:
            filed.known.append(row.ticket)
        elif row.why_not:
            filed.refused.append((row.order.order_no, row.why_not))
        else:
            file_one(submission, row.order, dispute, files, filed, now=now)
    return filed


def file_one(
    submission: Submission,
    order: Order,
    dispute: Dispute,
    files: Sequence[Evidence],
    filed: Filed,
    *,
    now: datetime,
) -> None:
    draft = submission.draft(order.uuid.hex, order, now=now)
    copies = copy_files(files, draft)
    try:
        opened = open_ticket(
            order=order,
            dispute=replace(dispute, evidence_ids=tuple(copy.pk for copy in copies)),
            actor=Actor.customer(),
            now=now,
            draft=draft,
        )
    except TransitionRefused as error:
        filed.refused.append((order.order_no, str(error)))
        return
    (filed.opened if opened.created else filed.known).append(opened.ticket)


def copy_files(files: Sequence[Evidence], draft: Draft) -> list[Evidence]:
    """This function will give a draft rows of its own for files that are kept already.

    The bytes are shared: rows of a dispute are never taken away, and the first row of a file
    belongs to a draft that nobody can open.
    """
    with transaction.atomic(durable=True):
        draft = Draft.objects.select_for_update().get(pk=draft.pk)
        present = list(draft.evidence.all())
        if present or draft.ticket is not None:
            return present
        copies = []
        for file in files:
            copy = Evidence.objects.get(pk=file.pk)
            copy.pk, copy.draft = uuid.uuid4(), draft
            copies.append(copy)
        Evidence.objects.bulk_create(copies)
    return copies
