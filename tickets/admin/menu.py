"""What stands around every page of the admin: counts in the menu, the search, the alarm."""

from typing import Any

from django.conf import settings
from django.db.models import Count, Value
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from unfold.dataclasses import SearchResult

from orders.masking import mask_account
from tickets.admin.edge import name_of, now_of, supervises, user_of, works_disputes
from tickets.admin.links import ticket_address
from tickets.admin.queue import find_tickets
from tickets.models import Approval, Breach, ClosureReview, Ticket
from tickets.watchdog import timers_stand_still

SEARCH_RESULTS = 10


def count_waiting(request: HttpRequest) -> dict[str, int]:
    """This function will count what waits for a supervisor, in one statement per request."""
    known: Any = request
    if not hasattr(known, "desk_waiting"):
        asked = Approval.objects.filter(state=Approval.State.PENDING)
        missed = Breach.objects.filter(reviewed_at__isnull=True, ticket__is_drill=False)
        drawn = ClosureReview.objects.filter(reviewed_at__isnull=True)
        rows = [
            rows.order_by().values(what=Value(what)).annotate(n=Count("pk"))
            for what, rows in (("approvals", asked), ("breaches", missed), ("closures", drawn))
        ]
        known.desk_waiting = dict(rows[0].union(*rows[1:], all=True).values_list("what", "n"))
    waiting: dict[str, int] = known.desk_waiting
    return waiting


def approvals_badge(request: HttpRequest) -> str:
    """An empty badge is not shown."""
    return str(count_waiting(request).get("approvals") or "") if supervises(request) else ""


def breaches_badge(request: HttpRequest) -> str:
    return str(count_waiting(request).get("breaches") or "") if supervises(request) else ""


def closures_badge(request: HttpRequest) -> str:
    return str(count_waiting(request).get("closures") or "") if supervises(request) else ""


def environment(request: HttpRequest) -> list[str] | None:
    return [_("Demo"), "warning"] if settings.DEMO else None


def surround(request: HttpRequest) -> dict[str, Any]:
    """This function will give every page who is signed in, and a red bar while no deadline is
    being watched."""
    if not request.user.is_authenticated or not request.user.is_staff:
        return {}
    problem = timers_stand_still(now_of(request))
    words = {
        "no sweep within 15 s": _("No round of the timers within 15 seconds."),
        "a deadline is due for more than 30 s": _("A deadline is due for more than 30 seconds."),
    }
    return {
        "timers_problem": words.get(problem, problem),
        "desk_person": name_of(user_of(request)),
        "here_address": reverse("admin:tickets_here") if works_disputes(request) else "",
    }


def search(request: HttpRequest, term: str) -> list[SearchResult]:
    """This function will find disputes for the command palette, by the beginning of a number."""
    if not works_disputes(request) or not term.strip():
        return []
    tickets = Ticket.objects.select_related("order")
    return [
        SearchResult(
            title=ticket.number,
            description=f"{ticket.order.order_no} {mask_account(ticket.order.target_account)}",
            link=ticket_address(ticket.pk),
            icon="confirmation_number",
        )
        for ticket in find_tickets(tickets, term)[:SEARCH_RESULTS]
    ]
