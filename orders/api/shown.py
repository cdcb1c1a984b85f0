"""What the API says of orders and refunds."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from orders.masking import mask_account, mask_email, mask_name, mask_phone
from orders.models import DeliveryRecord, Order, OrderEvent, Payment, Refund, TopUp
from orders.payload import CustomerPayload, ProductPayload
from orders.strict import iso_duration


class RefundShown(serializers.ModelSerializer[Refund]):
    order_no = serializers.CharField(source="payment.order.order_no")
    channel = serializers.CharField(source="payment.channel")

    class Meta:
        model = Refund
        fields = [
            "refund_no", "order_no", "channel", "amount_fen", "state", "outcome", "retryable",
            "code", "message", "purpose", "cycle", "generation", "held", "at_risk",
            "channel_refund_no", "attempts", "planned_at", "requested_at", "settled_at",
        ]  # fmt: skip
        read_only_fields = fields


class PaymentShown(serializers.ModelSerializer[Payment]):
    class Meta:
        model = Payment
        fields = [
            "channel", "channel_trade_no", "merchant_trade_no", "amount_fen", "status", "paid_at",
            "refunded_fen", "reserved_fen",
        ]  # fmt: skip
        read_only_fields = fields


class TopUpShown(serializers.ModelSerializer[TopUp]):
    class Meta:
        model = TopUp
        fields = [
            "top_up_no", "attempt", "supplier", "supplier_order_no", "face_value_fen",
            "delivered_face_fen", "state", "proof_level", "voucher_no", "message",
            "created_at", "submitted_at", "settled_at",
        ]  # fmt: skip
        read_only_fields = fields


class DeliveryRecordShown(serializers.ModelSerializer[DeliveryRecord]):
    class Meta:
        model = DeliveryRecord
        fields = ["arrived", "voucher_no", "source", "at", "recorded_at"]
        read_only_fields = fields


class OrderEventShown(serializers.ModelSerializer[OrderEvent]):
    class Meta:
        model = OrderEvent
        fields = ["id", "kind", "at", "data"]
        read_only_fields = fields


class OrderShown(serializers.ModelSerializer[Order]):
    """The stored order. Account and contact are masked for keys that may not write orders."""

    product = serializers.SerializerMethodField()
    target_account = serializers.SerializerMethodField()
    customer = serializers.SerializerMethodField()
    payments = PaymentShown(many=True, read_only=True)
    top_ups = TopUpShown(many=True, read_only=True)
    refunds = serializers.SerializerMethodField()
    delivery_records = DeliveryRecordShown(many=True, read_only=True)
    events = OrderEventShown(many=True, read_only=True)

    class Meta:
        model = Order
        fields = [
            "order_no", "product", "target_account", "face_value_fen", "price_fen",
            "delivered_face_fen", "customer", "payments", "status", "confirmed_input",
            "rule_version", "supplier", "reseller", "buyer_ref", "code_revealed_at",
            "facts_as_of", "source", "created_at", "updated_at",
            "top_ups", "refunds", "delivery_records", "events",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(ProductPayload)
    def get_product(self, order: Order) -> dict[str, Any]:
        return {
            "code": order.product_code,
            "name": order.product_name,
            "kind": order.product_kind,
            "arrival_within": iso_duration(order.arrival_within),
        }

    def get_target_account(self, order: Order) -> str:
        masked = self.context["masked"]
        return mask_account(order.target_account) if masked else order.target_account

    @extend_schema_field(CustomerPayload)
    def get_customer(self, order: Order) -> dict[str, str]:
        masked = self.context["masked"]
        return {
            "name": mask_name(order.customer_name) if masked else order.customer_name,
            "phone": mask_phone(order.customer_phone) if masked else order.customer_phone,
            "email": mask_email(order.customer_email) if masked else order.customer_email,
        }

    @extend_schema_field(RefundShown(many=True))
    def get_refunds(self, order: Order) -> list[dict[str, Any]]:
        refunds = [refund for payment in order.payments.all() for refund in payment.refunds.all()]
        refunds.sort(key=lambda refund: refund.pk)
        return list(RefundShown(refunds, many=True).data)
