"""A reseller's orders, each with its dispute, or that it can have one, or why not."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from orders.entitlement import get_standing
from orders.models import Order, Payment
from tickets.models import Ticket


@dataclass
class Row:
    """One order of the table: its dispute, or that it can have one, or why not."""

    order: Order
    ticket: Ticket | None = None
    why_not: str = ""

    @property
    def can_file(self) -> bool:
        return self.ticket is None and not self.why_not


def list_rows(orders: Sequence[Order]) -> list[Row]:
    """This function will look what can be done about each order, in two statements for all."""
    tickets = Ticket.objects.filter(order__in=orders, status__in=Ticket.OPEN_STATUSES)
    running = {ticket.order_id: ticket for ticket in tickets}
    return [
        Row(order, running.get(order.pk), "" if order.pk in running else why_not(order))
        for order in orders
    ]


def why_not(order: Order) -> str:
    if not any(payment.status == Payment.Status.PAID for payment in order.payments.all()):
        return _("No payment has reached us for it.")
    standing = get_standing(order)
    if standing.refunded_fen and not standing.owed_fen and not standing.reserved_fen:
        return _("Its money has been given back.")
    return ""
