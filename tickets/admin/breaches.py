"""Missed deadlines, unreviewed first, and their review by somebody who did not handle them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminSelectWidget

from orders.admin.cells import badge, instant, two_lines
from orders.admin.dialogs import DialogForm, dialog_action, text_field
from orders.admin.readonly import ReadOnlyAdmin
from tickets.admin.countdown import write_length
from tickets.admin.edge import name_of, now_of, supervises, user_of
from tickets.admin.links import ticket_link
from tickets.breaches import ACTION_LIMIT, review_breach
from tickets.models import Breach, Deadline


class ReviewForm(DialogForm):
    cause_code = forms.ChoiceField(
        label=gettext_lazy("Cause"),
        choices=Breach.CauseCode.choices,
        widget=UnfoldAdminSelectWidget,
    )
    responsible_party = forms.ChoiceField(
        label=gettext_lazy("Responsible"),
        choices=Breach.Party.choices,
        widget=UnfoldAdminRadioSelectWidget,
    )
    corrective_action = text_field(
        gettext_lazy("Corrective action"),
        limit=ACTION_LIMIT,
        help_text=gettext_lazy("What changes, so that it does not happen again."),
    )


class ReviewedFilter(DropdownFilter):
    title = gettext_lazy("review")
    parameter_name = "reviewed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", gettext_lazy("To be reviewed")), ("yes", gettext_lazy("Reviewed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Breach]) -> QuerySet[Breach]:
        if self.value() in ("yes", "no"):
            return queryset.filter(reviewed_at__isnull=self.value() == "no")
        return queryset


@admin.register(Breach)
class BreachAdmin(ReadOnlyAdmin):
    list_display = ("which", "due", "late", "handler", "review_state", "cause", "responsible")
    list_filter = [
        ReviewedFilter,
        ("kind", ChoicesDropdownFilter),
        ("cause_code", ChoicesDropdownFilter),
        ("responsible_party", ChoicesDropdownFilter),
    ]
    list_select_related = ("ticket__assignee", "deadline", "reviewed_by")
    search_fields = ("ticket__number",)
    search_help_text = gettext_lazy("Whole number of the dispute")
    sortable_by = ()
    fields = (
        ("about", "kind"),
        ("due_at", "detected_at"),
        "late",
        ("cause_code", "responsible_party"),
        "corrective_action",
        ("reviewed_by", "reviewed_at"),
    )
    readonly_fields = ("about", "late")
    actions_row = ("review",)
    actions_detail = ("review",)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return supervises(request) or super().has_view_permission(request, obj)

    def has_review_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return supervises(request)

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        return [F("reviewed_at").desc(nulls_first=True), "-id"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Breach], search_term: str
    ) -> tuple[QuerySet[Breach], bool]:
        term = search_term.strip().upper()
        return (queryset.filter(ticket__number=term) if term else queryset), False

    @display(description=gettext_lazy("missed deadline"))
    def which(self, breach: Breach) -> SafeString:
        return two_lines(breach.get_kind_display(), breach.ticket.number)

    @display(description=gettext_lazy("dispute"))
    def about(self, breach: Breach) -> SafeString:
        return ticket_link(breach.ticket)

    @display(description=gettext_lazy("due at"))
    def due(self, breach: Breach) -> str:
        return instant(breach.due_at)

    @display(description=gettext_lazy("late by"))
    def late(self, breach: Breach) -> str:
        """Until what it waited for happened, though the deadline itself had fired by then."""
        ticket, deadline = breach.ticket, breach.deadline
        is_reply = breach.kind == Deadline.Kind.FIRST_REPLY
        happened_at = deadline.met_at or (
            ticket.first_replied_at if is_reply else ticket.resolved_at
        )
        if happened_at is None or happened_at < breach.due_at:
            return _("still open")
        return write_length(happened_at - breach.due_at)

    @display(description=gettext_lazy("owner"))
    def handler(self, breach: Breach) -> str:
        return name_of(breach.ticket.assignee) or "—"

    @display(description=gettext_lazy("review"))
    def review_state(self, breach: Breach) -> SafeString:
        if breach.reviewed_at is None:
            return badge(_("to be reviewed"), "bad")
        return badge(name_of(breach.reviewed_by), "good", title=instant(breach.reviewed_at))

    @display(description=gettext_lazy("cause"))
    def cause(self, breach: Breach) -> str:
        return breach.get_cause_code_display() or "—"

    @display(description=gettext_lazy("responsible"))
    def responsible(self, breach: Breach) -> str:
        return breach.get_responsible_party_display() or "—"

    @dialog_action(
        name=gettext_lazy("Review"),
        title=gettext_lazy("Review this missed deadline"),
        description=gettext_lazy(
            "By somebody who did not handle the dispute before it was missed."
        ),
        submit=gettext_lazy("Sign off"),
        url_path="review",
        permission="review",
        form_class=ReviewForm,
        icon="rate_review",
        variant=ActionVariant.PRIMARY,
    )
    def review(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        review_breach(
            breach_id=pk,
            cause_code=form.cleaned_data["cause_code"],
            responsible_party=form.cleaned_data["responsible_party"],
            corrective_action=form.cleaned_data["corrective_action"],
            reviewer=user_of(request),
            now=now_of(request),
        )
        return _("The review is signed off.")
