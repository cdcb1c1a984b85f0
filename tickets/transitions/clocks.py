"""What the arrows share: the clocks that start and stop with them."""

from datetime import datetime

from orders.entitlement import get_settled_at, get_standing
from tickets.cases import Case
from tickets.deadlines import (
    Kind,
    cancel_deadline,
    meet_deadline,
    resume_internal,
    start_deadline,
)
from tickets.models import Ticket
from tickets.promise import end_promise

HANDLING = (Kind.AGENT_RESOLUTION, Kind.SUPERVISOR_RESOLUTION)


def handle_again(case: Case) -> None:
    """This function will give the level that has the ticket a clock to handle it by."""
    if case.ticket.level == Ticket.Level.AGENT:
        start_deadline(case, Kind.AGENT_RESOLUTION)
    elif case.ticket.level == Ticket.Level.SUPERVISOR:
        start_deadline(case, Kind.SUPERVISOR_RESOLUTION)


def stop_waiting(case: Case, *, met: bool) -> None:
    """This function will end the wait for the customer and let the paused clocks go on."""
    if met:
        meet_deadline(case, Kind.EVIDENCE_DUE)
    else:
        cancel_deadline(case, Kind.EVIDENCE_DUE)
    resume_internal(case)


def meet_handling(case: Case) -> None:
    """This function will stop the handling clocks: a remedy was requested, or the case is over."""
    cancel_deadline(case, Kind.EVIDENCE_DUE)
    for kind in HANDLING:
        meet_deadline(case, kind)


def meet_first_reply(case: Case) -> None:
    """This function will note that a person, or a remedy with its message, has answered."""
    if case.ticket.first_replied_at is None:
        case.ticket.first_replied_at = case.now
        case.change("first_replied_at")
    meet_deadline(case, Kind.FIRST_REPLY)


def remedied_at(case: Case) -> datetime | None:
    """This function will tell when a remedy under way gave all that was owed, if it has.

    The channel's or supplier's answer is a fact from its commit on; the event that tells the
    ticket of it may come later.
    """
    if case.ticket.status != Ticket.Status.REMEDY_PENDING:
        return None
    standing = get_standing(case.ticket.order)
    return get_settled_at(case.ticket.order) if standing.is_settled else None


def stop_everything(case: Case, *, kept_at: datetime | None) -> None:
    """This function will end every live clock of a ticket that is over.

    ``kept_at`` is when the promise was kept; None gives it up.
    """
    meet_handling(case)
    meet_deadline(case, Kind.FIRST_REPLY)
    end_promise(case, kept_at=kept_at)
    for kind in (Kind.APPROVAL, Kind.SUPPLIER_PROOF, Kind.AUTO_CLOSE):
        cancel_deadline(case, kind)
