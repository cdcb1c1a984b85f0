"""Two disputes about one trouble become one: the earliest clock stays and nothing said is lost.

One order has one open dispute, so two open ones are about two orders, and each order's money has
a promise of its own. They are one trouble only where nothing is owed on the order that is given
up: the customer named an order that was never paid, say, or was given everything back already.
"""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from orders.entitlement import get_standing
from tickets.actors import Actor
from tickets.cases import Case, TransitionRefused, lock_cases
from tickets.deadlines import Kind, advance_deadline, cancel_deadline
from tickets.docket import Docket
from tickets.models import Event, Evidence, Ticket
from tickets.notices import notify_customer, notify_owner
from tickets.promise import PROMISE, start_promise
from tickets.proof import case_files, consider_promise, has_complete_proof
from tickets.transitions.deciding import require_nothing_under_way
from tickets.transitions.finishing import finish
from tickets.transitions.handling import pass_to_supervisor

Level = Ticket.Level
#: Clocks that both disputes may have; the earlier one stays. The promise is looked at as a whole.
COMMON = (Kind.FIRST_REPLY, Kind.AGENT_RESOLUTION, Kind.SUPERVISOR_RESOLUTION, Kind.REFERRAL)


class UnableToMerge(TransitionRefused):
    """The two are not one trouble, or the other one cannot carry it on."""

    code = "unable_to_merge"
    field = "into"


def merge(*, ticket_id: int, into: str, actor: Actor, now: datetime) -> Ticket:
    """This function will end a dispute as a duplicate of another one, which keeps what was said,
    the proof, and the earlier of every clock.

    Both are locked in the order of their keys: two merges that cross wait for each other in turn,
    and a clock that fires meanwhile has fired before or finds its deadline ended.

    :raises UnableToMerge: the other one does not exist, is over, or is somebody else's; or money
        is owed on this one's order.
    """
    target_id = find_target(into)
    if target_id == ticket_id:
        raise UnableToMerge(_("A dispute cannot be merged into itself."), code="same_dispute")
    with transaction.atomic(durable=True):
        docket = Docket(now)
        cases = lock_cases(ticket_ids=[ticket_id, target_id], docket=docket, actor=actor)
        case, target = cases[ticket_id], cases[target_id]
        check_merge(case, target)
        join(case, target)
        docket.flush()
    return case.ticket


def find_target(number: str) -> int:
    found = Ticket.objects.filter(number=number.strip().upper()).values_list("pk", flat=True)
    pk = found.first()
    if pk is None:
        raise UnableToMerge(
            _("There is no dispute with the number %(number)s.") % {"number": number[:20]},
            code="no_such_dispute",
        )
    return pk


def check_merge(case: Case, target: Case) -> None:
    case.require_staff()
    case.require_open()
    require_nothing_under_way(case, get_standing(case.ticket.order))
    if get_standing(case.ticket.order).owed_fen:
        raise UnableToMerge(
            _(
                "Money is owed on order %(order_no)s: each order keeps a dispute and a promise of "
                "its own."
            )
            % {"order_no": case.ticket.order.order_no},
            code="money_owed",
        )
    same_order = case.ticket.order_id == target.ticket.order_id
    if not target.ticket.is_open and not same_order:
        raise UnableToMerge(
            _("Dispute %(number)s is over and cannot carry this one on.")
            % {"number": target.ticket.number},
            code="target_over",
        )
    if not same_order and not marks_of(case.ticket) & marks_of(target.ticket):
        raise UnableToMerge(
            _("These two have neither buyer, account, phone nor e-mail in common."),
            code="different_customer",
        )


def marks_of(ticket: Ticket) -> set[tuple[str, str]]:
    """This function will list what tells one customer from another, as the shop knows them.

    What somebody typed into a dispute is no mark: anybody can type another one's number there.
    """
    order = ticket.order
    marks = {
        ("buyer", order.buyer_ref),
        ("account", order.target_account),
        ("phone", order.customer_phone),
        ("email", order.customer_email.casefold()),
    }
    return {(kind, value) for kind, value in marks if value}


def join(case: Case, target: Case) -> None:
    ticket, kept = case.ticket, target.ticket
    case.record(Event.Kind.MERGED, into=kept.number)
    target.record(Event.Kind.MERGED, source=ticket.number)
    if kept.is_open:
        keep_earliest_clocks(case, target)
        take_proof_along(case, target)
        take_over_level_and_owner(case, target)
        notify_owner(target, "facts_added")
    ticket.merged_into = kept
    case.change("merged_into")
    # What was merged into this one before counts where it goes on.
    Ticket.objects.filter(merged_into=ticket).update(merged_into=kept)
    finish(case, outcome=Ticket.Outcome.DUPLICATE, notice="merged", into=kept.number)


def keep_earliest_clocks(case: Case, target: Case) -> None:
    """This function will move every clock of the dispute that goes on to the earlier of the two.

    A promise that runs here starts there as early as it did here: the proof was in our hands.
    """
    ticket, kept = case.ticket, target.ticket
    if ticket.commitment_started_at is not None and ticket.commitment_due_at is not None:
        if kept.commitment_started_at is None:
            kept.commitment_started_by = ticket.commitment_started_by
            target.change("commitment_started_by")
            start_promise(target, started_at=ticket.commitment_started_at)
            target.record(
                Event.Kind.COMMITMENT_STARTED,
                by=ticket.number,
                started_at=ticket.commitment_started_at.isoformat(),
            )
            notify_customer(target, "promise_started")
        keep_earlier_promise(case, target)
    for kind in COMMON:
        theirs = case.live(kind)
        if theirs is not None and theirs.state == theirs.State.PENDING:
            advance_deadline(target, kind, theirs.due_at)


def keep_earlier_promise(case: Case, target: Case) -> None:
    """This function will let the promise that was given first stand, also where it is broken."""
    ticket, kept = case.ticket, target.ticket
    if kept.commitment_due_at is None or ticket.commitment_due_at is None:
        return
    earlier = kept.commitment_due_at - ticket.commitment_due_at
    if earlier.total_seconds() <= 0:
        return
    kept.commitment_started_at = ticket.commitment_started_at
    kept.commitment_due_at = ticket.commitment_due_at
    kept.commitment_started_by = ticket.commitment_started_by
    target.change("commitment_started_at", "commitment_due_at", "commitment_started_by")
    for kind in PROMISE:
        running = target.live(kind)
        if running is not None and kind != Kind.REFERRAL:
            advance_deadline(target, kind, running.due_at - earlier)


def take_proof_along(case: Case, target: Case) -> None:
    """This function will let the proof of both decide whether it is complete."""
    own = list(Evidence.objects.filter(ticket=case.ticket))
    target.files = [*case_files(target), *own]
    if target.ticket.commitment_started_at is None and has_complete_proof(target):
        consider_promise(target)


def take_over_level_and_owner(case: Case, target: Case) -> None:
    if case.ticket.level != Level.AGENT and target.ticket.level == Level.AGENT:
        cancel_deadline(target, Kind.AGENT_RESOLUTION)
        pass_to_supervisor(target, by=case.actor.role)
    if target.ticket.assignee_id is None and case.ticket.assignee_id is not None:
        target.ticket.assignee = case.ticket.assignee
        target.change("assignee")
        target.record(Event.Kind.ASSIGNED, to=f"staff:{case.ticket.assignee_id}", by="merge")
