"""What keeps the desk from refunding alone: its own records, the answers, the limits."""

from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from orders.entitlement import Standing
from orders.limits import Limit, party_key
from orders.models import Order
from orders.routes import find_unrefundable
from tickets.cases import Case
from tickets.models import FactCheck, Ticket
from tickets.policies import live_controls
from tickets.shop_profile import find_profile
from tickets.transfers import needs_transfer

PARTY_WINDOW = timedelta(days=30)
#: What orders.inquiry.ask_about brought.
Answers = list[dict[str, Any]]


def foreseeable_obstacle(case: Case, standing: Standing, claim_fen: int) -> str:
    """This function will tell what in our own records keeps the desk from refunding alone."""
    order = case.ticket.order
    if live_controls(case.policy.code).rehearsal:
        return _("The desk rehearses: it says what it would refund and waits.")
    if is_older_than_the_desk(order):
        return _("The order was paid before the desk went live; what was done since is not known.")
    if find_unrefundable(order, now=case.ticket.commitment_due_at or case.now):
        return _("This payment cannot be refunded the way it came; people have to pay it by hand.")
    if standing.is_delivered:
        return _("Our records show a delivery.")
    if order.code_revealed_at is not None:
        return _("The card code has been shown to the buyer.")
    if claim_fen > case.policy.auto_refund_limit_fen:
        return _("The amount is above the automatic limit.")
    return ""


def is_older_than_the_desk(order: Order) -> bool:
    """This function will tell whether an order was paid before `go_live`: people may have given
    its money back where nobody here sees it."""
    live_from = find_profile().live_from
    if live_from is None:
        return False
    paid = [p.paid_at for p in order.payments.all() if p.paid_at is not None]
    return max(paid, default=order.created_at) < live_from


def may_begin_transfer(case: Case, standing: Standing) -> bool:
    """This function will tell whether the desk may ask for a bank account by itself: nothing of
    the money can go back the way it came, and nothing speaks against the claim.

    Two people decide about the transfer, so that no limit of amount is needed here.
    """
    return (
        needs_transfer(case)
        and not live_controls(case.policy.code).rehearsal
        and not standing.is_delivered
        and case.ticket.order.code_revealed_at is None
    )


def contrary_answer(answers: Answers) -> str:
    """This function will tell what channel or supplier said against a refund."""
    for answer in answers:
        state = answer.get("state")
        arrived = state in ("succeeded", "partial")
        if answer["source"] == "supplier" and arrived and answer.get("voucher_no"):
            return _("The supplier reports the delivery with a voucher number.")
        if answer["source"] == "channel" and state in ("not_found", "unpaid"):
            return _("The payment channel does not know this payment.")
        if answer["source"] == "channel" and answer.get("refunded_fen", 0) > answer.get(
            "ours_fen", 0
        ):
            return _("The payment channel shows a refund that this desk did not make.")
    return ""


def stale_facts(case: Case, check: FactCheck) -> str:
    """This function will say that nobody knows recent enough whether the order was delivered.

    Staff may have redelivered in the shop's own back office: a fresh answer of the supplier, or
    facts of the shop within the policy's age, is needed.
    """
    if any(answer["source"] == "supplier" and answer["answered"] for answer in check.answers):
        return ""
    return facts_are_stale(case)


def facts_are_stale(case: Case) -> str:
    """This function will say that the shop's own facts are older than the policy allows."""
    if case.now - case.ticket.order.facts_as_of <= case.policy.facts_max_age:
        return ""
    return _("What we know of the order is too old to decide alone.")


def supplier_may_deliver(answers: Answers) -> bool:
    """This function will tell whether no supplier confirmed that nothing will arrive any more.

    That does not stop the promise: the refund goes out, marked as at risk of a late delivery.
    """
    asked = [answer for answer in answers if answer["source"] == "supplier"]
    return any(answer.get("state") not in ("failed", "not_found") for answer in asked)


def automatic_limits(case: Case) -> list[Limit]:
    """This function will list what an automatic refund counts against: the parties and the shop."""
    policy, controls = case.policy, live_controls(case.policy.code)
    limits = [
        Limit(
            name=_("automatic refunds per party in 30 days"),
            key=key,
            window=PARTY_WINDOW,
            max_count=policy.auto_refunds_per_party_30d,
            max_fen=policy.auto_refund_fen_per_party_30d,
        )
        for key in party_keys(case.ticket, case.ticket.order)
    ]
    if case.ticket.is_drill:
        return limits
    budget = controls.auto_refund_budget_fen
    for name, window, max_fen in (
        (_("automatic refunds of the shop per hour"), timedelta(hours=1), budget.hour),
        (_("automatic refunds of the shop per day"), timedelta(days=1), budget.day),
    ):
        limits.append(Limit(name=name, key="shop:auto", window=window, max_fen=max_fen))
    return limits


def party_keys(ticket: Ticket, order: Order) -> set[str]:
    """This function will name everybody behind a dispute by digest: buyer, account, contacts."""
    if ticket.is_drill:
        return {party_key("drill", str(ticket.uuid))}
    known = [
        ("buyer", order.buyer_ref),
        ("account", order.target_account),
        ("contact", ticket.contact_phone or order.customer_phone),
        ("contact", (ticket.contact_email or order.customer_email).lower()),
    ]
    return {party_key(role, value) for role, value in known if value}
