from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from orders.admin.cells import as_json, badge, two_lines, yuan
from orders.admin.readonly import ReadOnlyAdmin, ReadOnlyInline
from orders.masking import mask_account, mask_email, mask_name, mask_phone
from orders.models import DeliveryRecord, Order, OrderEvent, Payment, TopUp

ORDER_TONES = {
    Order.Status.DELIVERED: "good",
    Order.Status.FAILED: "bad",
    Order.Status.UNKNOWN: "warn",
    Order.Status.PARTIALLY_DELIVERED: "warn",
    Order.Status.RECHARGING: "info",
    Order.Status.PAID: "info",
}


class PaymentInline(ReadOnlyInline):
    model = Payment
    fields = ("channel", "trade_no", "status", "paid_at", "amount", "refunded", "reserved")
    readonly_fields = ("trade_no", "amount", "refunded", "reserved")

    @display(description=_("trade number"))
    def trade_no(self, payment: Payment) -> str:
        return payment.trade_no

    @display(description=_("amount"))
    def amount(self, payment: Payment) -> str:
        return yuan(payment.amount_fen)

    @display(description=_("refunded"))
    def refunded(self, payment: Payment) -> str:
        return yuan(payment.refunded_fen)

    @display(description=_("reserved"))
    def reserved(self, payment: Payment) -> str:
        return yuan(payment.reserved_fen)


class TopUpInline(ReadOnlyInline):
    model = TopUp
    fields = (
        "attempt",
        "supplier",
        "state",
        "proof_level",
        "voucher_no",
        "submitted_at",
        "message",
    )


class DeliveryRecordInline(ReadOnlyInline):
    model = DeliveryRecord
    fields = ("arrived", "source", "voucher_no", "at", "recorded_at")


class OrderEventInline(ReadOnlyInline):
    model = OrderEvent
    fields = ("kind", "at", "consumed_at")


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    """Looked up by number. Accounts stay masked here: a ticket's page reveals, with a reason."""

    list_display = (
        "number_and_account",
        "product_name",
        "price",
        "state",
        "supplier",
        "created_at",
    )
    list_filter = [("status", ChoicesDropdownFilter), ("source", ChoicesDropdownFilter)]
    search_fields = ("order_no",)
    search_help_text = _("Order number, or its beginning")
    fieldsets = [
        (
            _("The order"),
            {
                "fields": [
                    ("order_no", "source"),
                    ("product_name", "product_code"),
                    ("product_kind", "arrival_within"),
                    ("status", "supplier"),
                    ("price", "face_value"),
                    ("delivered_face", "code_revealed_at"),
                    ("confirmed_input", "reseller"),
                    ("created_at", "facts_as_of"),
                ]
            },
        ),
        (_("Customer"), {"fields": [("account", "name"), ("phone", "email")]}),
    ]
    readonly_fields = ("price", "face_value", "delivered_face", "account", "name", "phone", "email")
    inlines = [PaymentInline, TopUpInline, DeliveryRecordInline, OrderEventInline]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """From the first character, so that the index on the number serves it."""
        term = search_term.strip()
        if not term:
            return queryset, False
        exact = queryset.filter(order_no=term)
        return (exact if exact.exists() else queryset.filter(Q(order_no__startswith=term))), False

    @display(description=_("order"))
    def number_and_account(self, order: Order) -> SafeString:
        return two_lines(order.order_no, mask_account(order.target_account))

    @display(description=_("status"))
    def state(self, order: Order) -> SafeString:
        return badge(
            order.get_status_display(), ORDER_TONES.get(Order.Status(order.status), "plain")
        )

    @display(description=_("price"))
    def price(self, order: Order) -> str:
        return yuan(order.price_fen)

    @display(description=_("face value"))
    def face_value(self, order: Order) -> str:
        return yuan(order.face_value_fen)

    @display(description=_("delivered face value"))
    def delivered_face(self, order: Order) -> str:
        return yuan(order.delivered_face_fen)

    @display(description=_("target account"))
    def account(self, order: Order) -> str:
        return mask_account(order.target_account)

    @display(description=_("customer name"))
    def name(self, order: Order) -> str:
        return mask_name(order.customer_name)

    @display(description=_("customer phone"))
    def phone(self, order: Order) -> str:
        return mask_phone(order.customer_phone)

    @display(description=_("customer e-mail"))
    def email(self, order: Order) -> str:
        return mask_email(order.customer_email)


@admin.register(OrderEvent)
class OrderEventAdmin(ReadOnlyAdmin):
    list_display = ("kind", "of_order", "at", "consumed_at", "attempts")
    list_filter = [("kind", ChoicesDropdownFilter)]
    list_select_related = ("order",)
    ordering = ("-id",)
    fields = (("of_order", "kind"), ("at", "consumed_at"), ("attempts", "not_before"), "facts")
    readonly_fields = ("of_order", "facts")

    @display(description=_("order"))
    def of_order(self, event: OrderEvent) -> str:
        return event.order.order_no

    @display(description=_("data"))
    def facts(self, event: OrderEvent) -> Any:
        return as_json(event.data)
