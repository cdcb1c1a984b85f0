"""What a dispute may belong together with: others of the same customer, and outages."""

from django.db.models import F, Q, QuerySet

from orders.admin.cells import short_instant
from orders.models import Order, Outage
from tickets.models import Ticket


def find_kin(ticket: Ticket) -> list[Ticket]:
    """This function will find open disputes of the same customer, by what the shop knows."""
    order = ticket.order
    marks = {
        "buyer_ref": order.buyer_ref,
        "target_account": order.target_account,
        "customer_phone": order.customer_phone,
        "customer_email": order.customer_email,
    }
    same = Q(order=order)
    for field, value in marks.items():
        if value:
            same |= Q(**{f"order__{field}": value})
    # Over all open disputes, which are few; closed ones matter for the same order alone.
    open_ = Q(status__in=Ticket.OPEN_STATUSES) | Q(order=order)
    found = Ticket.objects.filter(same, open_).exclude(pk=ticket.pk).select_related("order")
    return list(found.order_by("pk")[:5])


def find_related(ticket: Ticket) -> list[Ticket]:
    """This function will find other disputes of the order and of its buyer, by index alone."""
    order = ticket.order
    whose = Q(pk=order.pk) | Q(buyer_ref=order.buyer_ref) if order.buyer_ref else Q(pk=order.pk)
    orders = Order.objects.filter(whose).values("pk")
    others = Ticket.objects.filter(order__in=orders).exclude(pk=ticket.pk)
    return list(others.select_related("order")[:20])


def recent_outages() -> QuerySet[Outage]:
    """This function will offer outages, those that last first, then the newest."""
    return Outage.objects.order_by(F("ended_at").desc(nulls_first=True), "-started_at")


def name_outage(outage: Outage) -> str:
    until = short_instant(outage.ended_at) or "…"
    return f"{outage.title} · {short_instant(outage.started_at)} – {until}"
