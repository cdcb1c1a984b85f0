"""The first page and the dashboard: what waits, how the desk keeps its word, whether it runs."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case as Choose
from django.db.models import CharField, Count, Q, Sum, Value, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from orders.admin.cells import yuan
from orders.models import Outage, Refund
from tickets.admin.charts import LEFT, chart_days, chart_levels, left_labels
from tickets.admin.countdown import write_length
from tickets.admin.edge import name_of, now_of, supervises, works_disputes
from tickets.admin.menu import count_waiting
from tickets.admin.morning import fill_morning
from tickets.admin.queue import annotate_queue, count_open, list_views, open_tickets
from tickets.models import Breach, SweepBeat, Ticket
from tickets.notice_kinds import WORRIES
from tickets.reports import Kept, Period, count_by_day
from tickets.watchdog import SWEEP_AGE, ask_reconcilers

CHART_DAYS = 30
LISTED = 8


def fill_dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """This function will add to the first page what the one who signed in should see first."""
    if not works_disputes(request):
        return context
    context["title"] = _("Overview")
    context["queue_views"] = list_views(request, count_open(request))
    if not supervises(request):
        return context | {"next_tickets": list_next(request)}
    context["title"] = _("Morning")
    return context | {"waiting": count_waiting(request), **fill_morning(now_of(request))}


def list_next(request: HttpRequest) -> list[Any]:
    """This function will list what falls due next of what is one's own or nobody's."""
    mine = Q(assignee=request.user.pk) | Q(assignee__isnull=True)
    tickets = annotate_queue(open_tickets().filter(mine)).filter(next_due_at__isnull=False)
    return list(tickets.select_related("order").order_by("next_due_at")[:8])


def fill_state(request: HttpRequest) -> dict[str, Any]:
    """This function will collect what the dashboard shows."""
    now = now_of(request)
    days = count_by_day(Period.of_days(CHART_DAYS, now=now), now=now)
    levels = count_levels(now)
    return {
        "title": _("Dashboard"),
        "promises": [tell_promise(days, 7), tell_promise(days, CHART_DAYS)],
        "days": [{"day": day, "kept": kept} for day, kept in reversed(days.items())],
        "days_chart": chart_days(days),
        "levels": levels,
        "left_labels": [label for _code, label in left_labels()],
        "levels_chart": chart_levels(levels),
        "open_total": sum(level["count"] for level in levels),
        "waiting": count_waiting(request),
        "held": sum_held(),
        "breaches": list_breaches(),
        "outages": list_outages(now),
        "reconcilers": list_reconcilers(now),
        "beats": list_beats(now),
    }


def tell_promise(days: dict[Any, Kept], length: int) -> dict[str, Any]:
    """This function will sum the promise up over the last ``length`` days."""
    summed = Kept()
    for kept in list(days.values())[-length:]:
        for fate in ("kept", "broken", "given_up"):
            summed.add(fate, getattr(kept, fate))
    return {"days": length, "share": write_share(summed), "kept": summed}


def write_share(kept: Kept) -> str:
    """A share that is not 100 % is never rounded up to it."""
    if kept.share is None:
        return "—"
    percent = int(kept.share * 1000) / 10
    return f"{percent:.1f} %" if kept.broken else "100 %"


def count_levels(now: datetime) -> list[dict[str, Any]]:
    """This function will count open disputes by level and by what is left of their promise."""
    whens = [
        When(commitment_due_at__lte=now + timedelta(hours=hours), then=Value(code))
        for code, _label, hours in LEFT
    ]
    left = Choose(
        When(commitment_due_at__isnull=True, then=Value("none")),
        *whens,
        default=Value("more"),
        output_field=CharField(),
    )
    rows = open_tickets().filter(is_drill=False).order_by().annotate(left=left)
    found = {(level, code): n for level, code, n in counted(rows)}
    queue = reverse("admin:tickets_ticket_changelist")
    result = []
    for level, label in Ticket.Level.choices:
        cells = [found.get((level, code), 0) for code, _label in left_labels()]
        address = f"{queue}?level__exact={level}"
        result.append(
            {
                "code": level,
                "label": label,
                "cells": cells,
                "count": sum(cells),
                "address": address,
            }
        )
    return result


def counted(rows: Any) -> Any:
    return rows.values_list("level", "left").annotate(n=Count("pk"))


def sum_held() -> dict[str, Any]:
    """This function will sum up the refunds that wait for somebody's approval."""
    held = Refund.objects.filter(held=True, state=Refund.State.PLANNED)
    summed = held.aggregate(count=Count("pk"), fen=Sum("amount_fen"))
    return {"count": summed["count"], "amount": yuan(summed["fen"] or 0)}


def list_breaches() -> list[dict[str, Any]]:
    breaches = Breach.objects.filter(reviewed_at__isnull=True, ticket__is_drill=False)
    newest = breaches.select_related("ticket__assignee").order_by("-due_at")[:LISTED]
    return [
        {
            "address": reverse("admin:tickets_breach_change", args=[breach.pk]),
            "number": breach.ticket.number,
            "kind": breach.get_kind_display(),
            "due_at": breach.due_at,
            "handler": name_of(breach.ticket.assignee) or "—",
        }
        for breach in newest
    ]


def list_outages(now: datetime) -> list[dict[str, Any]]:
    outages = Outage.objects.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=now))
    known = outages.annotate(disputes=Count("tickets")).order_by("-started_at")[:LISTED]
    return [
        {
            "title": outage.title,
            "since": outage.started_at,
            "lasts": write_length(now - outage.started_at),
            "is_public": outage.is_public,
            "disputes": outage.disputes,
        }
        for outage in known
    ]


def list_reconcilers(now: datetime) -> list[dict[str, Any]]:
    """This function will ask each question whose only good answer is zero."""
    return [
        {"label": WORRIES.get(name, name), "count": count}
        for name, count in ask_reconcilers(now).items()
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
