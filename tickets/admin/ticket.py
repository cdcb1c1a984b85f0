"""One dispute on one screen, and the queue it is picked from."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from orders.admin.readonly import ReadOnlyAdmin
from tickets.admin.calling import CallPage
from tickets.admin.deciding import DecidingVerbs
from tickets.admin.edge import acting, now_of, user_of, works_disputes
from tickets.admin.external import AttachVerb
from tickets.admin.handling import HandlingVerbs
from tickets.admin.looking import is_row_number, tell_others
from tickets.admin.onward import next_address
from tickets.admin.own_views import OwnViews, clean_query, list_own
from tickets.admin.page import find_dossier
from tickets.admin.proof import send_original, send_preview
from tickets.admin.queue import QueueColumns, count_open, list_views
from tickets.admin.screen import describe
from tickets.admin.together import TogetherPages
from tickets.duty import note_presence
from tickets.models import Ticket


@admin.register(Ticket)
class TicketAdmin(
    CallPage,
    TogetherPages,
    OwnViews,
    HandlingVerbs,
    DecidingVerbs,
    AttachVerb,
    QueueColumns,
    ReadOnlyAdmin,
):
    """Nothing is edited here: every change is a verb, carried out by the domain."""

    list_before_template = "admin/tickets/ticket/views.html"
    #: In the order in which the page offers them.
    actions_detail = (
        "take",
        "assign",
        "reply",
        "request_evidence",
        "accept_evidence",
        "refund",
        "redeliver",
        "resolve",
        "refuse",
        "escalate",
        "merge",
        "link_outage",
        "approve",
        "decline",
        "reopen",
        "attach",
        "note",
        "reveal",
    )
    actions = ("assign_together", "link_together", "reply_together")
    actions_row = ("take", "assign", "reply", "request_evidence", "refund", "escalate")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return works_disputes(request) or super().has_view_permission(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_work_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return works_disputes(request)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        here = "<int:ticket_id>/proof/<uuid:evidence_id>"
        around = [
            path("call/", wrap(self.call), name="tickets_ticket_call"),
            path(
                "together/<slug:verb>/",
                wrap(require_POST(self.together)),
                name="tickets_ticket_together",
            ),
            path("views/keep/", wrap(require_POST(self.keep_view)), name="tickets_view_keep"),
            path(
                "views/<int:view_id>/forget/",
                wrap(require_POST(self.forget_view)),
                name="tickets_view_forget",
            ),
            path("next/", wrap(self.onward), name="tickets_ticket_next"),
            path("here/", wrap(require_POST(self.here)), name="tickets_here"),
        ]
        proof = [
            path(f"{here}/preview/", wrap(self.preview), name="tickets_proof_preview"),
            path(f"{here}/original/", wrap(self.original), name="tickets_proof_original"),
        ]
        return [*around, *proof, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        views = list_views(request, count_open(request))
        context = {
            "title": gettext_lazy("Queue"),
            "queue_views": views,
            "own_views": list_own(request),
            "own_query": clean_query(request.META.get("QUERY_STRING", "")),
        }
        return super().changelist_view(request, context | (extra_context or {}))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Shows the dispute. A POST is refused: there is no form here to be sent."""
        if not self.has_view_permission(request) or request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        if object_id is None or not object_id.isdigit():
            raise Http404
        dossier = find_dossier(int(object_id), now=now_of(request))
        if dossier is None:
            raise Http404
        actor = acting(request) if works_disputes(request) else None
        may_reveal = user_of(request).has_perm("tickets.reveal_contact")
        screen = describe(dossier, actor=actor, may_reveal=may_reveal, address=self.address_of)
        context = {
            **self.admin_site.each_context(request),
            **screen,
            "opts": self.opts,
            "original": dossier.ticket,
            "title": dossier.ticket.number,
            "is_fullwidth": "1",
            "next_address": f"{reverse('admin:tickets_ticket_next')}?after={dossier.ticket.pk}",
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/tickets/ticket/change_form.html", context)

    def address_of(self, verb: str) -> tuple[str, Callable[..., Any]]:
        """This function will give the name of a verb's address, and the verb itself."""
        return f"admin:tickets_ticket_{verb}", getattr(self, verb)

    def onward(self, request: HttpRequest) -> HttpResponse:
        """Leads to the dispute that falls due next, after the one that was looked at."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        after = request.GET.get("after", "")
        return redirect(next_address(request, after=int(after) if is_row_number(after) else 0))

    def here(self, request: HttpRequest) -> HttpResponse:
        """Notes who is in front of which page, and answers who else is."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        said = request.POST.get("ticket", "")
        pk = int(said) if is_row_number(said) else None
        note_presence(user=user_of(request), now=now_of(request), ticket_id=pk)
        return JsonResponse({"hint": tell_others(request, pk) if pk else ""})

    def preview(self, request: HttpRequest, ticket_id: int, evidence_id: UUID) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return send_preview(ticket_id, evidence_id)

    def original(self, request: HttpRequest, ticket_id: int, evidence_id: UUID) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return send_original(ticket_id, evidence_id)
