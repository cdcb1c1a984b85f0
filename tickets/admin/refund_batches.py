"""Batches of refunds: what was proposed, who approved it, how far it is, what became of each."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from orders.admin.cells import badge, instant, two_lines, yuan
from orders.admin.links import order_link
from orders.admin.readonly import ReadOnlyAdmin
from orders.affected import REASONS
from orders.models import BatchRow, RefundBatch
from tickets.admin.batch_verbs import BatchVerbs
from tickets.admin.edge import name_labels

State, Row = RefundBatch.State, BatchRow.State
TONES = {
    State.PROPOSED: "warn",
    State.WORKING: "info",
    State.PAUSED: "warn",
    State.FINISHED: "good",
}
ROW_TONES = {Row.DONE: "good", Row.FAILED: "bad", Row.BY_HAND: "warn", Row.SENT: "info"}


@admin.register(RefundBatch)
class RefundBatchAdmin(BatchVerbs, ReadOnlyAdmin):
    list_display = ("batch", "of_outage", "condition", "size", "how_far", "proposed_at")
    list_filter = [("state", ChoicesDropdownFilter)]
    list_select_related = ("outage",)
    ordering = ("-id",)
    search_fields = ("number__startswith",)
    fields = (
        ("number", "of_outage"),
        ("condition", "size"),
        "what_became",
        "to_rows",
        ("reason", "looked_for"),
        ("proposed", "decided"),
        ("decision_reason", "stopped"),
        "digest",
    )
    readonly_fields = (
        *("of_outage", "condition", "size", "what_became", "to_rows", "looked_for"),
        *("proposed", "decided", "stopped"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[RefundBatch]:
        waiting = Count("rows", filter=Q(rows__state__in=BatchRow.LIVE_STATES))
        return super().get_queryset(request).annotate(left=waiting)

    @display(description=gettext_lazy("batch"), ordering="number")
    def batch(self, batch: RefundBatch) -> SafeString:
        return two_lines(batch.number, batch.reason)

    @display(description=gettext_lazy("outage"))
    def of_outage(self, batch: RefundBatch) -> SafeString:
        address = reverse("admin:orders_outage_change", args=[batch.outage_id])
        return format_html('<a class="desk-link" href="{}">{}</a>', address, batch.outage)

    @display(description=gettext_lazy("state"))
    def condition(self, batch: RefundBatch) -> SafeString:
        return badge(batch.get_state_display(), TONES.get(State(batch.state), "plain"))

    @display(description=gettext_lazy("orders, amount"))
    def size(self, batch: RefundBatch) -> SafeString:
        left_out = _("%(count)d left out") % {"count": batch.excluded}
        return two_lines(f"{batch.count:,} · {yuan(batch.amount_fen)}", left_out)

    @display(description=gettext_lazy("progress"))
    def how_far(self, batch: Any) -> SafeString:
        return show_progress(batch.count - batch.left, batch.count)

    @display(description=gettext_lazy("progress"))
    def what_became(self, batch: Any) -> SafeString:
        rows = batch.rows.exclude(state=Row.EXCLUDED).order_by().values("state")
        counted = {r["state"]: r["n"] for r in rows.annotate(n=Count("pk"))}
        parts = [
            (badge(f"{Row(state).label} {counted[state]:,}", ROW_TONES.get(Row(state), "plain")),)
            for state in Row.values
            if counted.get(state)
        ]
        bar = show_progress(batch.count - batch.left, batch.count)
        return format_html("{} {}", bar, format_html_join(" ", "{}", parts))

    @display(description=gettext_lazy("orders"))
    def to_rows(self, batch: RefundBatch) -> SafeString:
        address = reverse("admin:orders_batchrow_changelist")
        words = _("Every order with what became of it")
        return format_html(
            '<a class="desk-link" href="{}?batch__id__exact={}">{}</a>', address, batch.pk, words
        )

    @display(description=gettext_lazy("looked for"))
    def looked_for(self, batch: RefundBatch) -> str:
        scope = batch.scope
        paid = [
            instant(datetime.fromisoformat(scope[name])) for name in ("paid_from", "paid_until")
        ]
        narrowed = [scope.get(name, "") for name in ("supplier", "channel", "product_code")]
        return " · ".join([" – ".join(paid), *filter(None, narrowed)])

    @display(description=gettext_lazy("proposed by"))
    def proposed(self, batch: RefundBatch) -> str:
        return signed(batch.proposed_by, batch.proposed_at)

    @display(description=gettext_lazy("decided by"))
    def decided(self, batch: RefundBatch) -> str:
        return signed(batch.decided_by, batch.decided_at)

    @display(description=gettext_lazy("stopped or resumed by"))
    def stopped(self, batch: RefundBatch) -> str:
        return f"{signed(batch.stopped_by, batch.stopped_at)} {batch.stop_reason}".strip()


@admin.register(BatchRow)
class BatchRowAdmin(ReadOnlyAdmin):
    list_display = ("of_order", "batch", "amount", "channel", "condition", "why", "settled_at")
    list_filter = [("state", ChoicesDropdownFilter), ("channel", ChoicesDropdownFilter)]
    list_select_related = ("order", "batch")
    list_display_links = None
    ordering = ("id",)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup == "batch__id__exact" or super().lookup_allowed(lookup, value, request)

    @display(description=gettext_lazy("order"))
    def of_order(self, row: BatchRow) -> SafeString:
        return order_link(row.order)

    @display(description=gettext_lazy("amount"))
    def amount(self, row: BatchRow) -> str:
        return yuan(row.amount_fen)

    @display(description=gettext_lazy("state"))
    def condition(self, row: BatchRow) -> SafeString:
        return badge(row.get_state_display(), ROW_TONES.get(Row(row.state), "plain"))

    @display(description=gettext_lazy("why"))
    def why(self, row: BatchRow) -> str:
        return str(REASONS.get(row.reason, row.reason)) or row.detail


def signed(label: str, at: Any) -> str:
    return f"{name_labels([label]).get(label, label)} {instant(at)}".strip()


def show_progress(done: int, whole: int) -> SafeString:
    return format_html(
        '<progress class="desk-progress" max="{}" value="{}"></progress> {} / {}',
        *(max(whole, 1), done, f"{done:,}", f"{whole:,}"),
    )
