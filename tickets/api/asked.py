"""What each verb takes."""

from typing import Any

from rest_framework import serializers

from orders.strict import FenField, StrictCharField, StrictSerializer
from tickets.models import Evidence, Ticket
from tickets.proof import MAX_FILES
from tickets.transitions.handling import TEXT_LIMIT

REASON_LIMIT = 500
#: A refund's and a redelivery's reason travels to the channel.
REMEDY_REASON_LIMIT = 200


def text_field(**options: Any) -> StrictCharField:
    return StrictCharField(max_length=TEXT_LIMIT, **options)


class NothingAsked(StrictSerializer):
    pass


class AssignAsked(StrictSerializer):
    assignee = StrictCharField(max_length=150, help_text="A sign-in name.")


class ReplyAsked(StrictSerializer):
    text = text_field()


class RequestEvidenceAsked(StrictSerializer):
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=Evidence.Kind.choices), min_length=1, max_length=6
    )
    text = text_field()


class EvidenceAsked(StrictSerializer):
    evidence = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=MAX_FILES
    )


class ReasonAsked(StrictSerializer):
    reason = StrictCharField(max_length=REASON_LIMIT)


class LinkOutageAsked(StrictSerializer):
    outage = serializers.IntegerField(min_value=1, help_text="An outage's id.")


class RedeliverAsked(StrictSerializer):
    reason = StrictCharField(max_length=REMEDY_REASON_LIMIT)
    text = text_field(required=False, allow_blank=True, default="")


class RefundAsked(RedeliverAsked):
    amount_fen = FenField(
        min_value=1, required=False, allow_null=True, help_text="All that is owed if left out."
    )


class ResolveAsked(StrictSerializer):
    outcome = serializers.ChoiceField(
        choices=[o for o in Ticket.Outcome.choices if o[0] != Ticket.Outcome.WITHDRAWN]
    )
    text = text_field()


class RefuseAsked(ReasonAsked):
    text = text_field()


class ApproveAsked(ReasonAsked):
    decision = serializers.ChoiceField(choices=["yes", "no"])


class WithdrawAsked(ReasonAsked):
    account_last4 = StrictCharField(min_length=4, max_length=4)


class CorrectAccountAsked(StrictSerializer):
    target_account = StrictCharField(min_length=4, max_length=128)
    #: Asked of the customer alone: staff are known by their key.
    account_last4 = StrictCharField(min_length=4, max_length=4, required=False)


class MergeAsked(StrictSerializer):
    into = StrictCharField(max_length=20, help_text="Number of the dispute that goes on.")


class RateAsked(StrictSerializer):
    score = serializers.IntegerField(min_value=1, max_value=5)
    text = StrictCharField(max_length=REASON_LIMIT, required=False, allow_blank=True, default="")
