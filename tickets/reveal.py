"""Looking at a customer's full contact data: allowed to few, with a reason, and on the record."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from tickets.actors import Actor
from tickets.cases import NotAllowed, TransitionRefused, open_case
from tickets.models import BankDetails, Event
from tickets.sealing import unseal
from tickets.transitions.handling import require_text


class NothingToReveal(TransitionRefused):
    """There is nothing, or not any more."""

    code = "nothing_to_reveal"


@dataclass(frozen=True)
class FullContact:
    """What is masked everywhere else; empty where nothing is known."""

    name: str
    phone: str
    email: str
    target_account: str


@dataclass(frozen=True)
class FullAccount:
    name: str
    bank: str
    number: str


def reveal_bank_details(*, ticket_id: int, reason: str, user: User, now: datetime) -> FullAccount:
    """This function will hand out the account a customer gave last, and record who looked and why.

    :raises NotAllowed: the person may not see bank details, or works no disputes.
    :raises NothingToReveal: no details were given, or they have been erased.
    """
    if not user.has_perm("tickets.reveal_bank_details"):
        raise NotAllowed(_("You may not see full bank details."))
    reason = require_text(reason, limit=500)
    with open_case(ticket_id=ticket_id, actor=Actor.of(user), now=now) as case:
        given = BankDetails.objects.filter(transfer__ticket=case.ticket, erased_at__isnull=True)
        details = given.order_by("pk").last()
        if details is None:
            raise NothingToReveal(_("No bank details are kept for this dispute."))
        digest = case.say(reason, internal=True)
        fields = ["bank_account"]
        case.record(Event.Kind.CONTACT_REVEALED, fields=fields, text_digest=digest)
        return FullAccount(**unseal(details.sealed))


def reveal_contact(*, ticket_id: int, reason: str, user: User, now: datetime) -> FullContact:
    """This function will hand out a ticket's contact data once and record who looked, and why.

    The reason is kept as an internal note; the event holds its digest (PIPL art. 51: access by
    rights, and traceable).

    :raises NotAllowed: the person may not see contact data, or works no disputes.
    """
    if not user.has_perm("tickets.reveal_contact"):
        raise NotAllowed(_("You may not see full contact data."))
    reason = require_text(reason, limit=500)
    with open_case(ticket_id=ticket_id, actor=Actor.of(user), now=now) as case:
        digest = case.say(reason, internal=True)
        fields = ["name", "phone", "email", "target_account"]
        case.record(Event.Kind.CONTACT_REVEALED, fields=fields, text_digest=digest)
        ticket, order = case.ticket, case.ticket.order
        return FullContact(
            name=ticket.contact_name or order.customer_name,
            phone=ticket.contact_phone or order.customer_phone,
            email=ticket.contact_email or order.customer_email,
            target_account=order.target_account,
        )
