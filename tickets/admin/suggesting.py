"""The suggested next step on the ticket's page: one verb, why, and the words it starts with."""

from typing import Any

from django.utils.translation import gettext as _

from orders.models import Order
from orders.suppliers import has_supplier
from orders.topups import MAY_BE_SENT
from tickets.admin.page import Dossier
from tickets.completeness import is_complete
from tickets.queries import diagnose_order
from tickets.suggestion import Situation, Suggestion, suggest


def suggest_next(dossier: Dossier, *, may_decide: bool) -> Suggestion:
    """This function will weigh what the page shows anyway, without another statement."""
    ticket, standing, order = dossier.ticket, dossier.standing, dossier.ticket.order
    due_at = ticket.commitment_due_at
    return suggest(
        Situation(
            status=ticket.status,
            category=ticket.category,
            cause=diagnose_order(order, now=dossier.now).cause,
            is_open=ticket.is_open,
            decision_waits=dossier.pending_approval is not None,
            may_decide=may_decide,
            paid_fen=standing.paid_fen,
            owed_fen=standing.owed_fen,
            reserved_fen=standing.reserved_fen,
            refunded_fen=standing.refunded_fen,
            is_delivered=standing.is_delivered,
            proof_is_complete=is_complete(ticket.category, [file.kind for file in dossier.files]),
            can_be_sent=can_be_sent(order),
            top_up_states=[top_up.state for top_up in order.top_ups.all()],
            time_left=due_at - dossier.now if due_at is not None else None,
        )
    )


def can_be_sent(order: Order) -> bool:
    connected = has_supplier(order.supplier) and not order.is_card_code
    return connected and order.status in MAY_BE_SENT


def name_why(code: str) -> str:
    """This function will put why something is suggested into words."""
    reasons: dict[str, Any] = {
        "decision_waits": _("A second person has to decide."),
        "waiting_customer": _("The customer has to answer first."),
        "remedy_pending": _("A remedy is under way; its result ends the case."),
        "never_sent": _("Paid, but never sent to the supplier."),
        "failed_once": _("The only attempt failed for certain, and there is time for another."),
        "paid_twice": _("More was paid than the order costs."),
        "promise_is_near": _("The promise is near: a refund still arrives in time."),
        "owed": _("Money is owed, and the order has not arrived."),
        "refunded": _("All that was owed has gone back."),
        "delivered": _("The delivery is proven."),
        "nothing_owed": _("By our records nothing is owed: explain it to the customer."),
        "payment_not_found": _("Proof is there, but no payment is known: ask for its number."),
        "payment_not_proven": _("No payment is known: ask for proof of it."),
    }
    return str(reasons.get(code, ""))
