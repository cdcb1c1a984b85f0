"""Who looked at full contact or bank data, and why: read from the chain of events."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from orders.admin.cells import instant
from tickets.admin.edge import name_labels
from tickets.admin.links import ticket_address
from tickets.admin.sheets import as_sheet
from tickets.chain import text_digest
from tickets.models import Event, Message

PAGE = 30
SHEET_LIMIT = 10_000


def looks() -> Any:
    kind = Event.Kind.CONTACT_REVEALED
    return Event.objects.filter(kind=kind).select_related("ticket").order_by("-pk")


def fill_reveals(request: HttpRequest) -> dict[str, Any]:
    """This function will list who looked at what, newest first."""
    actor = request.GET.get("who", "")
    found = looks().filter(actor=actor) if actor else looks()
    page = Paginator(found, PAGE).get_page(request.GET.get("p"))
    return {
        "title": _("Revealed data"),
        "page": page,
        "lines": tell_looks(list(page)),
        "who": name_labels([actor]).get(actor, "") if actor else "",
    }


def send_reveals(request: HttpRequest) -> HttpResponse:
    lines = tell_looks(list(looks()[:SHEET_LIMIT]))
    header = [_("at"), _("who"), _("dispute"), _("what was shown"), _("reason")]
    rows = [[instant(x["at"]), x["name"], x["number"], x["what"], x["reason"]] for x in lines]
    return as_sheet("revealed", header, rows)


def tell_looks(events: list[Event]) -> list[dict[str, Any]]:
    names = name_labels(event.actor for event in events)
    reasons = find_reasons(events)
    words = {
        "name": _("name"),
        "phone": _("phone"),
        "email": _("e-mail"),
        "target_account": _("account"),
        "bank_account": _("bank account"),
    }
    return [
        {
            "at": event.at,
            "actor": event.actor,
            "name": names.get(event.actor, event.actor),
            "number": event.ticket.number,
            "address": ticket_address(event.ticket_id),
            "what": ", ".join(words.get(name, name) for name in event.data.get("fields", [])),
            "reason": reasons.get(event.data.get("text_digest", ""), _("(erased)")),
        }
        for event in events
    ]


def find_reasons(events: list[Event]) -> dict[str, str]:
    """The chain holds digests; the reason itself is an internal note of the same dispute."""
    notes = Message.objects.filter(
        ticket__in={event.ticket_id for event in events},
        actor__in={event.actor for event in events},
        internal=True,
    )
    return {text_digest(salt=note.salt, text=note.body): note.body for note in notes}
