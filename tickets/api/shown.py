"""What the API says of disputes. Instants are UTC to the microsecond, as the chain writes them."""

from datetime import datetime
from typing import Any

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from orders.models import Refund
from tickets.chain import format_instant
from tickets.models import Breach, Deadline, Event, Evidence, Referral, Ticket


class InstantShown(serializers.DateTimeField):
    def to_representation(self, value: datetime) -> str:
        return format_instant(value)


class TimedSerializer(serializers.ModelSerializer):
    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        **dict.fromkeys(
            [
                field
                for field, shown in serializers.ModelSerializer.serializer_field_mapping.items()
                if shown is serializers.DateTimeField
            ],
            InstantShown,
        ),
    }


class DeadlineShown(TimedSerializer):
    late_by_s = serializers.FloatField(read_only=True, allow_null=True)

    class Meta:
        model = Deadline
        fields = [
            "kind", "state", "cycle", "round", "clock", "started_at", "due_at", "policy_due_at",
            "provisional", "met_at", "fired_at", "cancelled_at", "late_by_s",
        ]  # fmt: skip
        read_only_fields = fields


class RefundInCase(TimedSerializer):
    class Meta:
        model = Refund
        fields = ["refund_no", "state", "amount_fen", "purpose", "cycle", "held", "settled_at"]
        read_only_fields = fields


class ReferralShown(TimedSerializer):
    class Meta:
        model = Referral
        fields = ["at", "cycle", "dossier_sha256"]
        read_only_fields = fields


class BreachInCase(TimedSerializer):
    class Meta:
        model = Breach
        fields = ["id", "kind", "due_at", "detected_at", "reviewed_at"]
        read_only_fields = fields


class EvidenceShown(TimedSerializer):
    class Meta:
        model = Evidence
        fields = [
            "id", "kind", "filename", "content_type", "size", "sha256", "received_at",
            "accepted_at",
        ]  # fmt: skip
        read_only_fields = fields


class EventShown(TimedSerializer):
    """One link of the chain; `hash` is SHA-256 over `prev_hash` and the JSON array
    `[seq, kind, actor, at, data]` with sorted keys and no spaces."""

    # `data` is also the name of a serializer's own attribute; it is no clash at run time.
    data = serializers.DictField()  # type: ignore[assignment]

    class Meta:
        model = Event
        fields = ["seq", "kind", "actor", "at", "data", "hash", "prev_hash"]
        read_only_fields = fields


class TicketOpened(TimedSerializer):
    """What whoever opens a dispute gets: the token is the customer's key to it."""

    tracking_url = serializers.SerializerMethodField()
    deadlines = DeadlineShown(many=True, read_only=True)

    class Meta:
        model = Ticket
        fields = [
            "number", "tracking_url", "tracking_token", "status", "level", "cause",
            "commitment_due_at", "deadlines",
        ]  # fmt: skip
        read_only_fields = fields

    def get_tracking_url(self, ticket: Ticket) -> str:
        return f"{settings.SITE_URL}/t/{ticket.tracking_token}/"


class TicketListed(TimedSerializer):
    order_no = serializers.CharField(source="order.order_no")
    assignee = serializers.CharField(source="assignee.username", default=None, allow_null=True)
    next_due_at = InstantShown(read_only=True, allow_null=True)

    class Meta:
        model = Ticket
        fields = [
            "number", "order_no", "category", "status", "level", "outcome", "cause", "cycle",
            "assignee", "opened_at", "commitment_due_at", "next_due_at", "resolved_at",
            "is_drill",
        ]  # fmt: skip
        read_only_fields = fields


class TicketShown(TimedSerializer):
    """A dispute with the clocks of every cycle. Amounts are fen."""

    order_no = serializers.CharField(source="order.order_no")
    assignee = serializers.CharField(source="assignee.username", default=None, allow_null=True)
    policy = serializers.SerializerMethodField()
    deadlines = DeadlineShown(many=True, read_only=True)
    refunds = serializers.SerializerMethodField()
    referral = serializers.SerializerMethodField()
    breaches = BreachInCase(many=True, read_only=True)
    evidence = EvidenceShown(many=True, read_only=True)
    approval = serializers.SerializerMethodField()

    class Meta:
        model = Ticket
        fields = [
            "number", "order_no", "category", "status", "level", "outcome", "cause", "cycle",
            "assignee", "intake", "is_drill", "opened_at", "reopened_at",
            "commitment_started_at", "commitment_due_at", "first_replied_at", "resolved_at",
            "closed_at", "nudges", "score", "policy", "deadlines", "refunds", "approval",
            "referral", "breaches", "evidence",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_policy(self, ticket: Ticket) -> dict[str, Any]:
        """A customer sees the promises, not up to which amount the desk asks nobody."""
        if self.context.get("for_customer"):
            return {name: ticket.policy[name] for name in ("code", "clocks")}
        return dict(ticket.policy)

    @extend_schema_field(RefundInCase(many=True))
    def get_refunds(self, ticket: Ticket) -> list[dict[str, Any]]:
        refunds = Refund.objects.filter(origin=ticket.uuid).order_by("pk")
        return list(RefundInCase(refunds, many=True).data)

    @extend_schema_field(ReferralShown(allow_null=True))
    def get_referral(self, ticket: Ticket) -> dict[str, Any] | None:
        latest = ticket.referrals.order_by("-cycle").first()
        return dict(ReferralShown(latest).data) if latest is not None else None

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_approval(self, ticket: Ticket) -> dict[str, Any] | None:
        """The decision that is waiting, if one is."""
        waiting = ticket.approvals.filter(state="pending").first()
        if waiting is None:
            return None
        return {
            "action": waiting.action,
            "amount_fen": waiting.arguments.get("amount_fen"),
            "requested_by": waiting.requested_by,
            "requested_at": format_instant(waiting.requested_at),
        }


class BreachShown(TimedSerializer):
    ticket = serializers.CharField(source="ticket.number")
    late_by_s = serializers.FloatField(source="deadline.late_by_s", allow_null=True)
    reviewed_by = serializers.CharField(
        source="reviewed_by.username", default=None, allow_null=True
    )

    class Meta:
        model = Breach
        fields = [
            "id", "ticket", "kind", "due_at", "detected_at", "late_by_s", "reviewed_at",
            "reviewed_by", "cause_code", "responsible_party", "corrective_action",
        ]  # fmt: skip
        read_only_fields = fields
