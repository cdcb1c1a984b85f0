"""What a supervisor has to know first: what happened overnight, and what waits for a person."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Count, Exists, OuterRef, Q, Sum
from django.urls import reverse
from django.utils import timezone

from orders.admin.cells import yuan
from orders.models import Order, Refund, TopUp
from tickets.admin.channels_today import list_channels
from tickets.admin.countdown import count_down, write_length
from tickets.admin.deciding_forms import describe_question
from tickets.admin.edge import name_of, people_who_work
from tickets.admin.links import ticket_address
from tickets.admin.queue import annotate_queue, open_tickets
from tickets.models import Approval, Deadline, Ticket

State = Refund.State

#: The night begins at 18:00 of the day before.
EVENING = 18
#: Until when the work of the moment has to be given to somebody: noon, evening, midnight.
HORIZONS = (12, 18, 24)
LISTED = 8
OUT = Q(state__in=[State.REQUESTED, State.ACCEPTED, State.UNKNOWN, State.SUCCEEDED])
FAILED = Q(state__in=[State.REJECTED, State.MANUAL])


def fill_morning(now: datetime) -> dict[str, Any]:
    """This function will collect what the first page shows a supervisor."""
    since, horizon = last_evening(now), next_horizon(now)
    return {
        "night": tell_night(since),
        "failed": list_failed(since),
        "questions": list_questions(now),
        "horizon": horizon,
        "unowned": list_unowned(now, horizon),
        "people": list_people(),
        "supplier": find_worst_supplier(since),
        "channels": list_channels(now),
    }


def last_evening(now: datetime) -> datetime:
    local = timezone.localtime(now)
    return local.replace(hour=EVENING, minute=0, second=0, microsecond=0) - timedelta(days=1)


def next_horizon(now: datetime) -> datetime:
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return next(h for hour in HORIZONS if (h := midnight + timedelta(hours=hour)) > now)


def by_the_desk(since: datetime) -> Any:
    refunds = Refund.objects.filter(
        purpose=Refund.Purpose.COMMITMENT, requested_at__gte=since, held=False
    )
    return refunds.exclude(payment__order__source=Order.Source.DRILL)


def tell_night(since: datetime) -> dict[str, Any]:
    """This function will sum up what the desk refunded by itself since yesterday evening."""
    summed = by_the_desk(since).aggregate(
        count=Count("pk", filter=OUT),
        fen=Sum("amount_fen", filter=OUT),
        settled=Count("pk", filter=Q(state=State.SUCCEEDED)),
        failed=Count("pk", filter=FAILED),
    )
    return {
        "count": summed["count"],
        "amount": yuan(summed["fen"] or 0),
        "settled": summed["settled"],
        "failed": summed["failed"],
        "since": since,
        "address": reverse("admin:orders_refund_changelist") + "?purpose__exact=commitment",
    }


def list_failed(since: datetime) -> list[dict[str, Any]]:
    """This function will list refunds that need a person, whoever asked for them."""
    refunds = (
        Refund.objects.filter(FAILED, planned_at__gte=since)
        .exclude(payment__order__source=Order.Source.DRILL)
        .exclude(replaced_by__isnull=False)
        .select_related("payment__order")
        .order_by("-pk")[:LISTED]
    )
    return [
        {
            "address": reverse("admin:orders_refund_change", args=[refund.pk]),
            "order_no": refund.payment.order.order_no,
            "amount": yuan(refund.amount_fen),
            "state": refund.get_state_display(),
            "why": refund.message or refund.code or refund.reason,
        }
        for refund in refunds
    ]


def list_questions(now: datetime) -> list[dict[str, Any]]:
    waiting = Approval.objects.filter(state=Approval.State.PENDING).select_related("ticket__order")
    return [
        {
            "number": approval.ticket.number,
            "address": ticket_address(approval.ticket_id),
            "text": describe_question(approval),
            "waits": write_length(now - approval.requested_at),
        }
        for approval in waiting.order_by("requested_at")[:LISTED]
    ]


def list_unowned(now: datetime, horizon: datetime) -> list[dict[str, Any]]:
    """This function will list what nobody has and what falls due before ``horizon``."""
    tickets = annotate_queue(open_tickets().filter(assignee__isnull=True, is_drill=False))
    due = tickets.filter(next_due_at__lt=horizon).select_related("order")
    return [
        {
            "pk": ticket.pk,
            "number": ticket.number,
            "address": ticket_address(ticket.pk),
            "due": count_down(ticket.next_due_at, now=now),
            "kind": Deadline.Kind(ticket.next_kind).label,
            "category": ticket.get_category_display(),
            "amount": yuan(ticket.order.price_fen),
        }
        for ticket in due.order_by("next_due_at")[:LISTED]
    ]


def list_people() -> list[dict[str, Any]]:
    """This function will list whom work can be given to, who has least of it first."""
    agents = Group.objects.filter(user=OuterRef("pk"), name="agent")
    mine = Count("tickets", filter=Q(tickets__status__in=Ticket.OPEN_STATUSES), distinct=True)
    people: Any = people_who_work().annotate(load=mine, is_agent=Exists(agents))
    chosen: list[Any] = sorted(people, key=lambda p: (not p.is_agent, p.load, p.username))
    return [{"pk": p.pk, "name": name_of(p), "load": p.load} for p in chosen]


def find_worst_supplier(since: datetime) -> dict[str, Any] | None:
    """This function will name the supplier most of whose deliveries failed since the evening."""
    bad = Q(state__in=[TopUp.State.FAILED, TopUp.State.UNKNOWN])
    worst = (
        TopUp.objects.filter(created_at__gte=since)
        .exclude(order__source=Order.Source.DRILL)
        .order_by()
        .values("supplier")
        .annotate(all=Count("pk"), bad=Count("pk", filter=bad))
        .filter(bad__gt=0)
        .order_by("-bad", "supplier")
        .first()
    )
    if worst is None:
        return None
    share = round(100 * worst["bad"] / worst["all"])
    return {"name": worst["supplier"] or "—", "share": share, **worst}
