"""The inbox of decisions: what was asked, by whom, and two dialogs to answer with."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from orders.admin.cells import badge, two_lines, yuan
from orders.admin.dialogs import DialogForm, dialog_action
from orders.admin.readonly import ReadOnlyAdmin
from tickets.admin.deciding import decide
from tickets.admin.deciding_forms import ListedDecideForm, describe_question
from tickets.admin.edge import name_labels, name_of, supervises
from tickets.admin.filters import WaitingFirst
from tickets.admin.links import ticket_link
from tickets.models import Approval

STATE_TONES = {
    Approval.State.PENDING: "warn",
    Approval.State.APPROVED: "good",
    Approval.State.DECLINED: "bad",
}


class StateFilter(WaitingFirst):
    title = gettext_lazy("state")
    choices_of = Approval.State
    default = Approval.State.PENDING


def name_label(approval: Any, label: str) -> str:
    names = getattr(approval, "names", None) or name_labels([label])
    return names.get(label, label)


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    list_display = (
        "which",
        "amount",
        "why",
        "asked_by",
        "requested_at",
        "turn",
        "progress",
        "answer",
    )
    list_filter = [StateFilter, ("action", ChoicesDropdownFilter)]
    list_select_related = ("ticket", "asked_of")
    search_fields = ("ticket__number",)
    search_help_text = gettext_lazy("Whole number of the dispute")
    ordering = ("requested_at",)
    sortable_by = ()
    fields = (
        ("about", "state"),
        "question",
        ("asked_by", "requested_at"),
        "turn",
        ("decider", "decided_at"),
        "decision_reason",
    )
    readonly_fields = ("about", "question", "asked_by", "turn", "decider")
    actions_detail = ("approve", "decline")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return supervises(request) or super().has_view_permission(request, obj)

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return supervises(request)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Names everybody on the page at once, and not one by one."""
        changelist = super().get_changelist_instance(request)
        rows = changelist.result_list
        names = name_labels(label for row in rows for label in (row.requested_by, row.decided_by))
        for row in rows:
            row.names = names
        return changelist

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Approval], search_term: str
    ) -> tuple[QuerySet[Approval], bool]:
        term = search_term.strip().upper()
        return (queryset.filter(ticket__number=term) if term else queryset), False

    @display(description=gettext_lazy("decision"))
    def which(self, approval: Approval) -> SafeString:
        return two_lines(approval.get_action_display(), approval.ticket.number)

    @display(description=gettext_lazy("dispute"))
    def about(self, approval: Approval) -> SafeString:
        return ticket_link(approval.ticket)

    @display(description=gettext_lazy("what is asked"))
    def question(self, approval: Approval) -> str:
        return describe_question(approval)

    @display(description=gettext_lazy("amount"))
    def amount(self, approval: Approval) -> str:
        return yuan(approval.arguments.get("amount_fen")) or "—"

    @display(description=gettext_lazy("why it is asked"))
    def why(self, approval: Approval) -> str:
        return approval.reason

    @display(description=gettext_lazy("asked by"))
    def asked_by(self, approval: Approval) -> str:
        return name_label(approval, approval.requested_by)

    @display(description=gettext_lazy("decided by"))
    def decider(self, approval: Approval) -> str:
        return name_label(approval, approval.decided_by) or "—"

    @display(description=gettext_lazy("whose turn"))
    def turn(self, approval: Approval) -> str:
        return name_of(approval.asked_of) or "—"

    @display(description=gettext_lazy("state"))
    def progress(self, approval: Approval) -> SafeString:
        tone = STATE_TONES.get(Approval.State(approval.state), "plain")
        return badge(approval.get_state_display(), tone, title=approval.decision_reason)

    @display(description=gettext_lazy("decision"))
    def answer(self, approval: Approval) -> SafeString | str:
        """Both buttons at hand, on a phone as well: the row's menu would be one more tap."""
        if approval.state != Approval.State.PENDING:
            return "—"
        return format_html_join(
            " ",
            '<a href="{0}" class="desk-verb desk-verb--{1}" hx-get="{0}" '
            'hx-target="#modal-content" hx-select="#dialog" '
            'x-on:htmx:after-on-load="openModal = true">{2}</a>',
            (
                (reverse(f"admin:tickets_approval_{verb}", args=[approval.pk]), tone, label)
                for verb, tone, label in (
                    ("approve", "success", _("Approve")),
                    ("decline", "danger", _("Decline")),
                )
            ),
        )

    @dialog_action(
        name=gettext_lazy("Approve"),
        title=gettext_lazy("Approve: it is carried out at once"),
        submit=gettext_lazy("Approve"),
        url_path="approve",
        permission="decide",
        form_class=ListedDecideForm,
        icon="thumb_up",
        variant=ActionVariant.SUCCESS,
    )
    def approve(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        asked = Approval.objects.get(pk=pk)
        return decide(request, form, ticket_id=asked.ticket_id, decision=True)

    @dialog_action(
        name=gettext_lazy("Decline"),
        title=gettext_lazy("Decline: nothing is carried out"),
        submit=gettext_lazy("Decline"),
        url_path="decline",
        permission="decide",
        form_class=ListedDecideForm,
        icon="thumb_down",
        variant=ActionVariant.DANGER,
    )
    def decline(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        asked = Approval.objects.get(pk=pk)
        return decide(request, form, ticket_id=asked.ticket_id, decision=False)
