from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from orders.admin.cells import as_json, badge, two_lines, yuan
from orders.admin.links import order_link, refund_link
from orders.admin.readonly import ReadOnlyAdmin, ReadOnlyInline
from orders.admin.refund_verbs import RefundVerbs, describe_next_step
from orders.models import HandSettlement, Payment, Refund, RefundCall

REFUND_TONES = {
    Refund.State.SUCCEEDED: "good",
    Refund.State.REJECTED: "bad",
    Refund.State.MANUAL: "bad",
    Refund.State.UNKNOWN: "warn",
    Refund.State.REQUESTED: "info",
    Refund.State.ACCEPTED: "info",
}


def by_number(queryset: QuerySet[Any], term: str, *names: str) -> tuple[QuerySet[Any], bool]:
    """This function will find rows by one of several whole numbers, each served by an index."""
    term = term.strip()
    for name in names if term else ():
        found = queryset.filter(**{name: term})
        if found.exists():
            return found, False
    return (queryset.none() if term else queryset), False


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    list_display = ("trade", "of_order", "amount", "given_back", "status", "paid_at")
    list_filter = [("channel", ChoicesDropdownFilter), ("status", ChoicesDropdownFilter)]
    list_select_related = ("order",)
    ordering = ("-id",)
    search_fields = ("channel_trade_no",)
    search_help_text = _("Whole trade number or order number")
    fields = (
        ("of_order", "channel"),
        ("status", "paid_at"),
        "channel_trade_no",
        "merchant_trade_no",
        ("amount", "refunded"),
        "reserved",
    )
    readonly_fields = ("of_order", "amount", "refunded", "reserved")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Payment], search_term: str
    ) -> tuple[QuerySet[Payment], bool]:
        return by_number(
            queryset, search_term, "channel_trade_no", "merchant_trade_no", "order__order_no"
        )

    @display(description=_("order"))
    def of_order(self, payment: Payment) -> SafeString:
        return order_link(payment.order)

    @display(description=_("payment"))
    def trade(self, payment: Payment) -> SafeString:
        return two_lines(payment.trade_no, payment.get_channel_display())

    @display(description=_("amount"))
    def amount(self, payment: Payment) -> str:
        return yuan(payment.amount_fen)

    @display(description=_("refunded"))
    def refunded(self, payment: Payment) -> str:
        return yuan(payment.refunded_fen)

    @display(description=_("reserved"))
    def reserved(self, payment: Payment) -> str:
        return yuan(payment.reserved_fen)

    @display(description=_("refunded / reserved"))
    def given_back(self, payment: Payment) -> str:
        return f"{yuan(payment.refunded_fen)} / {yuan(payment.reserved_fen)}"


class RefundCallInline(ReadOnlyInline):
    model = RefundCall
    fields = ("at", "operation", "outcome", "code", "message", "request_id", "answer")
    readonly_fields = ("answer",)

    @display(description=_("masked payload"))
    def answer(self, call: RefundCall) -> Any:
        return as_json(call.payload)


class HandSettlementInline(ReadOnlyInline):
    model = HandSettlement
    fields = ("state", "paid", "proof", "note", "proposed_by", "proposed_at", "decided_by",
              "decided_at")  # fmt: skip


@admin.register(Refund)
class RefundAdmin(RefundVerbs, ReadOnlyAdmin):
    """A refund and every call made for it: what was asked, what came back, what comes next."""

    list_display = (
        "number",
        "of_order",
        "amount",
        "progress",
        "purpose",
        "planned_at",
        "settled_at",
    )
    list_filter = [
        ("state", ChoicesDropdownFilter),
        ("purpose", ChoicesDropdownFilter),
        "held",
        "at_risk",
    ]
    list_select_related = ("payment__order",)
    ordering = ("-id",)
    search_fields = ("refund_no",)
    search_help_text = _("Whole refund number or order number")
    fields = (
        "refund_no",
        ("of_order", "trade"),
        ("amount", "paid_back"),
        ("state", "next_step"),
        ("purpose", "reason"),
        ("requested_by", "origin"),
        ("cycle", "generation"),
        ("replaced", "replacement"),
        ("held", "at_risk"),
        ("outcome", "retryable"),
        ("code", "message"),
        "channel_refund_no",
        ("attempts", "not_found_count"),
        "refusals",
        ("planned_at", "requested_at"),
        ("last_sent_at", "next_attempt_at"),
        "settled_at",
    )
    readonly_fields = (
        "amount", "of_order", "trade", "paid_back", "next_step", "replaced", "replacement",
    )  # fmt: skip
    inlines = [HandSettlementInline, RefundCallInline]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Refund], search_term: str
    ) -> tuple[QuerySet[Refund], bool]:
        return by_number(
            queryset, search_term, "refund_no", "channel_refund_no", "payment__order__order_no"
        )

    @display(description=_("refund"))
    def number(self, refund: Refund) -> SafeString:
        return two_lines(f"{refund.refund_no[:12]}…", refund.payment.get_channel_display())

    @display(description=_("order"))
    def of_order(self, refund: Refund) -> SafeString:
        return order_link(refund.payment.order)

    @display(description=_("payment"))
    def trade(self, refund: Refund) -> str:
        return f"{refund.payment.get_channel_display()} {refund.payment.trade_no}"

    @display(description=_("amount"))
    def amount(self, refund: Refund) -> str:
        return yuan(refund.amount_fen)

    @display(description=_("paid back"))
    def paid_back(self, refund: Refund) -> str:
        return yuan(refund.paid_fen) or "–"

    @display(description=_("next step"))
    def next_step(self, refund: Refund) -> str:
        return describe_next_step(refund)

    @display(description=_("replaces"))
    def replaced(self, refund: Refund) -> SafeString | str:
        return refund_link(refund.replaces) if refund.replaces else "–"

    @display(description=_("replaced by"))
    def replacement(self, refund: Refund) -> SafeString | str:
        newer = Refund.objects.filter(replaces=refund).first()
        return refund_link(newer) if newer else "–"

    @display(description=_("state"))
    def progress(self, refund: Refund) -> SafeString:
        if refund.held:
            return badge(_("waits for a decision"), "warn")
        tone = REFUND_TONES.get(Refund.State(refund.state), "plain")
        return badge(refund.get_state_display(), tone, title=refund.message)
