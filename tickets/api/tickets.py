"""Disputes: opened, listed, shown, and told event by event."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk import clock
from orders.api.keys import Need
from orders.api.pages import NewestFirst, OldestFirst, PageQuery, read_query
from orders.api.view import ApiView
from orders.models import ApiKey, Order
from orders.payload import CustomerPayload
from orders.strict import MomentField, StrictCharField, StrictSerializer
from tickets.api.access import (
    CaseView,
    TrackingPass,
    get_ticket,
    refusing_haste,
    staff_or_customer,
)
from tickets.api.shown import EventShown, TicketListed, TicketOpened, TicketShown
from tickets.deadlines import BREACHING
from tickets.intake import DESCRIPTION_LIMIT, Contact, Dispute, open_ticket
from tickets.models import Deadline, Ticket
from tickets.proof import MAX_FILES
from tickets.queries import find_order_for_customer
from tickets.throttle import MISSES_PER_ORDER, check, count

READ = (ApiKey.Scope.READ, ApiKey.Scope.TICKETS, ApiKey.Scope.ORDERS)
WRITE = (ApiKey.Scope.TICKETS, ApiKey.Scope.ORDERS)
NUMBER = OpenApiParameter("number", OpenApiTypes.STR, OpenApiParameter.PATH)


class DisputeAsked(StrictSerializer):
    order_no = StrictCharField(max_length=64)
    account_last4 = StrictCharField(min_length=4, max_length=4)
    category = serializers.ChoiceField(choices=Ticket.Category.choices)
    description = StrictCharField(max_length=DESCRIPTION_LIMIT)
    contact = CustomerPayload(required=False)
    evidence: Any = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=MAX_FILES
    )

    def to_dispute(self) -> Dispute:
        said = self.validated_data
        contact: dict[str, str | None] = said.get("contact", {})
        files: list[UUID] = said.get("evidence", [])
        return Dispute(
            category=said["category"],
            description=said["description"],
            contact=Contact(**{name: value or "" for name, value in contact.items()}),
            evidence_ids=tuple(files),
            intake=Ticket.Intake.API,
        )


class TicketQuery(PageQuery):
    status = serializers.ChoiceField(choices=Ticket.Status.choices, required=False)
    level = serializers.ChoiceField(choices=Ticket.Level.choices, required=False)
    cause = serializers.ChoiceField(choices=Ticket.Cause.choices, required=False)
    order_no = serializers.CharField(max_length=64, required=False)
    assignee = serializers.CharField(
        max_length=150, required=False, help_text="The sign-in name of the owner."
    )
    overdue = serializers.BooleanField(
        required=False, help_text="Open, and a clock passed its due instant without being met."
    )
    due_before = MomentField(required=False, help_text="Open, and a clock falls due before this.")
    drill = serializers.BooleanField(
        required=False, help_text="Disputes made by the drill, which are left out otherwise."
    )


class TicketList(ApiView):
    needs = {
        "GET": Need(READ, "tickets.view_ticket"),
        "POST": Need(WRITE, "tickets.add_ticket"),
    }

    @extend_schema(
        operation_id="tickets_list", parameters=[TicketQuery], responses=TicketListed(many=True)
    )
    def get(self, request: Request) -> Response:
        tickets = find_tickets(read_query(TicketQuery, request), now=clock.now())
        pages = NewestFirst()
        page = pages.paginate_queryset(tickets, request, view=self)
        return pages.get_paginated_response(TicketListed(page, many=True).data)

    @extend_schema(
        operation_id="tickets_open",
        request=DisputeAsked,
        responses={201: TicketOpened, 200: TicketOpened},
    )
    def post(self, request: Request) -> Response:
        """Open a dispute. While one is open for the order, 200 and that one, with the new facts."""
        now = clock.now()
        asked = DisputeAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        opened = open_ticket(
            order=find_order(asked.validated_data, now=now),
            dispute=asked.to_dispute(),
            actor=staff_or_customer(request.user),
            now=now,
        )
        ticket = Ticket.objects.prefetch_related("deadlines").get(pk=opened.ticket.pk)
        return Response(TicketOpened(ticket).data, status=201 if opened.created else 200)


def find_order(said: dict[str, Any], *, now: datetime) -> Order:
    """This function will find the order whose last four characters the caller knows.

    :raises NotFound: the same for an unknown number as for wrong characters.
    """
    order_no = said["order_no"]
    with refusing_haste():
        check(MISSES_PER_ORDER, order_no, now=now)
        order = find_order_for_customer(order_no=order_no, last4=said["account_last4"])
        if order is None:
            count(MISSES_PER_ORDER, order_no, now=now)
    if order is None:
        raise NotFound(
            _("No order fits this number and these four characters."), code="no_such_order"
        )
    return order


def find_tickets(asked: dict[str, Any], *, now: datetime) -> QuerySet[Ticket]:
    """This function will list tickets by the filters of the query that were given."""
    tickets = Ticket.objects.select_related("order", "assignee").filter(
        is_drill=asked.get("drill", False)
    )
    names = {"order_no": "order__order_no", "assignee": "assignee__username"}
    for name in ("status", "level", "cause", "order_no", "assignee"):
        if name in asked:
            tickets = tickets.filter(**{names.get(name, name): asked[name]})
    if "overdue" in asked:
        late = Q(status__in=Ticket.OPEN_STATUSES) & Exists(overdue_clocks(now=now))
        tickets = tickets.filter(late if asked["overdue"] else ~late)
    if "due_before" in asked:
        tickets = tickets.filter(
            status__in=Ticket.OPEN_STATUSES, next_due_at__lt=asked["due_before"]
        )
    return tickets


def overdue_clocks(*, now: datetime) -> QuerySet[Deadline]:
    """Due and not looked at yet, or fired in this cycle where firing means that we are late."""
    fired = Q(state=Deadline.State.FIRED, kind__in=BREACHING, cycle=F("ticket__cycle"))
    due = Q(state=Deadline.State.PENDING, due_at__lte=now)
    return Deadline.objects.filter(fired | due, ticket=OuterRef("pk"))


def show_ticket(ticket: Ticket, request: Request) -> dict[str, Any]:
    full = (
        Ticket.objects.select_related("order", "assignee")
        .prefetch_related("deadlines", "breaches", "evidence")
        .get(pk=ticket.pk)
    )
    context = {"for_customer": isinstance(request.auth, TrackingPass)}
    return dict(TicketShown(full, context=context).data)


class TicketView(CaseView):
    needs = {"GET": Need(READ, "tickets.view_ticket")}

    @extend_schema(operation_id="tickets_get", parameters=[NUMBER], responses=TicketShown)
    def get(self, request: Request, number: str) -> Response:
        return Response(show_ticket(get_ticket(request, number), request))


class ByNumber(OldestFirst):
    ordering = "seq"


class TicketEvents(CaseView):
    needs = {"GET": Need(READ, "tickets.view_ticket")}

    @extend_schema(
        operation_id="tickets_events",
        parameters=[NUMBER, PageQuery],
        responses=EventShown(many=True),
    )
    def get(self, request: Request, number: str) -> Response:
        """The chain, oldest first: each hash follows from the one before and what is shown."""
        events = get_ticket(request, number).events.all()
        read_query(PageQuery, request)
        pages = ByNumber()
        page = pages.paginate_queryset(events, request, view=self)
        return pages.get_paginated_response(EventShown(page, many=True).data)
