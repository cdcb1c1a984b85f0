"""Webhooks: addresses that hear what happens, and what was delivered to them."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk import clock
from orders.api.keys import Need
from orders.api.pages import NewestFirst, OldestFirst, PageQuery, read_query
from orders.api.view import ApiView
from orders.models import ApiKey
from tickets.api.tickets import READ
from tickets.api.webhooks_shown import (
    DeliveryQuery,
    DeliveryShown,
    Replayed,
    SecretMade,
    WebhookAsked,
    WebhookChanged,
    WebhookMade,
    WebhookShown,
)
from tickets.models import WebhookEndpoint
from tickets.webhooks.endpoints import (
    change_endpoint,
    register_endpoint,
    replay,
    replay_failed,
    rotate_secret,
)

WRITE = (ApiKey.Scope.ORDERS, ApiKey.Scope.TICKETS)
MAY_READ = Need(READ, "tickets.view_webhookendpoint")
MAY_ADD = Need(WRITE, "tickets.add_webhookendpoint")
MAY_CHANGE = Need(WRITE, "tickets.change_webhookendpoint")
MAY_DELETE = Need(WRITE, "tickets.delete_webhookendpoint")
WEBHOOK_ID = OpenApiParameter("webhook_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
MESSAGE_ID = OpenApiParameter("message_id", OpenApiTypes.STR, OpenApiParameter.PATH)


def get_endpoint(webhook_id: UUID) -> WebhookEndpoint:
    endpoint = WebhookEndpoint.objects.filter(uuid=webhook_id).first()
    if endpoint is None:
        raise NotFound(_("There is no such webhook."), code="no_such_webhook")
    return endpoint


def answer_with_secret(body: dict[str, Any], *, status: int) -> Response:
    """The secret is in this answer alone: what is kept for a repeat under the same
    Idempotency-Key holds none."""
    response: Any = Response(body, status=status)
    response.kept_data = {**body, "secret": None}
    answer: Response = response
    return answer


class WebhookList(ApiView):
    needs = {"GET": MAY_READ, "POST": MAY_ADD}

    @extend_schema(
        operation_id="webhooks_list", parameters=[PageQuery], responses=WebhookShown(many=True)
    )
    def get(self, request: Request) -> Response:
        read_query(PageQuery, request)
        pages = OldestFirst()
        page = pages.paginate_queryset(WebhookEndpoint.objects.all(), request, view=self)
        return pages.get_paginated_response(WebhookShown(page, many=True).data)

    @extend_schema(
        operation_id="webhooks_create", request=WebhookAsked, responses={201: WebhookMade}
    )
    def post(self, request: Request) -> Response:
        """Register an address. Its secret is in the answer, and never shown again."""
        asked = WebhookAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        assert isinstance(request.user, User)
        endpoint, secret = register_endpoint(
            user=request.user, now=clock.now(), **asked.validated_data
        )
        return answer_with_secret({**WebhookShown(endpoint).data, "secret": secret}, status=201)


class WebhookView(ApiView):
    http_method_names = [*ApiView.http_method_names, "patch"]
    needs = {"GET": MAY_READ, "PATCH": MAY_CHANGE, "DELETE": MAY_DELETE}

    @extend_schema(operation_id="webhooks_get", parameters=[WEBHOOK_ID], responses=WebhookShown)
    def get(self, request: Request, webhook_id: UUID) -> Response:
        return Response(WebhookShown(get_endpoint(webhook_id)).data)

    @extend_schema(
        operation_id="webhooks_change",
        parameters=[WEBHOOK_ID],
        request=WebhookChanged,
        responses=WebhookShown,
    )
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        """Change what is given; `enabled: true` starts one again that was ended."""
        asked = WebhookChanged(data=request.data)
        asked.is_valid(raise_exception=True)
        endpoint = change_endpoint(
            endpoint=get_endpoint(webhook_id), now=clock.now(), **asked.validated_data
        )
        return Response(WebhookShown(endpoint).data)

    @extend_schema(operation_id="webhooks_delete", parameters=[WEBHOOK_ID], responses={204: None})
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """Delete the address with all its deliveries."""
        get_endpoint(webhook_id).delete()
        return Response(status=204)


class WebhookSecret(ApiView):
    needs = {"POST": MAY_CHANGE}

    @extend_schema(
        operation_id="webhooks_rotate_secret",
        parameters=[WEBHOOK_ID],
        request=None,
        responses=SecretMade,
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Make a new secret; for 24 hours the one before signs as well."""
        endpoint = get_endpoint(webhook_id)
        secret = rotate_secret(endpoint=endpoint, now=clock.now())
        endpoint.refresh_from_db()
        assert endpoint.old_secret_until is not None
        until = endpoint.old_secret_until.isoformat()
        return answer_with_secret({"secret": secret, "old_secret_until": until}, status=200)


class WebhookDeliveries(ApiView):
    needs = {"GET": MAY_READ}

    @extend_schema(
        operation_id="webhooks_deliveries",
        parameters=[WEBHOOK_ID, DeliveryQuery],
        responses=DeliveryShown(many=True),
    )
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """What was or will be delivered, newest first; kept for 30 days."""
        asked = read_query(DeliveryQuery, request)
        deliveries = get_endpoint(webhook_id).deliveries.filter(**asked)
        pages = NewestFirst()
        page = pages.paginate_queryset(deliveries, request, view=self)
        return pages.get_paginated_response(DeliveryShown(page, many=True).data)


class WebhookReplay(ApiView):
    needs = {"POST": MAY_CHANGE}

    @extend_schema(
        operation_id="webhooks_replay",
        parameters=[WEBHOOK_ID, MESSAGE_ID],
        request=None,
        responses={202: DeliveryShown},
    )
    def post(self, request: Request, webhook_id: UUID, message_id: str) -> Response:
        """Deliver once more, under the same Webhook-Id."""
        known = get_endpoint(webhook_id).deliveries.all() if message_id.isprintable() else None
        delivery = known.filter(message_id=message_id).first() if known is not None else None
        if delivery is None:
            raise NotFound(_("There is no such delivery."), code="no_such_delivery")
        return Response(DeliveryShown(replay(delivery=delivery, now=clock.now())).data, status=202)


class WebhookReplayFailed(ApiView):
    needs = {"POST": MAY_CHANGE}

    @extend_schema(
        operation_id="webhooks_replay_failed",
        parameters=[WEBHOOK_ID],
        request=None,
        responses={202: Replayed},
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Deliver everything once more that was given up."""
        count = replay_failed(endpoint=get_endpoint(webhook_id), now=clock.now())
        return Response({"replayed": count}, status=202)
