from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from orders.admin.cells import badge, two_lines
from orders.admin.readonly import ReadOnlyAdmin
from orders.masking import mask_email, mask_name
from tickets.admin.links import ticket_link
from tickets.models import InboundMail

State = InboundMail.State
STATE_TONES = {
    State.OPENED: "good",
    State.ADDED: "good",
    State.RECEIVED: "info",
    State.KEPT: "warn",
    State.REFUSED: "warn",
    State.QUARANTINED: "bad",
}
REASONS = {
    "auto_reply": gettext_lazy("written by a machine"),
    "bounce": gettext_lazy("a report of delivery"),
    "dispute_over": gettext_lazy("the dispute is over"),
    "empty": gettext_lazy("neither words nor files"),
    "mailing_list": gettext_lazy("sent to a mailing list"),
    "no_order": gettext_lazy("no order found by it"),
    "no_sender": gettext_lazy("no sender, or several"),
    "other_address": gettext_lazy("not the customer's address"),
    "own_mail": gettext_lazy("our own mail came back"),
    "rate_limited": gettext_lazy("too many from one sender"),
    "too_large": gettext_lazy("too large"),
    "unreadable": gettext_lazy("cannot be read"),
}


@admin.register(InboundMail)
class InboundMailAdmin(ReadOnlyAdmin):
    """Every mail that came in, and what became of it."""

    list_display = ("what", "who", "number", "progress", "received_at")
    list_filter = [("state", ChoicesDropdownFilter)]
    list_select_related = ("ticket",)
    ordering = ("-id",)
    search_fields = ("ticket__number",)
    search_help_text = gettext_lazy("Whole number of the dispute")
    fields = (
        ("about", "who"),
        "subject",
        "words",
        ("progress", "why"),
        ("received_at", "handled_at"),
        ("size", "attempts"),
        "last_error",
        "sha256",
    )
    readonly_fields = ("about", "who", "words", "progress", "why")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[InboundMail], search_term: str
    ) -> tuple[QuerySet[InboundMail], bool]:
        term = search_term.strip().upper()
        return (queryset.filter(ticket__number=term) if term else queryset), False

    @display(description=gettext_lazy("mail"))
    def what(self, mail: InboundMail) -> SafeString:
        return two_lines(mail.subject or "—", self.why(mail))

    @display(description=gettext_lazy("sender"))
    def who(self, mail: InboundMail) -> str:
        """A stranger's address is masked like a customer's."""
        return f"{mask_name(mail.sender_name)} {mask_email(mail.sender)}".strip() or "—"

    @display(description=gettext_lazy("dispute"))
    def number(self, mail: InboundMail) -> str:
        return mail.ticket.number if mail.ticket is not None else "—"

    @display(description=gettext_lazy("dispute"))
    def about(self, mail: InboundMail) -> Any:
        return ticket_link(mail.ticket) if mail.ticket is not None else "—"

    @display(description=gettext_lazy("state"))
    def progress(self, mail: InboundMail) -> SafeString:
        return badge(mail.get_state_display(), STATE_TONES.get(State(mail.state), "plain"))

    @display(description=gettext_lazy("why"))
    def why(self, mail: InboundMail) -> str:
        return str(REASONS.get(mail.reason, mail.reason))

    @display(description=gettext_lazy("text"))
    def words(self, mail: InboundMail) -> SafeString:
        return format_html('<div class="desk-words">{}</div>', mail.body)
