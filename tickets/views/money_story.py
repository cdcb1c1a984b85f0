"""Where the money is on its way back: three steps that are not the same thing."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orders.models import Payment, Refund
from tickets.models import Ticket

State = Refund.State
Channel = Payment.Channel

#: Where a customer finds the refund again, per channel.
WHERE = {
    Channel.ALIPAY: gettext_lazy(
        "In Alipay: Me > Bills > the payment > refund record. Credit cards show it on the next "
        "statement."
    ),
    Channel.WECHATPAY: gettext_lazy(
        "In WeChat: Me > Services > Wallet > Bills > the payment > refund details."
    ),
    Channel.SHOP: gettext_lazy("In the shop: My account > Balance."),
    Channel.SANDBOX: gettext_lazy("In the bill of your payment channel, under refunds."),
    Channel.OFFLINE: gettext_lazy("On the bank statement of the account you gave us."),
}
SUBMITTED, RETURNED, POSTING = range(1, 4)
REACHED = {
    State.PLANNED: 0,
    State.REQUESTED: SUBMITTED,
    State.ACCEPTED: SUBMITTED,
    State.UNKNOWN: SUBMITTED,
    State.MANUAL: SUBMITTED,
    State.SUCCEEDED: POSTING,
    State.REJECTED: 0,
}


@dataclass(frozen=True)
class MoneyStep:
    label: str
    state: str
    at: datetime | None = None


@dataclass(frozen=True)
class MoneyStory:
    """One refund as the customer sees it."""

    amount_fen: int
    channel: str
    refund_no: str
    channel_refund_no: str
    steps: list[MoneyStep]
    where: str
    note: str


def tell_refunds(ticket: Ticket) -> list[MoneyStory]:
    """This function will tell of every refund of a ticket that was sent or is going to be."""
    return [tell_refund(refund) for refund in refunds_of(ticket) if not is_silent(refund)]


def refunds_of(ticket: Ticket) -> list[Refund]:
    """This function will list the refunds of a ticket, by what was prefetched where it was."""
    payments = ticket.order.payments.all()
    refunds = [refund for payment in payments for refund in payment.refunds.all()]
    return sorted((r for r in refunds if r.origin == ticket.uuid), key=lambda refund: refund.pk)


def is_silent(refund: Refund) -> bool:
    """Called off before anything was sent: nothing the customer would look for."""
    return refund.state == State.REJECTED and refund.requested_at is None


def tell_refund(refund: Refund) -> MoneyStory:
    channel = Channel(refund.payment.channel)
    reached = REACHED[State(refund.state)]
    moves = not refund.held and refund.state != State.REJECTED
    labels = (
        (_("Refund submitted"), refund.requested_at),
        (_("Given back by the payment channel"), refund.settled_at),
        (_("Your bank or wallet is booking it"), None),
    )
    steps = [
        MoneyStep(
            label,
            step_state(number, reached) if moves else "next",
            at if number <= reached else None,
        )
        for number, (label, at) in enumerate(labels, start=1)
    ]
    return MoneyStory(
        amount_fen=refund.amount_fen,
        channel=str(channel.label),
        refund_no=refund.refund_no,
        channel_refund_no=refund.channel_refund_no,
        steps=steps,
        where=str(WHERE[channel]) if reached else "",
        note=note_on(refund),
    )


def step_state(number: int, reached: int) -> str:
    if number == POSTING:
        return "now" if reached == POSTING else "next"
    if number <= reached:
        return "done"
    return "now" if number == reached + 1 else "next"


def note_on(refund: Refund) -> str:
    """This function will say what the steps alone do not."""
    if refund.held:
        return _("Waiting for a supervisor's decision. The amount is reserved for you.")
    if refund.state == State.REJECTED:
        return _("The payment channel did not take this refund. A person is looking for a way.")
    if refund.state == State.UNKNOWN:
        return _("The payment channel has not answered clearly. We keep asking it.")
    if refund.state == State.MANUAL:
        return _("A person is arranging this refund by hand.")
    if refund.state == State.SUCCEEDED:
        return _("Balances show it at once; bank cards usually take 1 to 3 working days.")
    return ""
