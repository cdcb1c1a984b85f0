"""A bank transfer's four eyes: one person proposes it, another one approves it."""

from datetime import datetime

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from tickets.actors import Actor
from tickets.cases import Case, NotAllowed, open_case
from tickets.models import BankTransfer, Event
from tickets.notices import notify_owner, notify_supervisors
from tickets.transfers import UnableToTransfer, due, forget_proposal, get_open
from tickets.transitions.handling import require_text

RIGHT = "tickets.approve_transfer"

State = BankTransfer.State


def propose_transfer(*, ticket_id: int, note: str, actor: Actor, now: datetime) -> BankTransfer:
    """This function will propose to pay what is due to the account the customer gave last.

    :raises UnableToTransfer: there are no details yet, or nothing is due.
    """
    note = require_text(note, limit=200) if note.strip() else ""
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        case.require_staff()
        case.require_open()
        transfer = get_open(case)
        require_state(transfer, State.READY)
        refunds = due(case)
        if not refunds:
            raise UnableToTransfer(_("Nothing is due by bank transfer any more."), code="not_due")
        transfer.state, transfer.note = State.PROPOSED, note
        transfer.details = transfer.given_details.order_by("version").last()
        transfer.refunds = [refund.refund_no for refund in refunds]
        transfer.amount_fen = sum(refund.amount_fen for refund in refunds)
        transfer.proposed_by, transfer.proposed_at = actor.label, now
        transfer.save()
        case.record(Event.Kind.TRANSFER_PROPOSED, amount_fen=transfer.amount_fen)
        notify_supervisors(case, "transfer_proposed_staff", amount_fen=transfer.amount_fen)
    return transfer


def approve_transfer(
    *,
    ticket_id: int,
    decision: bool,
    reason: str,
    seen_version: int,
    user: User,
    now: datetime,
) -> BankTransfer:
    """This function will let a proposed transfer be paid, or turn it down.

    ``seen_version`` is that of the bank details that were read.

    :raises NotAllowed: the actor proposed it, or has not the right.
    :raises UnableToTransfer: the details or what is due have changed since.
    """
    require_right(user)
    reason = require_text(reason, limit=500)
    actor = Actor.of(user)
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        transfer = get_open(case)
        require_state(transfer, State.PROPOSED)
        if transfer.proposed_by == actor.label:
            raise NotAllowed(
                _("Somebody else has to decide what you asked for."), code="same_person"
            )
        require_unchanged(case, transfer, seen_version)
        digest = case.say(reason, internal=True)
        if decision:
            transfer.state = State.APPROVED
            transfer.decided_by, transfer.decided_at = actor.label, now
            case.record(Event.Kind.TRANSFER_APPROVED, text_digest=digest)
        else:
            forget_proposal(transfer)
            transfer.state = State.READY
            case.record(Event.Kind.TRANSFER_DECLINED, text_digest=digest)
        transfer.save()
        notify_owner(case, "transfer_decided_staff", approved=decision)
    return transfer


def require_right(user: User) -> None:
    if not user.has_perm(RIGHT):
        raise NotAllowed(_("You may not approve or record bank transfers."))


def require_state(transfer: BankTransfer, *states: State) -> None:
    if transfer.state not in states:
        raise UnableToTransfer(
            _("This transfer is “%(state)s”.") % {"state": transfer.get_state_display()},
            code="wrong_state",
        )


def require_unchanged(case: Case, transfer: BankTransfer, seen_version: int) -> None:
    """This function will refuse to go on when what was proposed is not what would be paid."""
    as_proposed = [refund.refund_no for refund in due(case)] == transfer.refunds
    assert transfer.details is not None, "what is proposed names an account"
    if not as_proposed or transfer.details.version != seen_version:
        raise UnableToTransfer(
            _("The bank details or the amount have changed since. Please look again."),
            code="stale",
        )
