"""Words that agents write again and again: variables in braces, filled in from the dispute."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from orders.entitlement import Standing, get_standing
from orders.masking import mask_account, mask_name
from orders.refunds import yuan
from orders.refusals import Refused
from tickets.models import Macro, Ticket

IN_BRACES = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Filling:
    """What the variables are taken from."""

    ticket: Ticket
    standing: Standing


def tell_instant(at: datetime | None) -> str:
    zone = ZoneInfo(settings.TIME_ZONE)
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at is not None else "—"


def amount_of(filling: Filling) -> str:
    """What is still owed, else what was paid: what the customer asks about."""
    return yuan(filling.standing.owed_fen or filling.standing.paid_fen)


#: Name in braces -> what it means, for the help text, and where it comes from.
VARIABLES: dict[str, tuple[object, Callable[[Filling], str]]] = {
    "number": (_("number of the dispute"), lambda f: f.ticket.number),
    "order_no": (_("order number"), lambda f: f.ticket.order.order_no),
    "product": (_("product"), lambda f: f.ticket.order.product_name),
    "account": (_("account, masked"), lambda f: mask_account(f.ticket.order.target_account) or "—"),
    "amount": (_("amount owed, or paid where nothing is owed"), amount_of),
    "due": (_("when the promise is due"), lambda f: tell_instant(f.ticket.commitment_due_at)),
    "name": (
        _("name, masked"),
        lambda f: mask_name(f.ticket.contact_name or f.ticket.order.customer_name),
    ),
    "link": (
        _("address of the tracking page"),
        lambda f: f"{settings.SITE_URL}/t/{f.ticket.tracking_token}/",
    ),
}


class InvalidMacro(Refused):
    """A text names a variable that there is none of, or has a brace without its other half."""

    code = "invalid_macro"
    http_status = 400


def check_text(text: str) -> None:
    """This function will refuse a text that could not be filled in.

    :raises InvalidMacro: naming every variable that there is none of, and those there are.
    """
    unknown = sorted(set(IN_BRACES.findall(text)) - set(VARIABLES))
    known = " ".join(f"{{{name}}}" for name in VARIABLES)
    if unknown:
        named = ", ".join(f"{{{name}}}" for name in unknown)
        raise InvalidMacro(
            _("Unknown: %(unknown)s. There are %(known)s.") % {"unknown": named, "known": known}
        )
    if re.search(r"[{}]", IN_BRACES.sub("", text)):
        raise InvalidMacro(_("A brace stands alone; variables are %(known)s.") % {"known": known})


def fill_in(text: str, filling: Filling) -> str:
    """This function will write the values of this dispute in the place of the variables."""
    return IN_BRACES.sub(lambda found: VARIABLES[found[1]][1](filling), text)


def find_macros(ticket: Ticket) -> list[tuple[int, str, str]]:
    """This function will offer every macro with its text for this dispute, in its language."""
    filling = Filling(ticket, get_standing(ticket.order))
    in_chinese = ticket.language.startswith("zh")
    return [
        (macro.pk, macro.name, fill_in(macro.text_zh if in_chinese else macro.text_en, filling))
        for macro in Macro.objects.filter(is_active=True)
    ]
