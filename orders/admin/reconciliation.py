from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from helpdesk import clock
from orders.admin.cells import badge, instant, two_lines, yuan
from orders.admin.dialogs import DialogForm, dialog_action, person_at, text_field
from orders.admin.money import by_number
from orders.admin.readonly import ReadOnlyAdmin
from orders.by_hand import label_of
from orders.models import ReconciliationDifference, ReconciliationRun
from orders.reconciling.differences import REASON_LIMIT, sign_off

Difference = ReconciliationDifference
STATE_TONES = {
    Difference.State.OPEN: "bad",
    Difference.State.WAITING: "warn",
    Difference.State.CLEARED: "good",
    Difference.State.SIGNED_OFF: "plain",
}


@admin.register(ReconciliationRun)
class ReconciliationRunAdmin(ReadOnlyAdmin):
    """The report: one line for each comparison of a bill with our records."""

    list_display = (
        "bill",
        "result",
        "matched",
        "ours_only",
        "theirs_only",
        "amount_differs",
        "other",
        "waiting",
        "signed_off",
        "at",
    )
    list_filter = [("channel", ChoicesDropdownFilter), ("state", ChoicesDropdownFilter)]
    date_hierarchy = "day"
    ordering = ("-id",)
    fields = (
        ("channel", "day"),
        ("state", "is_complete"),
        "message",
        ("source", "account"),
        "sha256",
        ("lines", "matched"),
        ("payments_sum", "refunds_sum"),
        "posted_elsewhere",
        ("ours_only", "theirs_only"),
        ("amount_differs", "other"),
        ("waiting", "signed_off"),
        "to_differences",
        ("requested_by", "at"),
    )
    readonly_fields = ("payments_sum", "refunds_sum", "to_differences")

    @display(description=_("bill"))
    def bill(self, run: ReconciliationRun) -> SafeString:
        return two_lines(run.day.isoformat(), run.get_channel_display())

    @display(description=_("result"))
    def result(self, run: ReconciliationRun) -> SafeString:
        if run.state != ReconciliationRun.State.COMPARED:
            return badge(run.get_state_display(), "warn", title=run.message)
        if run.differences_count:
            return badge(_("differences"), "bad")
        return badge(_("agrees"), "good")

    @display(description=_("matched payments"))
    def payments_sum(self, run: ReconciliationRun) -> str:
        return yuan(run.matched_payments_fen)

    @display(description=_("matched refunds"))
    def refunds_sum(self, run: ReconciliationRun) -> str:
        return yuan(run.matched_refunds_fen)

    @display(description=_("differences"))
    def to_differences(self, run: ReconciliationRun) -> SafeString:
        address = reverse("admin:orders_reconciliationdifference_changelist")
        query = f"channel={run.channel}&day={run.day.isoformat()}"
        return format_html(
            '<a class="desk-link" href="{}?{}">{}</a>', address, query, run.differences_count
        )


class SignOffForm(DialogForm):
    reason = text_field(_("Reason"), limit=REASON_LIMIT, help_text=_("Why nothing is to be done."))


@admin.register(ReconciliationDifference)
class ReconciliationDifferenceAdmin(ReadOnlyAdmin):
    list_display = ("what", "bill", "progress", "ours", "theirs", "found_at")
    list_filter = [
        ("state", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("channel", ChoicesDropdownFilter),
        ("subject", ChoicesDropdownFilter),
        "day",
    ]
    ordering = ("-id",)
    search_fields = ("number",)
    search_help_text = _("Whole refund or trade number")
    actions_detail = ["sign_off"]
    fields = (
        ("kind", "progress"),
        ("channel", "day"),
        ("subject", "number"),
        "trade_no",
        ("ours", "theirs"),
        ("ours_at", "theirs_at"),
        ("to_record", "line"),
        ("to_run", "found_at"),
        ("closed_at", "closed_by"),
        "reason",
    )
    readonly_fields = ("progress", "ours", "theirs", "to_record", "to_run")

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Difference]", search_term: str
    ) -> "tuple[QuerySet[Difference], bool]":
        return by_number(queryset, search_term, "number", "trade_no")

    def has_sign_off_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        if not request.user.has_perm("orders.sign_off_difference"):
            return False
        if object_id is None:
            return True
        row = Difference.objects.filter(pk=object_id).first()
        return row is not None and row.is_unexplained

    @dialog_action(
        name=_("Sign off"),
        title=_("Sign off this difference"),
        submit=_("Sign off"),
        url_path="sign-off",
        permission="sign_off",
        form_class=SignOffForm,
        description=_("It stays on record with your name and reason and no longer counts."),
        icon="task_alt",
    )
    def sign_off(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        sign_off(
            difference_id=pk,
            reason=form.cleaned_data["reason"],
            by=label_of(person_at(request)),
            now=clock.now(),
        )
        return str(_("Signed off."))

    @display(description=_("difference"))
    def what(self, row: Difference) -> SafeString:
        return two_lines(row.get_kind_display(), f"{row.get_subject_display()} {row.number}")

    @display(description=_("bill"))
    def bill(self, row: Difference) -> SafeString:
        return two_lines(row.day.isoformat(), row.get_channel_display())

    @display(description=_("state"))
    def progress(self, row: Difference) -> SafeString:
        tone = STATE_TONES.get(Difference.State(row.state), "plain")
        return badge(row.get_state_display(), tone, title=row.reason)

    @display(description=_("ours"))
    def ours(self, row: Difference) -> SafeString:
        return two_lines(yuan(row.ours_fen) or "–", row.ours_state)

    @display(description=_("theirs"))
    def theirs(self, row: Difference) -> SafeString:
        return two_lines(yuan(row.theirs_fen) or "–", row.theirs_state)

    @display(description=_("our record"))
    def to_record(self, row: Difference) -> SafeString | str:
        record = row.refund or row.payment
        if record is None:
            return "–"
        address = reverse(f"admin:orders_{record._meta.model_name}_change", args=[record.pk])
        return format_html('<a class="desk-link" href="{}">{}</a>', address, record)

    @display(description=_("reconciliation"))
    def to_run(self, row: Difference) -> SafeString:
        address = reverse("admin:orders_reconciliationrun_change", args=[row.run_id])
        return format_html('<a class="desk-link" href="{}">{}</a>', address, instant(row.run.at))
