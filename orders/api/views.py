from typing import Any

from django.contrib.auth.models import AnonymousUser, User
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
from orders.api.shown import DeliveryRecordShown, OrderShown, RefundShown, TopUpShown
from orders.api.view import ApiView
from orders.intake import put_order
from orders.models import ApiKey, DeliveryRecord, Order, Refund
from orders.payload import ORDER_NO, OrderPayload, field_error, to_facts
from orders.strict import MomentField, StrictBooleanField, StrictCharField, StrictSerializer
from orders.topups import record_delivery, redeliver

READ = (ApiKey.Scope.READ, ApiKey.Scope.ORDERS, ApiKey.Scope.TICKETS)
#: Seen by these people in full; everybody else meets masked values.
SEES_ALL = "orders.change_order"


def show_order(order: Order, user: User | AnonymousUser) -> dict[str, Any]:
    related = ("payments__refunds__payment__order", "top_ups", "delivery_records", "events")
    full = Order.objects.prefetch_related(*related).get(pk=order.pk)
    return dict(OrderShown(full, context={"masked": not user.has_perm(SEES_ALL)}).data)


def get_order(order_no: str) -> Order:
    order = Order.objects.filter(order_no=order_no).first() if is_order_no(order_no) else None
    if order is None:
        raise NotFound(_("There is no such order."), code="no_such_order")
    return order


def is_order_no(text: str) -> bool:
    return ORDER_NO.fullmatch(text) is not None


class OrderView(ApiView):
    needs = {
        "GET": Need(READ, "orders.view_order"),
        "PUT": Need((ApiKey.Scope.ORDERS,), "orders.change_order"),
    }

    @extend_schema(operation_id="orders_get", responses=OrderShown)
    def get(self, request: Request, order_no: str) -> Response:
        return Response(show_order(get_order(order_no), request.user))

    @extend_schema(
        operation_id="orders_put",
        request=OrderPayload,
        responses={200: OrderShown, 201: OrderShown},
    )
    def put(self, request: Request, order_no: str) -> Response:
        """Create or update an order. The same body twice changes nothing."""
        now = clock.now()
        if not is_order_no(order_no):
            message = _("An order number has 1 to 64 letters, digits and . _ : - characters.")
            raise field_error("order_no", message, "invalid")
        payload = OrderPayload(data=request.data, context={"now": now})
        payload.is_valid(raise_exception=True)
        stored = put_order(
            order_no=order_no,
            facts=to_facts(payload.validated_data),
            source=Order.Source.SHOP_API,
            now=now,
        )
        return Response(
            show_order(stored.order, request.user), status=201 if stored.created else 200
        )


class TopUpAsked(StrictSerializer):
    supplier = StrictCharField(max_length=32, required=False)


class OrderTopUps(ApiView):
    needs = {"POST": Need((ApiKey.Scope.ORDERS, ApiKey.Scope.TICKETS), "orders.add_topup")}

    @extend_schema(operation_id="orders_redeliver", request=TopUpAsked, responses={201: TopUpShown})
    def post(self, request: Request, order_no: str) -> Response:
        """Deliver again; refused unless every earlier attempt is terminally failed."""
        asked = TopUpAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        top_up = redeliver(
            order=get_order(order_no),
            supplier=asked.validated_data.get("supplier", ""),
            now=clock.now(),
        )
        return Response(TopUpShown(top_up).data, status=201)


class DeliveryRecordAsked(StrictSerializer):
    arrived = StrictBooleanField()
    voucher_no = StrictCharField(max_length=128, required=False, allow_blank=True)
    # `source` is also the name of an attribute that every field has; it is no clash at run time.
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=DeliveryRecord.Source.choices
    )
    at = MomentField()


class OrderDeliveryRecords(ApiView):
    needs = {"POST": Need((ApiKey.Scope.ORDERS,), "orders.add_deliveryrecord")}

    @extend_schema(
        operation_id="orders_record_delivery",
        request=DeliveryRecordAsked,
        responses={201: DeliveryRecordShown},
    )
    def post(self, request: Request, order_no: str) -> Response:
        """Store what the operator or the customer says of the arrival."""
        asked = DeliveryRecordAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        said = {"voucher_no": "", **asked.validated_data}
        record = record_delivery(order=get_order(order_no), now=clock.now(), **said)
        return Response(DeliveryRecordShown(record).data, status=201)


class RefundQuery(PageQuery):
    state = serializers.ChoiceField(choices=Refund.State.choices, required=False)
    order_no = serializers.CharField(max_length=64, required=False)


def refunds_with_orders() -> QuerySet[Refund]:
    return Refund.objects.select_related("payment__order")


class RefundList(ApiView):
    needs = {"GET": Need(READ, "orders.view_refund")}

    @extend_schema(
        operation_id="refunds_list", parameters=[RefundQuery], responses=RefundShown(many=True)
    )
    def get(self, request: Request) -> Response:
        asked = read_query(RefundQuery, request)
        refunds = refunds_with_orders()
        if "state" in asked:
            refunds = refunds.filter(state=asked["state"])
        if "order_no" in asked:
            refunds = refunds.filter(payment__order__order_no=asked["order_no"])
        pages = NewestFirst()
        page = pages.paginate_queryset(refunds, request, view=self)
        return pages.get_paginated_response(RefundShown(page, many=True).data)


class RefundView(ApiView):
    needs = {"GET": Need(READ, "orders.view_refund")}

    @extend_schema(
        operation_id="refunds_get",
        parameters=[OpenApiParameter("refund_no", OpenApiTypes.STR, OpenApiParameter.PATH)],
        responses=RefundShown,
    )
    def get(self, request: Request, refund_no: str) -> Response:
        known = refunds_with_orders() if ORDER_NO.fullmatch(refund_no) else Refund.objects.none()
        refund = known.filter(refund_no=refund_no).first()
        if refund is None:
            raise NotFound(_("There is no such refund."), code="no_such_refund")
        return Response(RefundShown(refund).data)
