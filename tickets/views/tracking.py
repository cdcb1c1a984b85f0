"""The page behind a tracking link. Whoever holds the link may read it and add proof."""

from datetime import datetime
from uuid import UUID

from django import forms
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from helpdesk import clock
from orders.masking import mask_email, mask_phone
from tickets.forms import (
    CARDS,
    KindForm,
    LastFourForm,
    RateForm,
    ReasonForm,
    TextForm,
    WithdrawForm,
)
from tickets.models import Event, Ticket
from tickets.papers import draw_code
from tickets.views.files import grid_context, show_preview
from tickets.views.guard import is_verified
from tickets.views.home import desk_hours
from tickets.views.money_story import tell_refunds
from tickets.views.order_story import tell_order
from tickets.views.ticket_story import tell_ticket
from tickets.views.timeline import Entry, tell_timeline
from tickets.views.transfer_story import tell_transfer


def find_ticket(token: str) -> Ticket:
    ticket = (
        Ticket.objects.select_related("order", "commitment_started_by", "merged_into")
        .filter(tracking_token=token)
        .first()
    )
    if ticket is None:
        raise Http404
    return ticket


#: What a dispute's page reads, each in one statement.
PARTS = (
    "evidence",
    "deadlines",
    "approvals",
    "transfers",
    "events",
    "messages",
    "referrals",
    "order__payments__refunds",
    "order__top_ups",
    "order__delivery_records",
)


def load_parts(ticket: Ticket) -> None:
    prefetch_related_objects([ticket], *PARTS)


@never_cache
@require_safe
def news(request: HttpRequest, token: str) -> HttpResponse:
    """What a page that is open asks every two seconds: how far the dispute has come.

    One indexed read and twenty bytes; only where they differ from ``since`` is the page asked for.
    """
    rows = Ticket.objects.filter(tracking_token=token).values_list("event_seq", flat=True)
    seq = rows.first()
    if seq is None:
        raise Http404
    if request.GET.get("since") == str(seq):
        return HttpResponse(status=204)
    return JsonResponse({"seq": seq})


def is_in_wechat(request: HttpRequest) -> bool:
    """This function will tell whether the page is read inside WeChat, which opens no downloads."""
    return "MicroMessenger" in request.headers.get("User-Agent", "")


@never_cache
@require_safe
def tracking(request: HttpRequest, token: str) -> HttpResponse:
    return show_ticket(request, find_ticket(token), now=clock.now())


def show_ticket(
    request: HttpRequest,
    ticket: Ticket,
    *,
    now: datetime,
    refused: dict[str, forms.Form] | None = None,
    file_errors: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """This function will show the page; forms that were refused stay open with their errors."""
    load_parts(ticket)
    timeline = tell_timeline(ticket)
    grid = ticket_grid(ticket, file_errors or [])
    address = request.build_absolute_uri(reverse("tracking", args=[ticket.tracking_token]))
    context = {
        "ticket": ticket,
        "address": address,
        "code": draw_code(address),
        "in_wechat": is_in_wechat(request),
        "category_label": CARDS[Ticket.Category(ticket.category)][0],
        "story": tell_ticket(ticket, now=now),
        "transfer": tell_transfer(ticket),
        "asked_for": asked_for(ticket, timeline),
        "needs_proof": ticket.status == Ticket.Status.WAITING_CUSTOMER or bool(grid["needs"]),
        "order": tell_order(ticket.order, now=now),
        "contact": mask_phone(ticket.contact_phone) or mask_email(ticket.contact_email),
        "refunds": tell_refunds(ticket),
        "timeline": timeline,
        "referral": next(iter(ticket.referrals.all()), None),
        "forms": tracking_forms(request, ticket, refused or {}),
        "open_form": next(iter(refused), "") if refused else "",
        "now": now,
        **desk_hours(now),
        **grid,
    }
    return render(request, "tickets/tracking.html", context, status=status)


def asked_for(ticket: Ticket, timeline: list[Entry]) -> str:
    """This function will repeat beside the status what staff asked for."""
    if ticket.status != Ticket.Status.WAITING_CUSTOMER:
        return ""
    requests = (entry for entry in timeline if entry.kind == Event.Kind.EVIDENCE_REQUESTED)
    return next((entry.text for entry in requests), "")


def ticket_grid(ticket: Ticket, errors: list[str]) -> dict[str, object]:
    grid = grid_context(ticket.category, list(ticket.evidence.all()), errors)
    kind = KindForm(initial={"kind": grid["next_kind"]})
    return {"ticket": ticket, "kind_form": kind, "is_removable": False, **grid}


def tracking_forms(
    request: HttpRequest, ticket: Ticket, refused: dict[str, forms.Form]
) -> dict[str, forms.Form]:
    """One form per verb, each with ids of its own: they stand on one page."""
    verified = is_verified(request, ticket)
    fresh: dict[str, forms.Form] = {
        "reply": TextForm(auto_id="reply_%s"),
        "escalate": ReasonForm(auto_id="escalate_%s"),
        "withdraw": WithdrawForm(auto_id="withdraw_%s", verified=verified),
        "reopen": ReasonForm(auto_id="reopen_%s"),
        "rate": RateForm(auto_id="rate_%s"),
    }
    return fresh | refused


@require_safe
def ticket_preview(request: HttpRequest, token: str, evidence_id: UUID) -> HttpResponse:
    return show_preview(find_ticket(token).evidence.all(), evidence_id)


def verify_context(ticket: Ticket, form: forms.Form | None = None) -> dict[str, object]:
    return {"ticket": ticket, "form": form or LastFourForm()}
