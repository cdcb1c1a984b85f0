"""The first page: what needs a supervisor now, what the desk did alone, whether the timers run."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from orders.admin.cells import yuan
from orders.models import Order, Refund
from tickets.admin.countdown import write_length
from tickets.admin.deciding_forms import describe_question
from tickets.admin.edge import now_of, supervises, works_disputes
from tickets.admin.links import ticket_address
from tickets.admin.menu import count_waiting
from tickets.admin.queue import annotate_queue, count_open, list_views, open_tickets
from tickets.models import Approval, SweepBeat, Ticket
from tickets.watchdog import RECONCILERS, SWEEP_AGE

State = Refund.State

#: The night begins at 18:00 of the day before.
EVENING = 18


def fill_dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """This function will add to the first page what the one who signed in should see first."""
    if not works_disputes(request):
        return context
    context["title"] = _("Overview")
    counts = count_open(request)
    context["queue_views"] = list_views(request, counts)
    if not supervises(request):
        return context | {"next_tickets": list_next(request)}
    now = now_of(request)
    return context | {
        "levels": list_levels(counts),
        "waiting": count_waiting(request),
        "questions": list_questions(now),
        "night": tell_night(now),
        "reconcilers": ask_reconcilers(now),
        "beats": list_beats(now),
    }


def list_next(request: HttpRequest) -> list[Any]:
    """This function will list what falls due next of what is one's own or nobody's."""
    mine = Q(assignee=request.user.pk) | Q(assignee__isnull=True)
    tickets = annotate_queue(open_tickets().filter(mine)).filter(next_due_at__isnull=False)
    return list(tickets.select_related("order").order_by("next_due_at")[:8])


def list_levels(counts: dict[str, int]) -> list[dict[str, Any]]:
    queue = reverse("admin:tickets_ticket_changelist")
    return [
        {"label": label, "count": counts[code], "address": f"{queue}?level__exact={code}"}
        for code, label in Ticket.Level.choices
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
        for approval in waiting.order_by("requested_at")[:8]
    ]


def tell_night(now: datetime) -> dict[str, Any]:
    """This function will sum up what the desk refunded by itself since yesterday evening."""
    evening = timezone.localtime(now).replace(hour=EVENING, minute=0, second=0, microsecond=0)
    since = evening - timedelta(days=1)
    refunds = Refund.objects.filter(
        purpose=Refund.Purpose.COMMITMENT, requested_at__gte=since, held=False
    ).exclude(payment__order__source=Order.Source.DRILL)
    out = Q(state__in=[State.REQUESTED, State.ACCEPTED, State.UNKNOWN, State.SUCCEEDED])
    summed = refunds.aggregate(
        count=Count("pk", filter=out),
        fen=Sum("amount_fen", filter=out),
        failed=Count("pk", filter=Q(state__in=[State.REJECTED, State.MANUAL])),
    )
    return {
        "count": summed["count"],
        "amount": yuan(summed["fen"] or 0),
        "failed": summed["failed"],
        "since": since,
        "address": reverse("admin:orders_refund_changelist") + "?purpose__exact=commitment",
    }


def ask_reconcilers(now: datetime) -> list[dict[str, Any]]:
    """This function will ask each question whose only good answer is zero."""
    labels = {
        "tickets_without_clock": _("Disputes without the clock they need"),
        "fired_without_event": _("Fired deadlines without their event"),
        "stuck_outbox": _("Messages and order events waiting over 5 min"),
        "stuck_refunds": _("Refunds without an answer for over 10 min"),
        "overdue_deadlines": _("Deadlines not fired in time"),
        "paused_without_pause": _("Paused clocks without a reason"),
        "levels_without_people": _("Levels without a reachable person"),
        "silent_sources": _("Mailbox or shop database that cannot be read"),
    }
    return [
        {"label": labels.get(name, name), "count": reconciler(now)}
        for name, reconciler in RECONCILERS.items()
    ]


def list_beats(now: datetime) -> list[dict[str, Any]]:
    """One driver that runs is enough; the row of one that was retired is no alarm."""
    beats = list(SweepBeat.objects.order_by("name"))
    late = {beat.name: now - beat.last_ok_at > SWEEP_AGE for beat in beats}
    return [
        {
            "name": beat.name,
            "ago": write_length(now - beat.last_ok_at),
            "tone": "good" if not late[beat.name] else "bad" if all(late.values()) else "plain",
        }
        for beat in beats
    ]
