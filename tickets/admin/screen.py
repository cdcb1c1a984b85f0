"""The ticket's screen: labels, values and the verbs that make sense now. Rules live elsewhere."""

from collections.abc import Callable
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from orders.admin.cells import badge
from orders.masking import mask_account, mask_email, mask_name, mask_phone
from tickets.actors import Actor
from tickets.admin.clocks import explain_clocks
from tickets.admin.countdown import count_down
from tickets.admin.deciding_forms import describe_question
from tickets.admin.edge import name_of
from tickets.admin.facts import explain_cause, list_facts
from tickets.admin.page import Dossier
from tickets.admin.proof import describe_files
from tickets.admin.queue import LEVEL_TONES, STATUS_TONES, name_status, whom_it_waits_for
from tickets.admin.suggesting import name_why, suggest_next
from tickets.admin.timeline import name_decision, tell_history
from tickets.completeness import missing
from tickets.models import Evidence, Notice, Ticket
from tickets.policy_reader import read_policy

Status = Ticket.Status

#: The key that opens each verb's dialog. "r" is kept for what is suggested (the remedy).
KEYS = {
    "take": "t",
    "assign": "a",
    "reply": "w",
    "request_evidence": "p",
    "accept_evidence": "c",
    "refund": "f",
    "redeliver": "d",
    "resolve": "s",
    "refuse": "x",
    "escalate": "e",
    "merge": "m",
    "link_outage": "l",
    "approve": "y",
    "decline": "n",
    "reopen": "o",
    "attach": "b",
    "note": "i",
    "reveal": "v",
}
Address = Callable[[str], tuple[str, Callable[..., Any]]]


def describe(
    dossier: Dossier, *, actor: Actor | None, may_reveal: bool, address: Address
) -> dict[str, Any]:
    """This function will put a dispute into what the template shows."""
    ticket, policy = dossier.ticket, read_policy(dossier.ticket.policy)
    clocks = explain_clocks(dossier.deadlines, ticket=ticket, policy=policy, now=dossier.now)
    names = offered_verbs(dossier, actor, may_reveal=may_reveal) if actor is not None else []
    suggestion = suggest_next(dossier, may_decide="approve" in names)
    return {
        "ticket": ticket,
        "now": dossier.now,
        "head": describe_head(dossier),
        "verbs": [describe_verb(name, ticket, address, suggestion.verb) for name in names],
        "suggestion": name_why(suggestion.why),
        "facts": list_facts(dossier),
        "diagnosis": explain_cause(dossier),
        "files": describe_files(dossier),
        "lacking": name_lacking(dossier),
        "history": tell_history(dossier),
        "clocks": [clock for clock in clocks if clock.is_live],
        "past_clocks": [clock for clock in clocks if not clock.is_live],
        "question": describe_pending(dossier),
        "breaches": [d.breach for d in dossier.deadlines if hasattr(d, "breach")],
        "notices": list_notices(dossier, Notice.Audience.CUSTOMER),
        "staff_notices": list_notices(dossier, Notice.Audience.STAFF),
        "checks": [
            {"check": check, "decision": name_decision(check.decision)} for check in dossier.checks
        ],
        "other_tickets": dossier.other_tickets,
        "contact": describe_contact(ticket),
    }


def list_notices(dossier: Dossier, audience: Notice.Audience) -> list[Notice]:
    notices = [notice for notice in dossier.notices if notice.audience == audience]
    return sorted(notices, key=lambda notice: -notice.pk)


def offered_verbs(dossier: Dossier, actor: Actor, *, may_reveal: bool) -> list[str]:
    """This function will choose the verbs worth a button. The domain decides what is allowed."""
    ticket, standing = dossier.ticket, dossier.standing
    is_open, question = ticket.is_open, dossier.pending_approval
    supervises = actor.role == "supervisor"
    handled = is_open and ticket.status in (Status.NEW, Status.IN_PROGRESS)
    deliverable = is_open and not (standing.reserved_fen or standing.refunded_fen)
    sensible = {
        "take": is_open and ticket.assignee_id != actor.user_id,
        "assign": is_open,
        "reply": is_open,
        "request_evidence": handled,
        "accept_evidence": any(file.accepted_at is None for file in dossier.files),
        "refund": is_open and standing.refundable_fen > 0 and question is None,
        "redeliver": deliverable and standing.owed_fen > 0 and not ticket.order.is_card_code,
        "resolve": is_open and not standing.reserved_fen and question is None,
        "refuse": is_open and question is None and not standing.reserved_fen,
        "escalate": is_open and ticket.level == Ticket.Level.AGENT,
        "merge": is_open and not standing.owed_fen and not standing.reserved_fen,
        "link_outage": is_open,
        "reopen": supervises and ticket.status in (Status.RESOLVED, Status.CLOSED),
        "attach": ticket.status != Status.WITHDRAWN,
        "note": True,
        "reveal": may_reveal,
    }
    if question is not None and supervises and question.requested_by != actor.label:
        sensible |= {"approve": True, "decline": True}
    return [name for name in KEYS if sensible.get(name)]


def describe_verb(name: str, ticket: Ticket, address: Address, suggested: str) -> dict[str, Any]:
    route, verb = address(name)
    described: Any = verb
    return {
        "name": name,
        "label": described.short_description,
        "icon": getattr(described, "icon", ""),
        "variant": described.variant.value,
        "address": reverse(route, args=[ticket.pk]),
        "key": KEYS[name],
        "is_suggested": name == suggested,
    }


def describe_head(dossier: Dossier) -> dict[str, Any]:
    """This function will say at a glance where the case stands and by when somebody must act."""
    ticket, now = dossier.ticket, dossier.now
    pending = [d for d in dossier.deadlines if d.state == "pending"]
    following = min(pending, key=lambda d: d.due_at, default=None)
    promise = ticket.commitment_due_at if ticket.is_open else None
    ticket.decision_waits = dossier.pending_approval is not None  # type: ignore[attr-defined]
    return {
        "status": badge(
            name_status(ticket.status), STATUS_TONES.get(Status(ticket.status), "plain")
        ),
        "level": badge(
            ticket.get_level_display(), LEVEL_TONES.get(Ticket.Level(ticket.level), "plain")
        ),
        "outcome": ticket.get_outcome_display() if ticket.outcome else "",
        "owner": name_of(ticket.assignee),
        "waits_for": whom_it_waits_for(ticket),
        "next": following,
        "next_countdown": count_down(following.due_at, now=now) if following else None,
        "promise": count_down(promise, now=now) if promise else None,
    }


def describe_pending(dossier: Dossier) -> dict[str, Any] | None:
    approval = dossier.pending_approval
    if approval is None:
        return None
    return {
        "text": describe_question(approval),
        "by": dossier.who(approval.requested_by),
        "at": approval.requested_at,
        "asked_of": name_of(approval.asked_of),
    }


def describe_contact(ticket: Ticket) -> dict[str, str]:
    order = ticket.order
    return {
        "name": mask_name(ticket.contact_name or order.customer_name),
        "phone": mask_phone(ticket.contact_phone or order.customer_phone),
        "email": mask_email(ticket.contact_email or order.customer_email),
        "account": mask_account(order.target_account),
    }


def name_lacking(dossier: Dossier) -> list[str]:
    """This function will name what the proof still lacks: one line per group, any of which does."""
    labels = dict(Evidence.Kind.choices)
    groups = missing(dossier.ticket.category, [file.kind for file in dossier.files])
    return [
        _("any file")
        if len(group) == len(labels)
        else _(" or ").join(str(labels[kind]) for kind in labels if kind in group)
        for group in groups
    ]
