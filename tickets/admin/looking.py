"""Two people at one dispute: each is told of the other, and neither is locked out."""

from django.http import HttpRequest
from django.utils.translation import gettext as _

from tickets.admin.countdown import write_length
from tickets.admin.edge import name_of, now_of, user_of
from tickets.duty import others_looking

#: No row has a higher number; a longer one would not even reach the database.
HIGHEST = 2**63 - 1


def is_row_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= HIGHEST


def tell_others(request: HttpRequest, ticket_id: int) -> str:
    """This function will say who else has the dispute open and since when, or nothing."""
    now = now_of(request)
    others = others_looking(ticket_id=ticket_id, user_id=user_of(request).pk, now=now)
    return " ".join(
        _("%(name)s opened this %(length)s ago.")
        % {"name": name_of(visit.user), "length": write_length(now - visit.opened_at)}
        for visit in others
    )
