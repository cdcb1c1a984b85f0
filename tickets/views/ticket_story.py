"""A dispute in the customer's words: how it stands, who has it, and what was promised by when."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from orders.models import Refund
from tickets.models import Approval, BankTransfer, Deadline, Evidence, Ticket
from tickets.policy_reader import read_policy
from tickets.transitions.handling import NUDGE_COOLDOWN
from tickets.views.files import Need, list_needs
from tickets.views.money_story import refunds_of

Status = Ticket.Status
Kind = Deadline.Kind
State = Deadline.State


@dataclass(frozen=True)
class Promise:
    """The published promise for this case. ``state``: waiting, running, kept, late or over."""

    state: str
    length: timedelta
    started_at: datetime | None
    due_at: datetime | None
    started_by: Evidence | None
    needs: list[Need]


@dataclass(frozen=True)
class TicketStory:
    ticket: Ticket
    title: str
    lead: str
    holder: str
    tone: str
    promise: Promise
    evidence_due_at: datetime | None
    can_nudge: bool
    nudge_again_at: datetime | None
    can_escalate: bool
    can_reopen: bool
    can_rate: bool


TITLES = {
    Status.NEW: pgettext_lazy("status", "Received"),
    Status.IN_PROGRESS: pgettext_lazy("status", "Being worked on"),
    Status.WAITING_CUSTOMER: pgettext_lazy("status", "We need something from you"),
    Status.REMEDY_PENDING: pgettext_lazy("status", "Being sent again"),
    Status.RESOLVED: pgettext_lazy("status", "Resolved"),
    Status.CLOSED: pgettext_lazy("status", "Closed"),
    Status.WITHDRAWN: pgettext_lazy("status", "Withdrawn"),
}
OUTCOME_TITLES = {
    Ticket.Outcome.DELIVERED: pgettext_lazy("status", "Delivered"),
    Ticket.Outcome.REFUNDED: pgettext_lazy("status", "Refunded"),
    Ticket.Outcome.COMPENSATED: pgettext_lazy("status", "Compensated"),
    Ticket.Outcome.CORRECTED: pgettext_lazy("status", "Corrected"),
    Ticket.Outcome.REFUSED: pgettext_lazy("status", "Answered with reasons"),
    Ticket.Outcome.DUPLICATE: pgettext_lazy("status", "Handled in another dispute"),
    Ticket.Outcome.WITHDRAWN: pgettext_lazy("status", "Withdrawn"),
}
TONES = {
    Status.WAITING_CUSTOMER: "act",
    Status.RESOLVED: "good",
    Status.CLOSED: "good",
    Status.WITHDRAWN: "quiet",
}


def tell_ticket(ticket: Ticket, *, now: datetime) -> TicketStory:
    """This function will put a dispute into the customer's words."""
    mine = (d for d in ticket.deadlines.all() if d.cycle == ticket.cycle)
    deadlines = {d.kind: d for d in sorted(mine, key=lambda d: d.round)}
    approving = any(
        approval.state == Approval.State.PENDING and approval.action == Approval.Action.REFUND
        for approval in ticket.approvals.all()
    )
    again_at = ticket.last_nudged_at + NUDGE_COOLDOWN if ticket.last_nudged_at else None
    over = ticket.status in (Status.RESOLVED, Status.CLOSED)
    due = deadlines.get(Kind.EVIDENCE_DUE)
    return TicketStory(
        ticket=ticket,
        title=title_of(ticket, approving),
        lead=lead_of(ticket, approving),
        holder=holder_of(ticket, approving),
        tone=tone_of(ticket),
        promise=tell_promise(ticket, deadlines.get(Kind.COMMITMENT)),
        evidence_due_at=due.due_at if due is not None and due.is_live else None,
        can_nudge=ticket.is_open and (again_at is None or now >= again_at),
        nudge_again_at=again_at if again_at is not None and again_at > now else None,
        can_escalate=ticket.is_open and ticket.level == Ticket.Level.AGENT,
        can_reopen=ticket.status == Status.RESOLVED and not ticket.customer_reopened,
        can_rate=over and ticket.score is None,
    )


def title_of(ticket: Ticket, approving: bool) -> str:
    if ticket.outcome and not ticket.is_open:
        return str(OUTCOME_TITLES[Ticket.Outcome(ticket.outcome)])
    if lacks_account(ticket):
        return pgettext("status", "We need your bank details")
    if approving:
        return _("Waiting for a supervisor's decision")
    if ticket.status == Status.REMEDY_PENDING and is_refunding(ticket):
        return pgettext("status", "Being refunded")
    if is_with_supervisor(ticket):
        return pgettext("status", "With a supervisor")
    return str(TITLES[Status(ticket.status)])


def is_refunding(ticket: Ticket) -> bool:
    return any(refund.state in Refund.HOLDING_STATES for refund in refunds_of(ticket))


def is_with_supervisor(ticket: Ticket) -> bool:
    handled = ticket.status in (Status.NEW, Status.IN_PROGRESS)
    return handled and ticket.level != Ticket.Level.AGENT


def lacks_account(ticket: Ticket) -> bool:
    """This function will tell whether nothing goes on before the customer names an account."""
    asked = BankTransfer.State.ASKED
    return ticket.is_open and any(transfer.state == asked for transfer in ticket.transfers.all())


def tone_of(ticket: Ticket) -> str:
    if lacks_account(ticket):
        return "act"
    if ticket.outcome == Ticket.Outcome.REFUSED:
        return "quiet"
    return TONES.get(Status(ticket.status), "busy")


def lead_of(ticket: Ticket, approving: bool) -> str:
    """This function will say in one sentence what happens next."""
    if lacks_account(ticket):
        return _("The money cannot go back the way you paid. Tell us below where to send it.")
    if approving:
        return _("A refund is reserved for you; a supervisor decides about it.")
    if is_with_supervisor(ticket):
        return _("A supervisor looks after it and answers for the result.")
    match Status(ticket.status):
        case Status.NEW:
            return _("It is in the queue; an agent takes it up next.")
        case Status.IN_PROGRESS:
            return _("We are checking with the payment channel and the supplier.")
        case Status.WAITING_CUSTOMER:
            return _("Please add the proof named below, or write us an answer.")
        case Status.REMEDY_PENDING:
            return _("The money or the credit is on its way; see below where it is.")
        case Status.WITHDRAWN:
            return _("You withdrew this dispute. You can open a new one for the order.")
    return _("If something is still wrong, you can reopen it below.") if _reopens(ticket) else ""


def _reopens(ticket: Ticket) -> bool:
    return ticket.status == Status.RESOLVED and not ticket.customer_reopened


def holder_of(ticket: Ticket, approving: bool) -> str:
    """This function will say who has it now; names of staff stay inside."""
    if not ticket.is_open:
        return ""
    if lacks_account(ticket):
        return pgettext("holder", "You")
    if approving or ticket.level != Ticket.Level.AGENT:
        return _("A supervisor")
    if ticket.status == Status.WAITING_CUSTOMER:
        return pgettext("holder", "You")
    if ticket.status == Status.REMEDY_PENDING:
        return _("Payment channel or supplier")
    return _("An agent") if ticket.assignee_id else _("The agents on duty")


def tell_promise(ticket: Ticket, deadline: Deadline | None) -> Promise:
    """This function will say how the promise of this cycle stands, and why."""
    files = list(ticket.evidence.all())
    return Promise(
        state=promise_state(ticket, deadline),
        length=read_policy(ticket.policy).within("commitment"),
        started_at=ticket.commitment_started_at,
        due_at=ticket.commitment_due_at,
        started_by=ticket.commitment_started_by,
        needs=list_needs(ticket.category, files),
    )


def promise_state(ticket: Ticket, deadline: Deadline | None) -> str:
    if deadline is None:
        return "waiting" if ticket.is_open else "over"
    if deadline.state == State.MET:
        return "kept" if not deadline.late_by_s else "late"
    if deadline.state == State.FIRED:
        return "late"
    return "running" if deadline.is_live else "over"
