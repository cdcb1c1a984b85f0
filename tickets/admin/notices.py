from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from orders.admin.cells import badge, two_lines
from orders.admin.links import order_link
from orders.admin.readonly import ReadOnlyAdmin
from orders.masking import mask_account
from tickets.admin.edge import name_of
from tickets.admin.links import ticket_link
from tickets.models import Notice

STATE_TONES = {
    Notice.State.SENT: "good",
    Notice.State.PENDING: "info",
    Notice.State.FAILED: "bad",
    Notice.State.NO_ADDRESS: "warn",
    Notice.State.FOLDED: "plain",
    Notice.State.WITHHELD: "warn",
}


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    """Everything that leaves the building, with its words."""

    list_display = ("what", "to", "way", "number", "progress", "created_at", "sent_at")
    list_filter = [
        ("state", ChoicesDropdownFilter),
        ("route", ChoicesDropdownFilter),
        ("audience", ChoicesDropdownFilter),
    ]
    list_select_related = ("ticket", "order", "user")
    ordering = ("-id",)
    search_fields = ("ticket__number",)
    search_help_text = gettext_lazy("Whole number of the dispute")
    fields = (
        ("about", "to"),
        ("audience", "way"),
        "subject",
        "words",
        ("state", "attempts", "unknowns"),
        ("reference", "summary"),
        "last_error",
        ("created_at", "sent_at"),
        "not_before",
    )
    readonly_fields = ("about", "to", "words", "way", "summary")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Notice], search_term: str
    ) -> tuple[QuerySet[Notice], bool]:
        term = search_term.strip().upper()
        return (queryset.filter(ticket__number=term) if term else queryset), False

    @display(description=gettext_lazy("message"))
    def what(self, notice: Notice) -> SafeString:
        return two_lines(notice.subject or Truncator(notice.body).chars(40) or "—", notice.kind)

    @display(description=gettext_lazy("recipient"))
    def to(self, notice: Notice) -> str:
        """Staff's addresses are their own; a customer's stays masked."""
        if notice.user is not None:
            return name_of(notice.user)
        if notice.route in Notice.GROUP_ROUTES:
            return str(notice.get_route_display())
        return mask_account(notice.recipient) or str(notice.get_audience_display())

    @display(description=gettext_lazy("way"))
    def way(self, notice: Notice) -> str:
        return str(notice.get_route_display())

    @display(description=gettext_lazy("summed up in"))
    def summary(self, notice: Notice) -> Any:
        if notice.folded_into_id is None:
            return "—"
        address = reverse("admin:tickets_notice_change", args=[notice.folded_into_id])
        return format_html('<a href="{}">#{}</a>', address, notice.folded_into_id)

    @display(description=gettext_lazy("dispute"))
    def number(self, notice: Notice) -> str:
        if notice.ticket is not None:
            return notice.ticket.number
        return notice.order.order_no if notice.order is not None else "—"

    @display(description=gettext_lazy("dispute"))
    def about(self, notice: Notice) -> Any:
        if notice.ticket is not None:
            return ticket_link(notice.ticket)
        return order_link(notice.order) if notice.order is not None else "—"

    @display(description=gettext_lazy("state"))
    def progress(self, notice: Notice) -> SafeString:
        tone = STATE_TONES.get(Notice.State(notice.state), "plain")
        return badge(notice.get_state_display(), tone, title=notice.last_error)

    @display(description=gettext_lazy("text"))
    def words(self, notice: Notice) -> SafeString:
        return format_html('<div class="desk-words">{}</div>', notice.body)
