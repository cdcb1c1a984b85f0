"""Missed deadlines and their review by another person than the handler."""

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk import clock
from orders.api.keys import Need
from orders.api.pages import NewestFirst, PageQuery, read_query
from orders.api.view import ApiView
from orders.models import ApiKey
from orders.strict import StrictCharField, StrictSerializer
from tickets.api.shown import BreachShown
from tickets.api.tickets import READ
from tickets.breaches import ACTION_LIMIT, review_breach
from tickets.deadlines import BREACHING
from tickets.models import Breach


class BreachQuery(PageQuery):
    reviewed = serializers.BooleanField(required=False)
    kind = serializers.ChoiceField(
        choices=[(str(kind), kind.label) for kind in BREACHING], required=False
    )
    ticket = serializers.CharField(max_length=20, required=False)
    drill = serializers.BooleanField(
        required=False, help_text="Those of drills, which are left out otherwise."
    )


class ReviewAsked(StrictSerializer):
    cause_code = serializers.ChoiceField(choices=Breach.CauseCode.choices)
    responsible_party = serializers.ChoiceField(choices=Breach.Party.choices)
    corrective_action = StrictCharField(max_length=ACTION_LIMIT)


def all_breaches() -> QuerySet[Breach]:
    return Breach.objects.select_related("ticket", "deadline", "reviewed_by")


class BreachList(ApiView):
    needs = {"GET": Need(READ, "tickets.view_breach")}

    @extend_schema(
        operation_id="breaches_list", parameters=[BreachQuery], responses=BreachShown(many=True)
    )
    def get(self, request: Request) -> Response:
        asked = read_query(BreachQuery, request)
        breaches = all_breaches().filter(ticket__is_drill=asked.get("drill", False))
        if "reviewed" in asked:
            breaches = breaches.filter(reviewed_at__isnull=not asked["reviewed"])
        if "kind" in asked:
            breaches = breaches.filter(kind=asked["kind"])
        if "ticket" in asked:
            breaches = breaches.filter(ticket__number=asked["ticket"])
        pages = NewestFirst()
        page = pages.paginate_queryset(breaches, request, view=self)
        return pages.get_paginated_response(BreachShown(page, many=True).data)


class BreachReview(ApiView):
    needs = {"POST": Need((ApiKey.Scope.TICKETS,), "tickets.view_breach")}

    @extend_schema(
        operation_id="breaches_review",
        parameters=[OpenApiParameter("breach_id", OpenApiTypes.INT, OpenApiParameter.PATH)],
        request=ReviewAsked,
        responses=BreachShown,
    )
    def post(self, request: Request, breach_id: int) -> Response:
        """Sign off a missed deadline: what happened, whose fault, what changes."""
        asked = ReviewAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        assert isinstance(request.user, User)
        try:
            review_breach(
                breach_id=breach_id, reviewer=request.user, now=clock.now(), **asked.validated_data
            )
        except (Breach.DoesNotExist, OverflowError):
            raise NotFound(_("There is no such missed deadline."), code="no_such_breach") from None
        return Response(BreachShown(all_breaches().get(pk=breach_id)).data)
