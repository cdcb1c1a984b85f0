"""How a bank transfer ends: with the bank's receipt, or because the money went another way."""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils.translation import gettext as _

from orders.by_hand import book_transfer
from tickets.actors import Actor
from tickets.cases import Case, open_case
from tickets.models import BankDetails, BankTransfer, Event, Evidence, Ticket
from tickets.transfer_decisions import require_right, require_state, require_unchanged
from tickets.transfers import UnableToTransfer, due, find_open, get_open

State = BankTransfer.State
REFERENCE_LIMIT = 64
#: A transfer may come back from the customer's bank within days: until then the account is kept.
KEPT_FOR = timedelta(days=15)


class UnableToRecord(UnableToTransfer):
    """What is shown as the bank's receipt does not suffice."""

    code = "invalid_receipt"
    http_status = 400


def record_transfer(
    *, ticket_id: int, proof: Evidence, bank_reference: str, user: User, now: datetime
) -> BankTransfer:
    """This function will book an approved transfer on the bank's receipt.

    The promise is judged by the instant at which the desk received the receipt. The refunds settle
    here; their news resolve the dispute and tell the customer.

    :raises UnableToRecord: the receipt or its number served another transfer, or is missing.
    :raises UnableToTransfer: it is not approved, or what is due has changed.
    """
    require_right(user)
    actor = Actor.of(user)
    bank_reference = check_reference(bank_reference)
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        transfer = get_open(case)
        require_state(transfer, State.APPROVED)
        assert transfer.details is not None, "what is approved names an account"
        require_unchanged(case, transfer, transfer.details.version)
        check_proof(proof, bank_reference)
        book_transfer(
            refund_nos=transfer.refunds,
            proof=f"{bank_reference} · {proof.pk}",
            proposed_by=transfer.proposed_by,
            approved_by=transfer.decided_by,
            paid_at=proof.received_at,
            now=now,
        )
        transfer.state, transfer.proof = State.PAID, proof
        transfer.bank_reference = bank_reference
        transfer.paid_by, transfer.paid_at = actor.label, proof.received_at
        transfer.save()
        case.record(Event.Kind.TRANSFER_PAID, evidence=str(proof.pk), sha256=proof.sha256)
    return transfer


def check_reference(bank_reference: str) -> str:
    reference = "".join(bank_reference.split())
    if not reference:
        raise UnableToRecord(
            _("Give the bank's number of the transfer."), code="required", field="bank_reference"
        )
    if len(reference) > REFERENCE_LIMIT:
        raise UnableToRecord(
            _("At most %(limit)d characters; this has %(count)d.")
            % {"limit": REFERENCE_LIMIT, "count": len(reference)},
            code="too_long",
            field="bank_reference",
        )
    return reference


def check_proof(proof: Evidence, bank_reference: str) -> None:
    """One receipt pays once, by its number and by its bytes."""
    paid = BankTransfer.objects.filter(state=State.PAID)
    if paid.filter(bank_reference=bank_reference).exists():
        raise UnableToRecord(
            _("A transfer with this number is on record already."),
            code="used_reference",
            field="bank_reference",
        )
    if paid.filter(proof__sha256=proof.sha256).exists():
        raise UnableToRecord(
            _("This file is the proof of another transfer."), code="used_proof", field="proof"
        )


def close_idle_transfer(case: Case) -> None:
    """This function will call an open transfer off when nothing is left for it to pay: a channel
    paid after all, or people settled it in another way."""
    transfer = find_open(case.ticket)
    if transfer is None or due(case):
        return
    transfer.state = State.CALLED_OFF
    transfer.save(update_fields=["state"])


def erase_spent_details(*, now: datetime) -> int:
    """This function will erase accounts that nothing has to be paid to any more (PIPL art. 47)."""
    over = Q(transfer__state=State.CALLED_OFF) | Q(
        transfer__state=State.PAID, transfer__paid_at__lt=now - KEPT_FOR
    )
    gone = Q(transfer__ticket__status__in=(Ticket.Status.CLOSED, Ticket.Status.WITHDRAWN))
    spent = BankDetails.objects.filter(over | (gone & ~Q(transfer__state=State.PAID)))
    return spent.filter(erased_at__isnull=True).update(sealed="", erased_at=now)
