"""A bank transfer in the customer's words: what is asked, what was given, what was paid."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from orders.models import Refund
from tickets.models import BankDetails, BankTransfer, Ticket

State = BankTransfer.State


@dataclass(frozen=True)
class TransferStory:
    """A bank transfer as its customer sees it. ``given`` is masked."""

    state: str
    amount_fen: int
    given: BankDetails | None
    paid_at: datetime | None
    bank_reference: str

    @property
    def is_open(self) -> bool:
        return self.state in BankTransfer.OPEN_STATES

    @property
    def is_asked(self) -> bool:
        return self.state == State.ASKED


def tell_transfer(ticket: Ticket) -> TransferStory | None:
    """This function will tell of a dispute's last bank transfer, if it needs or needed one."""
    transfers = [row for row in ticket.transfers.all() if row.state != State.CALLED_OFF]
    if not transfers:
        return None
    transfer = max(transfers, key=lambda row: row.pk)
    given = transfer.given_details.order_by("version").last()
    by_hand = Refund.objects.filter(origin=ticket.uuid, state=Refund.State.MANUAL)
    waiting_fen = by_hand.aggregate(sum=Sum("amount_fen"))["sum"] or 0
    return TransferStory(
        state=transfer.state,
        amount_fen=transfer.amount_fen or waiting_fen,
        given=given,
        paid_at=transfer.paid_at,
        bank_reference=transfer.bank_reference,
    )
