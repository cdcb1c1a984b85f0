"""What is still to be refunded today, channel by channel."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from orders.admin.cells import yuan
from orders.models import Order, Payment, Refund
from tickets.admin.queue import open_tickets
from tickets.models import Deadline
from tickets.report_rows import first_channel

#: How channels say that the merchant's balance does not cover a refund.
SHORT_CODES = Q(code__contains="BALANCE_NOT_ENOUGH") | Q(code="NOT_ENOUGH")


def list_channels(now: datetime) -> list[dict[str, Any]]:
    """This function will set what is still to be refunded today beside what channels told.

    No channel tells the desk its balance; what it does tell is that one refund was not covered.
    """
    holding = (
        Refund.objects.filter(state__in=Refund.HOLDING_STATES)
        .exclude(payment__order__source=Order.Source.DRILL)
        .order_by()
        .values("payment__channel")
        .annotate(n=Count("pk"), fen=Sum("amount_fen"), short=Count("pk", filter=SHORT_CODES))
    )
    found: dict[str, dict[str, Any]] = {
        row["payment__channel"]: {"held": row["n"], "held_fen": row["fen"], "short": row["short"]}
        for row in holding
    }
    for channel, count, fen in promised_today(now):
        found.setdefault(channel or "", {}).update(promised=count, promised_fen=fen)
    labels = dict(Payment.Channel.choices)
    return [
        {
            "name": labels.get(code, _("not known")),
            "held": row.get("held", 0),
            "promised": row.get("promised", 0),
            "amount": yuan((row.get("held_fen") or 0) + (row.get("promised_fen") or 0)),
            "short": row.get("short", 0),
        }
        for code, row in sorted(found.items())
    ]


def promised_today(now: datetime) -> Any:
    """Promises that fall due before midnight, and for which no refund is under way yet."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    held = Refund.objects.filter(origin=OuterRef("uuid"), state__in=Refund.HOLDING_STATES)
    running = Deadline.objects.filter(
        ticket=OuterRef("pk"), kind=Deadline.Kind.COMMITMENT, state=Deadline.State.PENDING
    )
    due = open_tickets().filter(
        Exists(running),
        ~Exists(held),
        is_drill=False,
        commitment_due_at__lt=midnight + timedelta(days=1),
    )
    return (
        due.order_by()
        .annotate(channel=first_channel("order"))
        .values_list("channel")
        .annotate(n=Count("pk"), fen=Sum("order__price_fen"))
    )
