"""The shape of an order as a shop sends it (contract: PUT /api/v1/orders/{order_no})."""

import re
from datetime import datetime, timedelta
from typing import Any

from django.core.validators import EmailValidator, RegexValidator
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from orders.facts import OrderFacts, PaymentFacts
from orders.models import Order, Payment
from orders.strict import (
    FenField,
    IsoDurationField,
    MomentField,
    StrictBooleanField,
    StrictCharField,
    StrictSerializer,
)

#: What an order number may consist of: it stands in addresses and file names.
ORDER_NO = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:-]{0,63}")
PHONE = RegexValidator(r"^[0-9+() -]*$", _("A phone number has digits, + ( ) - and spaces."))
#: Clocks of two machines differ a little; a fact from further ahead is a mistake.
CLOCK_SKEW = timedelta(minutes=5)
MAX_PAYMENTS = 50
#: Text that may be left out; null and "" say the same as leaving it out.
OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True, "allow_blank": True}


class ProductPayload(StrictSerializer):
    code = StrictCharField(max_length=64)
    name = StrictCharField(max_length=200)
    kind = serializers.ChoiceField(choices=Order.ProductKind.choices)
    arrival_within = IsoDurationField()


class CustomerPayload(StrictSerializer):
    name = StrictCharField(max_length=100, **OPTIONAL)
    phone = StrictCharField(max_length=32, validators=[PHONE], **OPTIONAL)
    email = StrictCharField(
        max_length=254,
        validators=[EmailValidator()],
        **OPTIONAL,
    )


class PaymentPayload(StrictSerializer):
    channel = serializers.ChoiceField(choices=Payment.Channel.choices)
    channel_trade_no = StrictCharField(max_length=64, **OPTIONAL)
    merchant_trade_no = StrictCharField(max_length=64, **OPTIONAL)
    amount_fen = FenField(min_value=1)
    paid_at = MomentField(required=False, allow_null=True)
    status = serializers.ChoiceField(choices=Payment.Status.choices)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("channel_trade_no") and not attrs.get("merchant_trade_no"):
            raise field_error(
                "channel_trade_no",
                _("A payment needs the channel's trade number or the merchant's."),
                "required",
            )
        if attrs["status"] == Payment.Status.PAID and attrs.get("paid_at") is None:
            raise field_error("paid_at", _("A paid payment has a time of payment."), "required")
        return attrs


class OrderPayload(StrictSerializer):
    product = ProductPayload()
    target_account = StrictCharField(max_length=128, **OPTIONAL)
    face_value_fen = FenField()
    price_fen = FenField()
    customer = CustomerPayload(required=False)
    payments: Any = serializers.ListSerializer(
        child=PaymentPayload(), required=False, max_length=MAX_PAYMENTS
    )
    status = serializers.ChoiceField(choices=Order.Status.choices)
    confirmed_input = StrictBooleanField(default=False)
    rule_version = StrictCharField(max_length=32, **OPTIONAL)
    supplier = StrictCharField(max_length=32, **OPTIONAL)
    reseller = StrictBooleanField(default=False)
    buyer_ref = StrictCharField(max_length=128, **OPTIONAL)
    facts_as_of = MomentField()
    delivered_face_fen = FenField(required=False)
    code_revealed_at = MomentField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        now: datetime = self.context["now"]
        if attrs["facts_as_of"] > now + CLOCK_SKEW:
            raise field_error("facts_as_of", _("This time has not come yet."), "in_future")
        for payment in attrs.get("payments", ()):
            if payment.get("paid_at") and payment["paid_at"] > now + CLOCK_SKEW:
                raise field_error("payments.paid_at", _("This time has not come yet."), "in_future")
        if attrs.get("delivered_face_fen", 0) > attrs["face_value_fen"]:
            raise field_error(
                "delivered_face_fen", _("More cannot arrive than the face value."), "max_value"
            )
        refuse_repeated_numbers(attrs.get("payments", ()))
        return attrs


def refuse_repeated_numbers(payments: Any) -> None:
    seen: set[tuple[str, str, str]] = set()
    for payment in payments:
        for name in ("channel_trade_no", "merchant_trade_no"):
            key = (payment["channel"], name, payment.get(name, ""))
            if key[2] and key in seen:
                raise field_error(
                    "payments", _("Two payments have the same trade number."), "duplicate"
                )
            seen.add(key)


def field_error(name: str, message: object, code: str) -> ValidationError:
    return ValidationError({name: [ErrorDetail(str(message), code=code)]})


def to_facts(payload: dict[str, Any]) -> OrderFacts:
    """This function will turn a validated payload into facts; null says as little as absence."""
    rest = {name: value for name, value in payload.items() if value is not None}
    product = rest.pop("product")
    customer = rest.pop("customer", {})
    payments = rest.pop("payments", ())
    return OrderFacts(
        **{f"product_{name}": product[name] for name in ("code", "name", "kind")},
        **{f"customer_{name}": value for name, value in customer.items() if value},
        arrival_within=product["arrival_within"],
        payments=tuple(
            PaymentFacts(**{name: value for name, value in payment.items() if value is not None})
            for payment in payments
        ),
        **rest,
    )
