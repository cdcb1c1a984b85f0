"""Bank transfers to customers whose payment cannot go back the way it came.

The customer alone says where to: on the tracking page, never by mail or through staff. Then one
person proposes, another one approves (tickets.transfer_decisions), and the bank's receipt settles
the refunds (tickets.transfer_receipts). Other details after the approval make it void.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from orders.answers import hand_over_held
from orders.masking import mask_name
from orders.models import Payment, Refund
from orders.refunds import RefundOrder, plan_refunds
from orders.routes import DEAD_ENDS, find_dead_end
from tickets.actors import Actor
from tickets.bank_cards import mask_card
from tickets.cases import Case, TransitionRefused, open_case
from tickets.models import BankDetails, BankTransfer, Event, Ticket
from tickets.notices import notify_customer, notify_owner, notify_supervisors
from tickets.sealing import seal, unseal
from tickets.transitions.approvals import move_to_remedy
from tickets.transitions.clocks import meet_first_reply

State = BankTransfer.State


class UnableToTransfer(TransitionRefused):
    """The transfer is not in the state for it, or not what was read."""

    code = "transfer_refused"


@dataclass(frozen=True)
class Account:
    """Where a customer wants the money; checked by the form before it comes here."""

    name: str
    bank: str
    number: str


# --- Asking -----------------------------------------------------------------------------------


def needs_transfer(case: Case) -> bool:
    """This function will tell whether every payment of the order is closed to a refund now."""
    paid = case.ticket.order.payments.filter(status=Payment.Status.PAID)
    left = [payment for payment in paid if payment.refundable_fen > 0]
    return bool(left) and all(find_dead_end(payment, now=case.now) for payment in left)


def begin_transfer(case: Case, intent: RefundOrder, amount_fen: int) -> None:
    """This function will reserve the money in people's hands and ask the customer where to send it.

    :raises orders.refunds.UnableToRefund: nothing is left to be given back.
    """
    refunds = plan_refunds(
        order_id=case.ticket.order_id,
        intent=intent,
        amount_fen=amount_fen,
        held=True,
        now=case.now,
    )
    hand_over_held(refunds, now=case.now)
    for refund in refunds:
        case.record(
            Event.Kind.REFUND_REQUESTED, refund_no=refund.refund_no, amount_fen=refund.amount_fen
        )
    move_to_remedy(case)
    meet_first_reply(case)
    ask_for_details(case)


def ask_for_details(case: Case) -> None:
    """This function will ask the customer for an account, once, however often it is called."""
    if find_open(case.ticket) is not None:
        return
    case.docket.add(BankTransfer(ticket=case.ticket, cycle=case.ticket.cycle, asked_at=case.now))
    case.record(Event.Kind.BANK_DETAILS_ASKED)
    notify_customer(case, "bank_details_asked", amount_fen=sum(r.amount_fen for r in due(case)))


def find_open(ticket: Ticket) -> BankTransfer | None:
    return BankTransfer.objects.filter(ticket=ticket, state__in=BankTransfer.OPEN_STATES).first()


def due(case: Case) -> list[Refund]:
    """This function will list the refunds that a transfer of this dispute has to pay."""
    by_hand = Refund.objects.filter(origin=case.ticket.uuid, state=Refund.State.MANUAL)
    return list(by_hand.filter(code__in=DEAD_ENDS, attempts=0).order_by("pk"))


# --- The customer -----------------------------------------------------------------------------


def give_details(*, ticket_id: int, account: Account, actor: Actor, now: datetime) -> BankTransfer:
    """This function will keep where the customer wants the money, sealed; the last one counts.

    The same account again changes nothing. Another one makes a proposal or an approval void.

    :raises UnableToTransfer: nobody asked, or the money has been sent.
    """
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        case.require_customer()
        case.require_open()
        transfer = get_open(case)
        last = transfer.given_details.order_by("version").last()
        if last is not None and last.sealed and unseal(last.sealed) == vars(account):
            return transfer
        keep_details(case, transfer, account, version=1 + (last.version if last else 0))
        if transfer.state in (State.PROPOSED, State.APPROVED):
            case.record(Event.Kind.TRANSFER_VOIDED, was=transfer.state)
            forget_proposal(transfer)
            notify_supervisors(case, "transfer_voided_staff")
        transfer.state = State.READY
        transfer.save()
        notify_customer(case, "bank_details_given", card=mask_card(account.number))
        notify_owner(case, "bank_details_given_staff")
    return transfer


def keep_details(case: Case, transfer: BankTransfer, account: Account, *, version: int) -> None:
    order = case.ticket.order
    known = order.customer_name.strip()
    sealed = seal(vars(account))
    # What is no longer needed is not kept (PIPL art. 47).
    transfer.given_details.filter(erased_at__isnull=True).update(sealed="", erased_at=case.now)
    BankDetails.objects.create(
        transfer=transfer,
        version=version,
        bank=account.bank,
        masked_name=mask_name(account.name),
        masked_number=mask_card(account.number),
        sealed=sealed,
        name_matches=(known == account.name) if known else None,
        consented_at=case.now,
        given_at=case.now,
    )
    digest = hashlib.sha256(sealed.encode()).hexdigest()
    case.record(Event.Kind.BANK_DETAILS_GIVEN, version=version, sealed_sha256=digest)


def get_open(case: Case) -> BankTransfer:
    """This function will lock the transfer that is open, below its ticket.

    :raises UnableToTransfer: there is none.
    """
    transfers = BankTransfer.objects.select_for_update(of=("self",))
    transfer = transfers.filter(ticket=case.ticket, state__in=BankTransfer.OPEN_STATES).first()
    if transfer is None:
        raise UnableToTransfer(
            _("No bank transfer is needed for this dispute."), code="no_transfer"
        )
    return transfer


def forget_proposal(transfer: BankTransfer) -> None:
    transfer.proposed_by = transfer.decided_by = transfer.note = ""
    transfer.proposed_at = transfer.decided_at = transfer.details = None
    transfer.refunds, transfer.amount_fen = [], 0
