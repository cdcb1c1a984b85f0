"""The order's facts side by side, and what they say about the cause."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from orders.admin.cells import badge, instant, yuan
from orders.admin.money import REFUND_TONES
from orders.admin.orders import ORDER_TONES
from orders.admin.topups import TOP_UP_TONES
from orders.masking import mask_account
from orders.models import Order, Payment, Refund, TopUp
from tickets.admin.countdown import write_length
from tickets.admin.page import Dossier
from tickets.models import Ticket
from tickets.queries import diagnose_order

Rows = list[tuple[str, str | SafeString]]


@dataclass(frozen=True)
class Card:
    """One group of facts: a title, an address with more, and its parts."""

    title: str
    parts: list[Rows]
    address: str = ""
    nothing: str = ""


def list_facts(dossier: Dossier) -> list[Card]:
    """This function will lay order, payments, deliveries and refunds side by side."""
    order = dossier.ticket.order
    address = reverse("admin:orders_order_change", args=[order.pk])
    deliveries = [show_top_up(top_up) for top_up in order.top_ups.all()]
    deliveries += [show_record(record) for record in order.delivery_records.all()]
    return [
        Card(_("The order"), [show_order(order)], address),
        Card(
            _("Payments"),
            [*(show_payment(payment) for payment in order.payments.all()), show_standing(dossier)],
            nothing=_("No payment is known."),
        ),
        Card(_("Deliveries"), deliveries, nothing=_("Nothing was sent to a supplier.")),
        Card(
            _("Refunds"),
            [show_refund(refund, dossier) for refund in dossier.refunds],
            nothing=_("No refund so far."),
        ),
    ]


def filled(rows: Rows) -> Rows:
    return [(label, value) for label, value in rows if value]


def show_order(order: Order) -> Rows:
    tone = ORDER_TONES.get(Order.Status(order.status), "plain")
    return filled(
        [
            (_("Number"), order.order_no),
            (_("Status"), badge(order.get_status_display(), tone)),
            (_("Product"), order.product_name),
            (_("Account"), mask_account(order.target_account)),
            (_("Price"), yuan(order.price_fen)),
            (_("Face value"), yuan(order.face_value_fen)),
            (_("Promised arrival"), write_length(order.arrival_within)),
            (_("Supplier"), order.supplier),
            (_("Input confirmed"), _("yes") if order.confirmed_input else _("no")),
            (_("Card code seen"), instant(order.code_revealed_at)),
            (_("Source"), order.get_source_display()),
            (_("Facts as of"), instant(order.facts_as_of)),
        ]
    )


def show_payment(payment: Payment) -> Rows:
    tone = "good" if payment.status == Payment.Status.PAID else "warn"
    return filled(
        [
            (payment.get_channel_display(), badge(payment.get_status_display(), tone)),
            (_("Trade number"), payment.trade_no),
            (_("Amount"), yuan(payment.amount_fen)),
            (_("Paid at"), instant(payment.paid_at)),
        ]
    )


def show_standing(dossier: Dossier) -> Rows:
    """What of the money has to go back, by our own records."""
    standing = dossier.standing
    if not standing.paid_fen:
        return []
    rows: Rows = [(_("Paid in"), yuan(standing.paid_fen))]
    for label, fen in (
        (_("Proven delivered"), standing.earned_fen),
        (_("Refunded"), standing.refunded_fen),
        (_("Reserved"), standing.reserved_fen),
    ):
        if fen:
            rows.append((label, yuan(fen)))
    owed = yuan(standing.owed_fen)
    return [*rows, (_("Owed"), badge(owed, "bad" if standing.owed_fen else "good"))]


def show_top_up(top_up: TopUp) -> Rows:
    tone = TOP_UP_TONES.get(TopUp.State(top_up.state), "info")
    attempt = _("Attempt %(number)s") % {"number": top_up.attempt}
    return filled(
        [
            (attempt, badge(top_up.get_state_display(), tone)),
            (_("Supplier"), top_up.supplier),
            (_("Proof"), top_up.get_proof_level_display()),
            (_("Voucher"), top_up.voucher_no),
            (_("Sent"), instant(top_up.submitted_at)),
            (_("Ended"), instant(top_up.settled_at)),
            (_("Message"), top_up.message),
        ]
    )


def show_record(record: Any) -> Rows:
    arrived = badge(_("arrived"), "good") if record.arrived else badge(_("not arrived"), "bad")
    return filled(
        [
            (_("Record"), arrived),
            (_("Source"), record.source),
            (_("Voucher"), record.voucher_no),
            (_("At"), instant(record.at)),
        ]
    )


def show_refund(refund: Refund, dossier: Dossier) -> Rows:
    tone = REFUND_TONES.get(Refund.State(refund.state), "plain")
    state = badge(refund.get_state_display(), tone)
    if refund.held:
        state = badge(_("waits for a decision"), "warn")
    return filled(
        [
            (yuan(refund.amount_fen), state),
            (_("Number"), refund.refund_no),
            (_("Channel"), refund.payment.get_channel_display()),
            (_("Why"), f"{refund.get_purpose_display()} · {dossier.who(refund.requested_by)}"),
            (_("Channel's number"), refund.channel_refund_no),
            (_("Channel says"), f"{refund.code} {refund.message}".strip()),
            (_("At risk"), _("the credit may still arrive") if refund.at_risk else ""),
            (_("Requested"), instant(refund.requested_at)),
            (_("Settled"), instant(refund.settled_at)),
        ]
    )


def explain_cause(dossier: Dossier) -> dict[str, Any]:
    """This function will say what the facts point to, and what the case was opened with."""
    diagnosis = diagnose_order(dossier.ticket.order, now=dossier.now)
    standing = dossier.standing
    reasons = [name_reason(code) for code in diagnosis.reasons]
    if standing.contradicted:
        reasons.append(_("an operator or the customer says that it did not arrive"))
    reasons.append(
        _("delivery proven: %(level)s") % {"level": standing.proof_level.label}
        if standing.is_delivered
        else _("no proof of delivery that would close the case")
    )
    return {
        "cause": Ticket.Cause(diagnosis.cause).label,
        "confidence": badge(name_confidence(diagnosis.confidence), TONES[diagnosis.confidence]),
        "opened_with": dossier.ticket.get_cause_display(),
        "changed": diagnosis.cause != dossier.ticket.cause,
        "reasons": reasons,
    }


TONES = {"high": "good", "medium": "warn", "low": "plain"}


def name_confidence(code: str) -> str:
    words = {
        "high": _("very likely"),
        "medium": _("likely"),
        "low": _("not enough is known"),
    }
    return words[code]


def name_reason(code: str) -> str:
    reasons = {
        "account_refused": _("the supplier refuses the account itself"),
        "no_payment_known": _("no payment has reached us"),
        "paid_but_never_sent": _("paid, but never sent to a supplier"),
        "supplier_attempt_failed": _("an attempt at the supplier failed or is unclear"),
        "top_up_failed": _("the shop reports that the top-up failed"),
        "later_than_promised": _("under way for longer than the product promises"),
    }
    return reasons.get(code, code)
