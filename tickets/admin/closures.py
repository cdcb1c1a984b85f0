"""Closures that were drawn for a second look, and the look itself."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminRadioSelectWidget

from orders.admin.cells import badge, instant, two_lines
from orders.admin.dialogs import DialogForm, dialog_action, text_field
from orders.admin.readonly import ReadOnlyAdmin
from tickets.admin.breaches import ReviewedFilter
from tickets.admin.edge import name_of, now_of, supervises, user_of
from tickets.admin.links import ticket_link
from tickets.closures import FINDINGS_LIMIT, review_closure
from tickets.models import ClosureReview

TONES = {"sound": "good", "fault": "bad", "suspicious": "warn"}


class ClosureForm(DialogForm):
    verdict = forms.ChoiceField(
        label=gettext_lazy("Verdict"),
        choices=ClosureReview.Verdict.choices,
        widget=UnfoldAdminRadioSelectWidget,
    )
    findings = text_field(
        gettext_lazy("Findings"),
        limit=FINDINGS_LIMIT,
        help_text=gettext_lazy("What was looked at, and what it showed."),
    )


@admin.register(ClosureReview)
class ClosureReviewAdmin(ReadOnlyAdmin):
    list_display = ("which", "why", "handler", "drawn", "state")
    list_filter = [ReviewedFilter, ("verdict", ChoicesDropdownFilter)]
    list_select_related = ("ticket__assignee", "reviewed_by")
    search_fields = ("ticket__number",)
    sortable_by = ()
    fields = (
        ("about", "day"),
        ("why", "drawn"),
        ("verdict", "findings"),
        ("reviewed_by", "reviewed_at"),
    )
    readonly_fields = ("about", "why", "drawn")
    actions_row = ("review",)
    actions_detail = ("review",)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return supervises(request) or super().has_view_permission(request, obj)

    def has_review_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return supervises(request)

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        return [F("reviewed_at").desc(nulls_first=True), "-id"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ClosureReview], search_term: str
    ) -> tuple[QuerySet[ClosureReview], bool]:
        term = search_term.strip().upper()
        return (queryset.filter(ticket__number=term) if term else queryset), False

    @display(description=gettext_lazy("dispute"))
    def which(self, review: ClosureReview) -> SafeString:
        return two_lines(review.ticket.number, review.ticket.get_outcome_display())

    @display(description=gettext_lazy("dispute"))
    def about(self, review: ClosureReview) -> SafeString:
        return ticket_link(review.ticket)

    @display(description=gettext_lazy("why drawn"))
    def why(self, review: ClosureReview) -> SafeString:
        reasons = [_("paused near a deadline")] if review.late_pause else []
        reasons += [_("same agent and buyer again")] if review.repeated_pair else []
        marks = [badge(reason, "warn") for reason in reasons] or [badge(_("by chance"))]
        return format_html_join(" ", "{}", ((mark,) for mark in marks))

    @display(description=gettext_lazy("owner"))
    def handler(self, review: ClosureReview) -> str:
        return name_of(review.ticket.assignee) or "—"

    @display(description=gettext_lazy("drawn from"))
    def drawn(self, review: ClosureReview) -> str:
        values = {"day": review.day.isoformat(), "count": review.drawn_of}
        return _("%(day)s, %(count)s closures") % values

    @display(description=gettext_lazy("review"))
    def state(self, review: ClosureReview) -> SafeString:
        if review.reviewed_at is None:
            return badge(_("to be reviewed"), "bad")
        title = f"{name_of(review.reviewed_by)} {instant(review.reviewed_at)}"
        return badge(review.get_verdict_display(), TONES[review.verdict], title=title)

    @dialog_action(
        name=gettext_lazy("Review"),
        title=gettext_lazy("Look at this closure"),
        description=gettext_lazy("By somebody who had no hand in the dispute."),
        submit=gettext_lazy("Sign off"),
        url_path="review",
        permission="review",
        form_class=ClosureForm,
        icon="rate_review",
        variant=ActionVariant.PRIMARY,
    )
    def review(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        review_closure(
            review_id=pk,
            verdict=form.cleaned_data["verdict"],
            findings=form.cleaned_data["findings"],
            reviewer=user_of(request),
            now=now_of(request),
        )
        return _("The review is signed off.")
