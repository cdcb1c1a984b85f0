"""The queue: what falls due next stands first."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db import connection
from django.db.models import (
    DateTimeField,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import display

from orders.admin.cells import badge, two_lines, yuan
from orders.masking import mask_account
from orders.models import Order
from tickets.admin.countdown import SOON, count_down
from tickets.admin.edge import name_of, now_of
from tickets.models import Approval, Deadline, Ticket

Status = Ticket.Status

STATUS_TONES = {
    Status.NEW: "info",
    Status.IN_PROGRESS: "info",
    Status.WAITING_CUSTOMER: "warn",
    Status.REMEDY_PENDING: "good",
    Status.RESOLVED: "good",
}
LEVEL_TONES = {Ticket.Level.SUPERVISOR: "warn", Ticket.Level.REFERRED: "bad"}
#: A search that names something finds it whatever became of it.
SEARCH_LIMIT = 200
#: Counts stop here, and so do pages.
MANY, MANY_PAGES = 999, 100


def name_status(status: str) -> Any:
    """The labels speak to the customer; of one status staff have to say it the other way round."""
    if status == Status.WAITING_CUSTOMER:
        return gettext_lazy("waiting for the customer's answer")
    return Status(status).label


def annotate_queue(tickets: QuerySet[Ticket]) -> QuerySet[Any]:
    """This function will add to each ticket its next kind of clock and whether a decision waits.

    Each look-up is one step in the index on a ticket's deadlines, for the rows that are shown.
    """
    pending = Deadline.objects.filter(ticket=OuterRef("pk"), state=Deadline.State.PENDING).order_by(
        "due_at", "id"
    )
    asked = Approval.objects.filter(ticket=OuterRef("pk"), state=Approval.State.PENDING)
    return tickets.annotate(
        next_kind=Subquery(pending.values("kind")[:1]),
        decision_waits=Exists(asked),
    )


def open_tickets() -> QuerySet[Ticket]:
    return Ticket.objects.filter(status__in=Ticket.OPEN_STATUSES)


#: The saved views: code, label, and what they keep.
VIEWS: dict[str, tuple[Any, Callable[[HttpRequest], Q]]] = {
    "mine": (gettext_lazy("Mine"), lambda request: Q(assignee=request.user.pk)),
    "unowned": (gettext_lazy("Unowned"), lambda request: Q(assignee__isnull=True)),
    "soon": (
        gettext_lazy("Due in 2 h"),
        lambda request: Q(next_due_at__lte=now_of(request) + SOON),
    ),
    "overdue": (gettext_lazy("Overdue"), lambda request: Q(next_due_at__lt=now_of(request))),
    "waiting": (
        gettext_lazy("Waiting for the customer"),
        lambda request: Q(status=Status.WAITING_CUSTOMER),
    ),
    "outage": (gettext_lazy("Outage"), lambda request: Q(outage__isnull=False)),
    "decision": (
        gettext_lazy("Decision waits"),
        lambda request: Q(
            pk__in=Approval.objects.filter(state=Approval.State.PENDING).values("ticket")
        ),
    ),
}


class StatusFilter(DropdownFilter):
    """Open disputes unless something else is asked for, by choice or by a search."""

    title = gettext_lazy("status")
    parameter_name = "status"
    all_option = ["", gettext_lazy("Open")]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*((s, name_status(s)) for s in Status.values), ("all", gettext_lazy("All"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> QuerySet[Ticket]:
        value = self.value()
        if value in Status.values:
            return queryset.filter(status=value)
        if value == "all" or (not value and request.GET.get("q", "").strip()):
            return queryset
        return queryset.filter(status__in=Ticket.OPEN_STATUSES)


class ViewFilter(DropdownFilter):
    title = gettext_lazy("view")
    parameter_name = "view"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(code, label) for code, (label, _keep) in VIEWS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> QuerySet[Ticket]:
        view = VIEWS.get(self.value() or "")
        return queryset.filter(view[1](request)) if view else queryset


def count_open(request: HttpRequest) -> dict[str, int]:
    """This function will count open disputes by saved view and by level in one statement.

    It stops at MANY: nobody counts further, and a million disputes cost no more than a thousand.
    """
    tickets = open_tickets().order_by()
    real = tickets.filter(is_drill=False)
    asked = {
        "all": tickets,
        **{code: tickets.filter(keep(request)) for code, (_label, keep) in VIEWS.items()},
        **{level: real.filter(level=level) for level in Ticket.Level.values},
    }
    compiled = [rows.values("pk")[: MANY + 1].query.sql_with_params() for rows in asked.values()]
    counts = ", ".join(
        f"(SELECT count(*) FROM ({sql}) AS part{n})" for n, (sql, _p) in enumerate(compiled)
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}", [value for _sql, given in compiled for value in given])
        return dict(zip(asked, cursor.fetchone(), strict=True))


def write_count(count: int) -> int | str:
    return f"{MANY}+" if count > MANY else count


class ManyPaginator(Paginator):
    """Pages of the first disputes; who looks for one beyond them filters or searches."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[: MANY_PAGES * self.per_page].count())


def list_views(request: HttpRequest, counts: dict[str, int]) -> list[dict[str, Any]]:
    chosen = request.GET.get("view", "")
    views = [
        {
            "code": "",
            "label": _("All open"),
            "count": write_count(counts["all"]),
            "active": not chosen,
        }
    ]
    return views + [
        {"code": code, "label": label, "count": write_count(counts[code]), "active": chosen == code}
        for code, (label, _keep) in VIEWS.items()
    ]


def find_tickets(queryset: QuerySet[Ticket], search_term: str) -> QuerySet[Ticket]:
    """This function will find disputes by the beginning of their own or their order's number.

    The orders are looked up first, so that both sides of the "or" are served by an index.
    """
    term = search_term.strip()
    if not term:
        return queryset
    orders = list(Order.objects.filter(order_no=term).values_list("pk", flat=True))
    if not orders:
        beginning = Order.objects.filter(order_no__startswith=term)
        orders = list(beginning.values_list("pk", flat=True)[:SEARCH_LIMIT])
    return queryset.filter(Q(number__startswith=term.upper()) | Q(order_id__in=orders))


def whom_it_waits_for(ticket: Any) -> str:
    """This function will name who has to act next."""
    if ticket.decision_waits:
        return _("supervisor's decision")
    if ticket.status == Status.WAITING_CUSTOMER:
        return _("customer")
    if ticket.status == Status.REMEDY_PENDING:
        return _("channel or supplier")
    if not ticket.is_open:
        return ""
    if ticket.level != Ticket.Level.AGENT:
        return _("supervisors")
    return name_of(ticket.assignee) or _("whoever takes it")


class QueueColumns:
    """The columns of the list of disputes, for TicketAdmin."""

    list_display = (
        "which",
        "due",
        "trouble",
        "amount",
        "where",
        "owner",
        "waits_for",
    )
    list_filter = [
        ViewFilter,
        StatusFilter,
        ("level", ChoicesDropdownFilter),
        ("cause", ChoicesDropdownFilter),
        ("category", ChoicesDropdownFilter),
    ]
    list_select_related = ("order", "assignee")
    search_fields = ("number",)
    search_help_text = gettext_lazy("Dispute or order number")
    sortable_by = ()
    paginator = ManyPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[Ticket]:
        tickets = super().get_queryset(request)  # type: ignore[misc]  # a mixin
        # A column's method sees the row alone, and this object serves many requests at once.
        asked_at = Value(now_of(request), output_field=DateTimeField())
        return annotate_queue(tickets).annotate(asked_at=asked_at)

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        return [F("next_due_at").asc(nulls_last=True), "pk"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Ticket], search_term: str
    ) -> tuple[QuerySet[Ticket], bool]:
        return find_tickets(queryset, search_term), False

    @display(description=gettext_lazy("dispute"))
    def which(self, ticket: Ticket) -> SafeString:
        order = ticket.order
        account = mask_account(order.target_account)
        return two_lines(ticket.number, f"{order.order_no} {account}".strip())

    @display(description=gettext_lazy("next deadline"))
    def due(self, ticket: Any) -> SafeString | str:
        if ticket.next_due_at is None:
            return "—"
        countdown = count_down(ticket.next_due_at, now=ticket.asked_at)
        return two_lines(countdown.html, Deadline.Kind(ticket.next_kind).label)

    @display(description=gettext_lazy("trouble"))
    def trouble(self, ticket: Ticket) -> SafeString:
        return two_lines(ticket.get_category_display(), ticket.get_cause_display())

    @display(description=gettext_lazy("amount"))
    def amount(self, ticket: Ticket) -> str:
        return yuan(ticket.order.price_fen)

    @display(description=gettext_lazy("status"))
    def where(self, ticket: Ticket) -> SafeString:
        marks = [(name_status(ticket.status), STATUS_TONES.get(Status(ticket.status), "plain"))]
        if ticket.level != Ticket.Level.AGENT:
            marks.append((ticket.get_level_display(), LEVEL_TONES[Ticket.Level(ticket.level)]))
        if ticket.is_drill:
            marks.append((_("drill"), "plain"))
        return format_html_join(" ", "{}", ((badge(text, tone),) for text, tone in marks))

    @display(description=gettext_lazy("owner"))
    def owner(self, ticket: Ticket) -> str:
        return name_of(ticket.assignee) or "—"

    @display(description=gettext_lazy("waits for"))
    def waits_for(self, ticket: Ticket) -> str:
        return whom_it_waits_for(ticket)
