"""Arrows about proof: ask for it, receive it, say that it is good."""

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from tickets.actors import Actor
from tickets.cases import Case, TransitionRefused, open_case
from tickets.deadlines import Kind, pause_internal, start_deadline
from tickets.models import Event, Evidence, Ticket
from tickets.notices import notify_customer, notify_owner
from tickets.proof import UnableToAttach, attach_evidence, has_complete_proof
from tickets.transitions.arrows import move
from tickets.transitions.clocks import meet_first_reply, stop_waiting
from tickets.transitions.handling import InvalidText, acting_user, require_text, take_over

Status = Ticket.Status


def request_evidence(
    *, ticket_id: int, kinds: list[str], text: str, actor: Actor, now: datetime
) -> Ticket:
    """This function will ask the customer for proof and stop the internal clocks meanwhile.

    The customer's own clocks go on: a request for more never moves a promise that has started.
    """
    text = require_text(text)
    unknown = sorted(set(kinds) - set(Evidence.Kind.values))
    if unknown or not kinds:
        raise InvalidText(
            _("kinds: choose from %(kinds)s.") % {"kinds": ", ".join(Evidence.Kind.values)},
            code="invalid_kinds",
        )
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        case.require_staff()
        case.require_open()
        if case.ticket.status == Status.NEW:
            take_over(case, acting_user(actor))
        move(case, Status.WAITING_CUSTOMER)
        case.record(
            Event.Kind.EVIDENCE_REQUESTED, kinds=sorted(set(kinds)), text_digest=case.say(text)
        )
        pause_internal(case, reason="waiting_customer")
        start_deadline(case, Kind.EVIDENCE_DUE)
        meet_first_reply(case)
        notify_customer(case, "evidence_requested", kinds=sorted(set(kinds)))
    return case.ticket


def add_evidence(
    *, ticket_id: int, evidence_ids: list[UUID], actor: Actor, now: datetime
) -> Ticket:
    """This function will put received files to the ticket and let the rule judge completeness."""
    if not evidence_ids:
        raise UnableToAttach(_("evidence: at least one file is needed."), code="required")
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        case.require_open()
        put_evidence(case, evidence_ids)
    return case.ticket


def put_evidence(case: Case, evidence_ids: list[UUID]) -> None:
    """This function will put received files to a case that is open, and end a wait for them."""
    attach_evidence(case, evidence_ids)
    if case.ticket.status == Status.WAITING_CUSTOMER and has_complete_proof(case):
        move(case, Status.IN_PROGRESS)
        stop_waiting(case, met=True)
    if not case.actor.is_staff:
        notify_owner(case, "evidence_added")


def accept_evidence(
    *, ticket_id: int, evidence_ids: list[UUID], actor: Actor, now: datetime
) -> Ticket:
    """This function will say that files were looked at and found good. It moves no clock."""
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        case.require_staff()
        files = list(Evidence.objects.filter(ticket=case.ticket, pk__in=evidence_ids))
        if not evidence_ids or len(files) != len(set(evidence_ids)):
            raise TransitionRefused(
                _("This file does not belong to the ticket."), code="unknown", field="evidence"
            )
        for file in files:
            if file.accepted_at is None:
                file.accepted_at = now
                case.docket.change(file, "accepted_at")
        case.record(Event.Kind.EVIDENCE_ACCEPTED, evidence=sorted(str(file.pk) for file in files))
    return case.ticket
