"""Batches of refunds: what was proposed, who approved it, how far it is, what became of each."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from orders import batch_decisions
from orders.admin.cells import badge, instant, two_lines, yuan
from orders.admin.dialogs import DialogForm, dialog_action, line_field
from orders.admin.links import order_link
from orders.admin.readonly import ReadOnlyAdmin
from orders.affected import REASONS
from orders.batches import REASON_LIMIT, RIGHT
from orders.models import BatchRow, RefundBatch
from tickets.admin.edge import name_labels, now_of, user_of

State, Row = RefundBatch.State, BatchRow.State
TONES = {
    State.PROPOSED: "warn",
    State.WORKING: "info",
    State.PAUSED: "warn",
    State.FINISHED: "good",
}
ROW_TONES = {Row.DONE: "good", Row.FAILED: "bad", Row.BY_HAND: "warn", Row.SENT: "info"}


class ReasonForm(DialogForm):
    reason = line_field(gettext_lazy("Reason"), limit=REASON_LIMIT)


class DecideBatchForm(ReasonForm):
    """A decision about exactly the list that was shown."""

    digest = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        batch = RefundBatch.objects.filter(pk=self.pk).first()
        self.initial["digest"] = batch.digest if batch else ""
        self.batch = batch

    def note(self) -> str:
        if self.batch is None:
            return ""
        return _("%(count)d orders, together %(amount)s. Proposed because: %(reason)s") % {
            "count": self.batch.count,
            "amount": yuan(self.batch.amount_fen),
            "reason": self.batch.reason,
        }


class BatchVerbs:
    """Dialogs of a batch. Who proposed it is refused by the domain, not by a hidden button."""

    actions_detail = ("approve", "decline", "pause", "resume", "withdraw", "cancel")

    @dialog_action(
        name=gettext_lazy("Approve"),
        title=gettext_lazy("Approve these refunds"),
        description=gettext_lazy("They begin to go out at once, each channel at its own pace."),
        submit=gettext_lazy("Approve"),
        url_path="approve",
        permission="decide",
        form_class=DecideBatchForm,
        icon="check",
        variant=ActionVariant.PRIMARY,
    )
    def approve(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        decide(request, form, pk, decision=True)
        return _("Approved. The refunds are going out.")

    @dialog_action(
        name=gettext_lazy("Decline"),
        title=gettext_lazy("Decline these refunds"),
        submit=gettext_lazy("Decline"),
        url_path="decline",
        permission="decide",
        form_class=DecideBatchForm,
        icon="close",
    )
    def decline(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        decide(request, form, pk, decision=False)
        return _("Declined. Its orders are free for another batch.")

    @dialog_action(
        name=gettext_lazy("Pause"),
        title=gettext_lazy("Pause this batch"),
        description=gettext_lazy("What went out goes on; nothing new goes out."),
        submit=gettext_lazy("Pause"),
        url_path="pause",
        permission="pause",
        form_class=ReasonForm,
        icon="pause",
    )
    def pause(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        stop(batch_decisions.pause_batch, request, form, pk)
        return _("Paused.")

    @dialog_action(
        name=gettext_lazy("Resume"),
        title=gettext_lazy("Let this batch go on"),
        submit=gettext_lazy("Resume"),
        url_path="resume",
        permission="resume",
        form_class=ReasonForm,
        icon="play_arrow",
    )
    def resume(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        stop(batch_decisions.resume_batch, request, form, pk)
        return _("It goes on where it stopped.")

    @dialog_action(
        name=gettext_lazy("Withdraw"),
        title=gettext_lazy("Take this proposal back"),
        submit=gettext_lazy("Withdraw"),
        url_path="withdraw",
        permission="decide",
        form_class=ReasonForm,
        icon="undo",
    )
    def withdraw(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        stop(batch_decisions.withdraw_batch, request, form, pk)
        return _("Withdrawn.")

    @dialog_action(
        name=gettext_lazy("Cancel the rest"),
        title=gettext_lazy("Give up what has not gone out"),
        description=gettext_lazy("This cannot be undone; propose another batch instead."),
        submit=gettext_lazy("Cancel the rest"),
        url_path="cancel",
        permission="cancel",
        form_class=ReasonForm,
        icon="stop",
        variant=ActionVariant.DANGER,
    )
    def cancel(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        stop(batch_decisions.cancel_batch, request, form, pk)
        return _("Cancelled. What went out goes on.")

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may(request, object_id, State.PROPOSED)

    def has_pause_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may(request, object_id, State.WORKING)

    def has_resume_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may(request, object_id, State.PAUSED)

    def has_cancel_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may(request, object_id, State.WORKING, State.PAUSED)


def may(request: HttpRequest, object_id: Any, *states: RefundBatch.State) -> bool:
    if not user_of(request).has_perm(RIGHT):
        return False
    return object_id is None or RefundBatch.objects.filter(pk=object_id, state__in=states).exists()


def decide(request: HttpRequest, form: DialogForm, pk: int, *, decision: bool) -> None:
    batch_decisions.approve_batch(
        batch_id=pk,
        decision=decision,
        reason=form.cleaned_data["reason"],
        seen_digest=form.cleaned_data["digest"],
        actor=user_of(request),
        now=now_of(request),
    )


def stop(verb: Callable[..., RefundBatch], request: HttpRequest, form: DialogForm, pk: int) -> None:
    actor: User = user_of(request)
    verb(batch_id=pk, reason=form.cleaned_data["reason"], actor=actor, now=now_of(request))


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
