"""The 12315 notice: how a customer may go to the authority, and the dossier to take along.

The desk tells and equips; it never files and never says that it did.
"""

import hashlib
import json
from typing import Any

from orders.entitlement import get_standing
from orders.models import Refund
from tickets.cases import Case
from tickets.models import Deadline, Event, Referral, Ticket
from tickets.notices import notify_customer, notify_supervisors
from tickets.transitions.arrows import Level, raise_level


def refer(case: Case, deadline: Deadline) -> None:
    """This function will put the 12315 notice and the dossier into the customer's hands.

    Nothing else makes a level referred. The case stays with the supervisors and stays owed.
    """
    ticket = case.ticket
    if not ticket.is_open or not raise_level(case, Level.REFERRED):
        return
    dossier = build_dossier(ticket)
    digest = dossier_digest(dossier)
    case.docket.add(
        Referral(
            ticket=ticket,
            cycle=ticket.cycle,
            at=case.now,
            dossier=dossier,
            dossier_sha256=digest,
        )
    )
    case.record(Event.Kind.ESCALATED, to="referred", by=deadline.kind)
    case.record(Event.Kind.REFERRED, dossier_sha256=digest)
    notify_customer(case, "referred")
    notify_supervisors(case, "referred_staff")


def dossier_digest(dossier: dict[str, Any]) -> str:
    text = json.dumps(dossier, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def build_dossier(ticket: Ticket) -> dict[str, Any]:
    """This function will set down the facts in the order of the official complaint form (2026).

    The identity number that form asks for is typed by the customer there and never kept here
    (PIPL art. 6: no more than is needed).
    """
    order = ticket.order
    standing = get_standing(order)
    refunds = Refund.objects.filter(origin=ticket.uuid).order_by("pk")
    return {
        "ticket": ticket.number,
        "order_no": order.order_no,
        "product": order.product_name,
        "bought_at": order.created_at.isoformat(),
        "target_account": order.target_account,
        "category": ticket.category,
        "claim_fen": standing.owed_fen + standing.reserved_fen,
        "payments": [
            {
                "channel": payment.channel,
                "trade_no": payment.trade_no,
                "amount_fen": payment.amount_fen,
                "paid_at": payment.paid_at.isoformat() if payment.paid_at else None,
            }
            for payment in order.payments.all()
        ],
        "refunds": [
            {"refund_no": r.refund_no, "amount_fen": r.amount_fen, "state": r.state}
            for r in refunds
        ],
        "opened_at": ticket.opened_at.isoformat(),
        "promised_until": _iso(ticket),
        "evidence": [
            {"kind": file.kind, "filename": file.filename, "sha256": file.sha256}
            for file in ticket.evidence.all()
        ],
    }


def _iso(ticket: Ticket) -> str | None:
    return ticket.commitment_due_at.isoformat() if ticket.commitment_due_at else None
