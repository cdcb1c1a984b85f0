from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tickets.models import Ticket


def ticket_address(ticket_id: int) -> str:
    return reverse("admin:tickets_ticket_change", args=[ticket_id])


def ticket_link(ticket: Ticket) -> SafeString:
    address = ticket_address(ticket.pk)
    return format_html('<a class="desk-link" href="{}">{}</a>', address, ticket.number)
