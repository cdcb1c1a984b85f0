"""Disturbances: staff declare them, everybody may read what the public is told."""

from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk import clock
from orders.api.keys import Need
from orders.api.pages import NewestFirst, PageQuery, read_query
from orders.api.view import ApiView
from orders.models import ApiKey, Outage, Payment
from orders.outages import LIMITS, RIGHT, OutageFacts, declare_outage, find_public_outages
from orders.strict import MomentField, StrictBooleanField, StrictCharField, StrictSerializer

READ = (ApiKey.Scope.READ, ApiKey.Scope.ORDERS, ApiKey.Scope.TICKETS)


def words(name: str) -> StrictCharField:
    return StrictCharField(max_length=LIMITS[name], required=False, allow_blank=True, default="")


class OutageAsked(StrictSerializer):
    """What is disturbed. A scope that is left out does not narrow it; one at least is needed."""

    title = StrictCharField(max_length=LIMITS["title"])
    supplier = words("supplier")
    channel = serializers.ChoiceField(
        choices=Payment.Channel.choices, required=False, allow_blank=True, default=""
    )
    product_code = words("product_code")
    started_at = MomentField()
    ended_at = MomentField(required=False, allow_null=True, default=None)
    text_zh = words("text_zh")
    text_en = words("text_en")
    is_public = StrictBooleanField(default=False, required=False)


class OutageShown(serializers.ModelSerializer[Outage]):
    class Meta:
        model = Outage
        fields = [
            "id", "title", "supplier", "channel", "product_code", "started_at", "ended_at",
            "text_zh", "text_en", "published_at", "declared_by", "declared_at",
        ]  # fmt: skip
        read_only_fields = fields


class NoticeShown(serializers.ModelSerializer[Outage]):
    """What everybody is told: no supplier, no names of staff."""

    class Meta:
        model = Outage
        fields = ["id", "text_zh", "text_en", "started_at", "ended_at", "published_at"]
        read_only_fields = fields


class OutageQuery(PageQuery):
    running = serializers.BooleanField(required=False)


class OutageList(ApiView):
    needs = {
        "GET": Need(READ, "orders.view_outage"),
        "POST": Need((ApiKey.Scope.TICKETS, ApiKey.Scope.ORDERS), RIGHT),
    }

    @extend_schema(
        operation_id="outages_list", parameters=[OutageQuery], responses=OutageShown(many=True)
    )
    def get(self, request: Request) -> Response:
        asked = read_query(OutageQuery, request)
        outages = Outage.objects.all()
        if "running" in asked:
            outages = outages.filter(ended_at__isnull=asked["running"])
        pages = NewestFirst()
        page = pages.paginate_queryset(outages, request, view=self)
        return pages.get_paginated_response(OutageShown(page, many=True).data)

    @extend_schema(
        operation_id="outages_declare", request=OutageAsked, responses={201: OutageShown}
    )
    def post(self, request: Request) -> Response:
        """Declare an outage; what is public also starts the promise of the disputes it hits."""
        asked = OutageAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        facts: dict[str, Any] = dict(asked.validated_data)
        assert isinstance(request.user, User)
        outage = declare_outage(facts=OutageFacts(**facts), actor=request.user, now=clock.now())
        return Response(OutageShown(outage).data, status=201)


class NoticeList(ApiView):
    """The same as /notices/; needs no key."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(operation_id="notices_list", auth=[], responses=NoticeShown(many=True))
    def get(self, request: Request) -> Response:
        """What the public is told now: what runs, and what was over within a day."""
        read_query(PageQuery, request)
        pages = NewestFirst()
        told = find_public_outages(now=clock.now())
        page = pages.paginate_queryset(told, request, view=self)
        return pages.get_paginated_response(NoticeShown(page, many=True).data)
