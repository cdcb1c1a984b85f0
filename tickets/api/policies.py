"""Policies: read as they are, replaced as a whole, refused with every field that is wrong."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk import clock
from orders.api.keys import MayCall, Need
from orders.api.view import ApiView
from orders.models import ApiKey
from orders.strict import LimitedDetail, non_field
from tickets.actors import Actor
from tickets.api.tickets import READ
from tickets.models import ServicePolicy
from tickets.policies import get_policy, replace_policy
from tickets.policy import OPTIONAL_CLOCKS, REQUIRED_CLOCKS
from tickets.policy_reader import InvalidPolicy, PolicyError

SENTENCES: dict[str, Promise] = {
    "required": _("This field is required."),
    "invalid": _("This value is not valid; possible is: %(limit)s."),
    "out_of_range": _("This is out of range; possible is: %(limit)s."),
    "unknown_field": _("This name is not known here."),
    "wall_only": _("A promise to the customer runs on the wall clock, day and night."),
    "not_before_commitment": _("This must be shorter than the promise of %(limit)s."),
    "does_not_match": _("The code in the body must be the one in the address: %(limit)s."),
}


class ClockShown(serializers.Serializer):
    within = serializers.CharField(help_text="ISO 8601 duration, PT1S to P366D.")
    clock = serializers.ChoiceField(choices=["wall", "staffed"])


ClocksShown = type(
    "ClocksShown",
    (serializers.Serializer,),
    {name: ClockShown() for name in REQUIRED_CLOCKS}
    | {name: ClockShown(required=False) for name in OPTIONAL_CLOCKS},
)


class BudgetShown(serializers.Serializer):
    hour = serializers.IntegerField(allow_null=True)
    day = serializers.IntegerField(allow_null=True)


class PolicyShown(serializers.Serializer):
    """The shape of a policy, for the schema; tickets.policy_reader reads and checks it."""

    code = serializers.CharField(required=False)
    clocks = ClocksShown()
    enforce_lead = serializers.CharField()
    referral_grace = serializers.CharField()
    facts_max_age = serializers.CharField()
    auto_refund_limit_fen = serializers.IntegerField()
    auto_refunds_per_party_30d = serializers.IntegerField()
    auto_refund_fen_per_party_30d = serializers.IntegerField(required=False)
    auto_refund_budget_fen = BudgetShown()
    rehearsal = serializers.BooleanField()
    agent_refund_fen_per_day = serializers.IntegerField(required=False, allow_null=True)
    auto_assign = serializers.BooleanField(required=False)


class MayChangePolicies(MayCall):
    """The key of somebody with the right, or one that was made for just this by its scope."""

    def has_permission(self, request: Request, view: Any) -> bool:
        key = request.auth
        if isinstance(key, ApiKey) and ApiKey.Scope.POLICIES in key.scopes:
            return True
        return super().has_permission(request, view)


class PolicyView(ApiView):
    permission_classes = [MayChangePolicies]
    needs = {
        "GET": Need((*READ, ApiKey.Scope.POLICIES), "tickets.view_servicepolicy"),
        "PUT": Need((ApiKey.Scope.POLICIES,), "tickets.change_servicepolicy"),
    }
    CODE = OpenApiParameter("code", OpenApiTypes.STR, OpenApiParameter.PATH)

    @extend_schema(operation_id="policies_get", parameters=[CODE], responses=PolicyShown)
    def get(self, request: Request, code: str) -> Response:
        try:
            if "\0" in code:  # PostgreSQL takes none in a text
                raise ServicePolicy.DoesNotExist
            return Response(get_policy(code).body)
        except ServicePolicy.DoesNotExist:
            raise NotFound(_("There is no such policy."), code="no_such_policy") from None

    @extend_schema(
        operation_id="policies_put", parameters=[CODE], request=PolicyShown, responses=PolicyShown
    )
    def put(self, request: Request, code: str) -> Response:
        """Replace the policy; disputes that are open keep the one they began with."""
        if not isinstance(request.data, Mapping):
            raise non_field(_("A policy is a JSON object."), "invalid")
        try:
            row = replace_policy(
                code=code, body=request.data, actor_label=label_of(request), now=clock.now()
            )
        except InvalidPolicy as refused:
            raise explain_all(refused) from None
        return Response(row.body)


def label_of(request: Request) -> str:
    assert isinstance(request.user, User)
    try:
        return Actor.of(request.user).label
    except PermissionError:
        return f"user:{request.user.pk}"


def explain_all(refused: InvalidPolicy) -> ValidationError:
    """This function will name every wrong field, with what is wrong first where two things are."""
    problem = ValidationError()
    # Set afterwards: the constructor would make plain details of these and forget the limits.
    problem.detail = {error.field: [explain(error)] for error in reversed(refused.errors)}
    return problem


def explain(error: PolicyError) -> LimitedDetail:
    sentence = SENTENCES.get(error.code, SENTENCES["invalid"])
    return LimitedDetail(str(sentence) % {"limit": error.limit}, error.code, error.limit or None)
