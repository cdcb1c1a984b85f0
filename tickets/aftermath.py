"""What becomes of a case when a remedy has failed, or has not settled all of it."""

from typing import Any

from orders.channels.base import Outcome as RefundOutcome
from orders.entitlement import get_standing
from orders.models import Refund, TopUp
from tickets.cases import Case
from tickets.models import Event
from tickets.notices import notify_supervisors
from tickets.proof import consider_promise, proven_by_records
from tickets.transitions.arrows import Level, Status, move, raise_level
from tickets.transitions.clocks import handle_again


def begin_again(case: Case) -> None:
    """This function will take a case back from a remedy that did not settle all of it.

    One that a channel refused comes back to a supervisor, whichever of several answers was last.
    """
    if case.ticket.status != Status.REMEDY_PENDING:
        return
    move(case, Status.IN_PROGRESS)
    if was_refused(case):
        raise_to_supervisor(case)
    handle_again(case)


def was_refused(case: Case) -> bool:
    return Refund.objects.filter(
        origin=case.ticket.uuid,
        cycle=case.ticket.cycle,
        state=Refund.State.REJECTED,
        outcome=RefundOutcome.REJECTED,
    ).exists()


def raise_to_supervisor(case: Case) -> None:
    if raise_level(case, Level.SUPERVISOR):
        case.record(Event.Kind.ESCALATED, to="supervisor", by="remedy_failed")


def hand_to_supervisor(case: Case, notice: str, **context: Any) -> None:
    """This function will return a failed remedy to a supervisor, with a clock to handle it by."""
    if not case.ticket.is_open:
        return
    if case.ticket.status == Status.REMEDY_PENDING:
        raise_to_supervisor(case)
        if not remedy_under_way(case):
            begin_again(case)
    notify_supervisors(case, notice, **context)


def remedy_under_way(case: Case) -> bool:
    """This function will tell whether money or credit may still reach the customer."""
    return get_standing(case.ticket.order).reserved_fen > 0 or has_live_top_up(case)


def has_live_top_up(case: Case) -> bool:
    return case.ticket.order.top_ups.filter(state__in=TopUp.LIVE_STATES).exists()


def start_promise_by_records(case: Case) -> None:
    """This function will start the promise where our records prove the fault by now."""
    if case.ticket.is_open and proven_by_records(case.ticket.order):
        consider_promise(case)
