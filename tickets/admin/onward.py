"""From one dispute to the next: what falls due next of what the reader may work."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from tickets.admin.edge import supervises
from tickets.admin.links import ticket_address
from tickets.admin.queue import annotate_queue, open_tickets
from tickets.models import Ticket

#: What waits for somebody at the desk, not for the customer, the channel or the supplier.
OURS = (Ticket.Status.NEW, Ticket.Status.IN_PROGRESS)


def find_next(request: HttpRequest, *, after: int) -> Ticket | None:
    """This function will find what falls due next: one's own or nobody's, and ours to act on."""
    mine = Q(assignee=request.user.pk) | Q(assignee__isnull=True)
    tickets = annotate_queue(open_tickets().filter(mine, status__in=OURS)).exclude(pk=after)
    if not supervises(request):
        tickets = tickets.filter(level=Ticket.Level.AGENT)
    found: Ticket | None = (
        tickets.filter(decision_waits=False, next_due_at__isnull=False)
        .order_by("next_due_at", "pk")
        .first()
    )
    return found


def next_address(request: HttpRequest, *, after: int) -> str:
    """This function will lead to the next dispute, or to the queue when nothing else is due."""
    following = find_next(request, after=after)
    if following is not None:
        return ticket_address(following.pk)
    messages.info(request, _("Nothing else waits for you."))
    return reverse("admin:tickets_ticket_changelist")


def go_on(request: HttpRequest, done: Any, *, ticket_id: int) -> "str | HttpResponse":
    """This function will open the next dispute after a verb that leaves this one to others.

    Only from the dispute's own page: whoever worked from the queue stays there.
    """
    came_from = urlsplit(request.headers.get("HX-Current-URL", "")).path
    if came_from != ticket_address(ticket_id):
        return str(done)
    number = Ticket.objects.values_list("number", flat=True).get(pk=ticket_id)
    link = format_html('<a class="desk-link" href="{}">{}</a>', came_from, number)
    messages.success(request, format_html("{}: {}", link, done))
    address = next_address(request, after=ticket_id)
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": address})
    return redirect(address)
