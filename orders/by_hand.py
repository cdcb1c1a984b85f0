"""Refunds that no channel can settle: one person says what was done and where the proof is, a
second one looks at it, and only then the books move."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk.wake import wake
from orders import ledger
from orders.models import HandSettlement, Order, OrderEvent, Payment, Refund
from orders.recourse import claim_unproven
from orders.refunds import append_event
from orders.refusals import Refused

RIGHT = "orders.settle_refund_by_hand"
#: Where the books say the money went: not through the payment's own channel.
OFFLINE_CHANNEL = Payment.Channel.OFFLINE

State = HandSettlement.State


class UnableToSettleByHand(Refused):
    """The refund is not in people's hands, or what is said of it does not suffice."""

    code = "not_in_peoples_hands"


class NotAllowedToSettle(UnableToSettleByHand):
    code = "not_allowed"
    http_status = 403


def settle_by_hand(
    *, refund_id: int, paid: bool, proof: str, note: str = "", actor: User, now: datetime
) -> HandSettlement:
    """This function will propose what became of a refund in people's hands; a second person's
    ``approve_settlement`` books it.

    ``paid``: the money went back in another way; otherwise it certainly did not, and its
    reservation is freed. ``proof`` says where the bank's receipt or the channel's word is kept.

    :raises UnableToSettleByHand: the refund is not manual, a proposal waits, no proof is given.
    """
    proof = proof.strip()
    _require_right(actor)
    if not proof:
        raise UnableToSettleByHand(
            _("Say where the proof is kept."), code="required", field="proof"
        )
    if len(proof) > 200:
        raise UnableToSettleByHand(
            _("At most %(limit)d characters.") % {"limit": 200}, code="too_long", field="proof"
        )
    with transaction.atomic(durable=True):
        refund = Refund.objects.select_for_update().get(pk=refund_id)
        _require_manual(refund)
        if refund.hand_settlements.filter(state=State.PROPOSED).exists():
            raise UnableToSettleByHand(
                _("A proposal waits for a second person already."), code="already_proposed"
            )
        return HandSettlement.objects.create(
            refund=refund,
            paid=paid,
            proof=proof,
            note=note.strip()[:500],
            proposed_by=label_of(actor),
            proposed_at=now,
        )


def approve_settlement(
    *, settlement_id: int, decision: bool, actor: User, now: datetime
) -> HandSettlement:
    """This function will book what another person proposed, or turn it down.

    :raises UnableToSettleByHand: it was decided, the channel has settled meanwhile, or it is the
        proposer who asks.
    """
    _require_right(actor)
    with transaction.atomic(durable=True):
        refunds = Refund.objects.filter(hand_settlements=settlement_id)
        refund_id = refunds.values_list("pk", flat=True).get()
        order = Order.objects.select_for_update(of=("self",)).get(payments__refunds=refund_id)
        payment = Payment.objects.select_for_update(of=("self",)).get(refunds=refund_id)
        refund = Refund.objects.select_for_update().get(pk=refund_id)
        settlement = HandSettlement.objects.select_for_update().get(pk=settlement_id)
        if settlement.state != State.PROPOSED:
            raise UnableToSettleByHand(_("This was decided already."), code="already_decided")
        if settlement.proposed_by == label_of(actor):
            raise NotAllowedToSettle(_("Another person has to confirm this."), code="four_eyes")
        settlement.state = State.APPROVED if decision else State.DECLINED
        settlement.decided_by, settlement.decided_at = label_of(actor), now
        settlement.save(update_fields=["state", "decided_by", "decided_at"])
        if decision:
            _require_manual(refund)
            _book(refund, payment, order, paid=settlement.paid, now=now)
    return settlement


def book_transfer(
    *,
    refund_nos: Sequence[str],
    proof: str,
    proposed_by: str,
    approved_by: str,
    paid_at: datetime,
    now: datetime,
) -> None:
    """This function will book refunds in people's hands that two people have paid by bank transfer.

    Runs in the caller's transaction, after the caller's own locks. ``paid_at`` is when the desk
    received the bank's receipt.

    :raises UnableToSettleByHand: one of them is not in people's hands any more, or somebody is
        settling it in another way.
    """
    refunds = Refund.objects.filter(refund_no__in=refund_nos)
    Order.objects.select_for_update(of=("self",)).get(
        pk=refunds.values_list("payment__order", flat=True).distinct().get()
    )
    for refund_id in refunds.order_by("payment_id", "pk").values_list("pk", flat=True):
        payment = Payment.objects.select_for_update(of=("self",)).get(refunds=refund_id)
        refund = Refund.objects.select_for_update().get(pk=refund_id)
        _require_manual(refund)
        if refund.hand_settlements.filter(state=State.PROPOSED).exists():
            raise UnableToSettleByHand(
                _("A proposal waits for a second person already."), code="already_proposed"
            )
        HandSettlement.objects.create(
            refund=refund,
            paid=True,
            proof=proof[:200],
            state=State.APPROVED,
            proposed_by=proposed_by,
            proposed_at=now,
            decided_by=approved_by,
            decided_at=now,
        )
        _book(refund, payment, payment.order, paid=True, paid_at=paid_at, now=now)


def _book(
    refund: Refund,
    payment: Payment,
    order: Order,
    *,
    paid: bool,
    paid_at: datetime | None = None,
    now: datetime,
) -> None:
    if paid:
        amount_fen = refund.amount_fen
        ledger.settle(payment, refund, paid_fen=amount_fen, channel=OFFLINE_CHANNEL, now=now)
        refund.state, kind = Refund.State.SUCCEEDED, OrderEvent.Kind.REFUND_SETTLED
    else:
        ledger.release(payment, refund, now=now)
        refund.state, kind = Refund.State.REJECTED, OrderEvent.Kind.REFUND_REJECTED
    refund.settled_at, refund.next_attempt_at = paid_at or now, None
    refund.save()
    append_event(refund, kind, now=now, by_hand=True)
    if paid:
        claim_unproven(order, refund, now=now)
    wake("tickets.tasks.relay")


def label_of(user: User) -> str:
    """This function will name a person in a row that outlives the account."""
    return f"staff:{user.pk}"


def _require_right(actor: User) -> None:
    if not actor.has_perm(RIGHT):
        raise NotAllowedToSettle(_("You may not settle refunds by hand."))


def _require_manual(refund: Refund) -> None:
    if refund.state != Refund.State.MANUAL:
        raise UnableToSettleByHand(
            _("This refund is “%(state)s”, not in people's hands.")
            % {"state": refund.get_state_display()}
        )
