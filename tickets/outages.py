"""Disputes that belong to an outage: linked by staff, or by the batch that refunds them."""

from datetime import datetime

from django.utils.translation import gettext as _

from orders.models import Outage
from tickets.actors import Actor
from tickets.cases import Case, TransitionRefused, open_case
from tickets.models import Event, Ticket
from tickets.proof import consider_promise


class UnableToLink(TransitionRefused):
    """There is no such outage."""

    code = "no_such_outage"
    http_status = 400
    field = "outage"


def link_outage(*, ticket_id: int, outage: int, actor: Actor, now: datetime) -> Ticket:
    """This function will put a dispute to an outage.

    Where the outage is public, the shop has owned up to the fault: the 24-hour promise starts at
    the notice or the opening, whichever is later, also without proof.

    :raises UnableToLink: there is no such outage.
    """
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        case.require_staff()
        case.require_open()
        found = Outage.objects.filter(pk=outage).first() if 0 < outage < 2**63 else None
        if found is None:
            raise UnableToLink(_("There is no such outage."))
        join_outage(case, found)
    return case.ticket


def join_outage(case: Case, outage: Outage) -> None:
    if case.ticket.outage_id == outage.pk:
        return
    case.ticket.outage = outage
    case.change("outage")
    case.record(Event.Kind.OUTAGE_LINKED, outage=outage.pk)
    if outage.is_public:
        consider_promise(case)
