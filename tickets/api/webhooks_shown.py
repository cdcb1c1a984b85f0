"""What is asked of a webhook, and how it and its deliveries are shown."""

from typing import Any

from rest_framework import serializers

from orders.api.pages import PageQuery
from orders.strict import StrictBooleanField, StrictCharField, StrictSerializer
from tickets.announcing import EVENTS, PATTERNS
from tickets.models import WebhookDelivery, WebhookEndpoint
from tickets.webhooks.places import URL_LIMIT

DESCRIPTION_LIMIT = 200


class EventsField(serializers.ListField):
    """Names of events, or patterns of them: `*`, `ticket.*`, `refund.*`."""

    def __init__(self, **options: Any) -> None:
        child = serializers.ChoiceField(choices=[(name, name) for name in PATTERNS])
        super().__init__(child=child, min_length=1, max_length=len(PATTERNS), **options)


class WebhookAsked(StrictSerializer):
    url = StrictCharField(max_length=URL_LIMIT, help_text="https; no address of a private network.")
    events = EventsField(required=False, default=["*"])
    description = StrictCharField(
        max_length=DESCRIPTION_LIMIT, required=False, allow_blank=True, default=""
    )


class WebhookChanged(StrictSerializer):
    url = StrictCharField(max_length=URL_LIMIT, required=False)
    events = EventsField(required=False)
    description = StrictCharField(max_length=DESCRIPTION_LIMIT, required=False, allow_blank=True)
    enabled = StrictBooleanField(required=False)


class WebhookShown(serializers.ModelSerializer):
    id = serializers.UUIDField(source="uuid")
    enabled = serializers.BooleanField(source="is_enabled")

    class Meta:
        model = WebhookEndpoint
        fields = (
            *("id", "url", "events", "description", "enabled", "created_at", "disabled_at"),
            *("disabled_by", "failing_since"),
        )


class WebhookMade(WebhookShown):
    """With the secret: shown in this answer and never again."""

    secret = serializers.CharField(help_text="whsec_...")

    class Meta:
        model = WebhookEndpoint
        fields = (
            *("id", "url", "events", "description", "enabled", "created_at", "disabled_at"),
            *("disabled_by", "failing_since", "secret"),
        )


class SecretMade(serializers.Serializer):
    secret = serializers.CharField()
    old_secret_until = serializers.DateTimeField()


class DeliveryShown(serializers.ModelSerializer):
    id = serializers.CharField(source="message_id")
    next_attempt_at = serializers.SerializerMethodField()

    class Meta:
        model = WebhookDelivery
        fields = (
            *("id", "event", "state", "attempts", "created_at", "delivered_at"),
            *("next_attempt_at", "last_status", "last_error", "payload"),
        )

    def get_next_attempt_at(self, delivery: WebhookDelivery) -> str | None:
        waits = delivery.state == WebhookDelivery.State.PENDING
        return delivery.not_before.isoformat() if waits else None


class Replayed(serializers.Serializer):
    replayed = serializers.IntegerField()


class DeliveryQuery(PageQuery):
    state = serializers.ChoiceField(choices=WebhookDelivery.State.choices, required=False)
    event = serializers.ChoiceField(choices=[(name, name) for name in EVENTS], required=False)
