"""Complaints that outside bodies keep: what they want until when, and how they ended."""

from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from orders.admin.cells import badge, instant, two_lines
from orders.admin.dialogs import DialogForm, dialog_action
from orders.admin.readonly import ReadOnlyAdmin
from tickets.admin.edge import acting, now_of, works_disputes
from tickets.admin.external_forms import AcceptForm, AttachForm, SettleForm
from tickets.admin.links import ticket_link
from tickets.models import ExternalCase
from tickets.transitions import external, external_steps


class OpenFilter(DropdownFilter):
    title = gettext_lazy("state")
    parameter_name = "state"
    all_option = ["", gettext_lazy("Open")]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("settled", gettext_lazy("Settled")), ("all", gettext_lazy("All"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all" or (not self.value() and request.GET.get("q", "").strip()):
            return queryset
        return queryset.filter(settled_at__isnull=self.value() != "settled")


class AttachVerb:
    """The dialog of TicketAdmin that hangs an outside case on the dispute."""

    @dialog_action(
        name=gettext_lazy("Outside case"),
        title=gettext_lazy("A complaint has come in from outside"),
        description=gettext_lazy(
            "12315, its online settlement, WeChat Pay or another body. The dispute goes to the "
            "supervisors, and is reopened if it was over."
        ),
        submit=gettext_lazy("Attach"),
        url_path="attach",
        permission="work",
        form_class=AttachForm,
        icon="account_balance",
    )
    def attach(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        data = form.cleaned_data
        incoming = external.Incoming(
            data["channel"], data["number"], data["received_at"], data["body"], data["due_at"]
        )
        case = external.attach_external_case(
            ticket_id=pk, incoming=incoming, actor=acting(request), now=now_of(request)
        )
        return _("Attached. It wants to see something before %(due)s.") % {
            "due": instant(min(case.awaited))
        }


@admin.register(ExternalCase)
class ExternalCaseAdmin(ReadOnlyAdmin):
    list_display = ("which", "due", "about", "received_at", "progress")
    list_filter = [
        OpenFilter,
        ("channel", ChoicesDropdownFilter),
        ("result", ChoicesDropdownFilter),
    ]
    list_select_related = ("ticket",)
    list_display_links = ("which",)
    search_fields = ("number", "ticket__number")
    search_help_text = gettext_lazy("Whole number, ours or theirs")
    sortable_by = ()
    fields = (
        ("about", "channel"),
        ("number", "body"),
        ("received_at", "attached_at"),
        ("reply_due_at", "replied_at"),
        ("accepted_at", "settle_due_at"),
        ("rule", "provisional"),
        ("settled_at", "result"),
        "process",
        "method",
    )
    readonly_fields = ("about",)
    actions_row = ("answer", "accept", "settle")
    actions_detail = ("answer", "accept", "settle")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return works_disputes(request) or super().has_view_permission(request, obj)

    def has_work_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return works_disputes(request)

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        return [F("settled_at").asc(nulls_first=True), "settle_due_at"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ExternalCase], search_term: str
    ) -> tuple[QuerySet[ExternalCase], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        ours = queryset.filter(ticket__number=term.upper())
        return ours | queryset.filter(number=term), False

    @display(description=gettext_lazy("outside case"))
    def which(self, case: ExternalCase) -> SafeString:
        return two_lines(case.number, case.get_channel_display())

    @display(description=gettext_lazy("dispute"))
    def about(self, case: ExternalCase) -> SafeString:
        return ticket_link(case.ticket)

    @display(description=gettext_lazy("due"))
    def due(self, case: ExternalCase) -> SafeString | str:
        if not case.awaited:
            return "—"
        at = min(case.awaited)
        first = case.reply_due_at == at and case.replied_at is None
        what = _("first answer") if first else _("settlement")
        if case.provisional:
            what = _("settlement, provisional: next year's holidays are not announced")
        return two_lines(instant(at), what)

    @display(description=gettext_lazy("state"))
    def progress(self, case: ExternalCase) -> SafeString:
        if case.is_open:
            return badge(_("open"), "warn")
        return badge(case.get_result_display(), "good", title=instant(case.settled_at))

    @dialog_action(
        name=gettext_lazy("Answered"),
        title=gettext_lazy("The first answer was given over there"),
        submit=gettext_lazy("Record"),
        url_path="answer",
        permission="work",
        icon="reply",
    )
    def answer(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        external_steps.answer_external_case(
            external_id=pk, actor=acting(request), now=now_of(request)
        )
        return _("Recorded.")

    @dialog_action(
        name=gettext_lazy("Accepted"),
        title=gettext_lazy("The authority has accepted the complaint"),
        description=gettext_lazy("From then on its time of mediation runs."),
        submit=gettext_lazy("Record"),
        url_path="accept",
        permission="work",
        form_class=AcceptForm,
        icon="gavel",
    )
    def accept(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        external_steps.accept_external_case(
            external_id=pk,
            accepted_at=form.cleaned_data["accepted_at"],
            actor=acting(request),
            now=now_of(request),
        )
        return _("Recorded.")

    @dialog_action(
        name=gettext_lazy("Settle"),
        title=gettext_lazy("How the outside case ended"),
        description=gettext_lazy("Time, process, method and result, as the ODR rules ask."),
        submit=gettext_lazy("Record"),
        url_path="settle",
        permission="work",
        form_class=SettleForm,
        icon="handshake",
        variant=ActionVariant.PRIMARY,
    )
    def settle(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        data = form.cleaned_data
        settlement = external_steps.Settlement(
            data["settled_at"], data["process"], data["method"], data["result"]
        )
        external_steps.settle_external_case(
            external_id=pk, settlement=settlement, actor=acting(request), now=now_of(request)
        )
        return _("Recorded.")
