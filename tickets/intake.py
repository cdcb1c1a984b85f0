"""Opening a dispute: once per order, idempotent, with every clock it needs from the start."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from orders.models import Order
from orders.outages import find_outage_of
from tickets.actors import Actor
from tickets.cases import Case, TransitionRefused, lock_case
from tickets.deadlines import Kind, start_deadline
from tickets.docket import Docket
from tickets.models import NUMBER_ALPHABET, Draft, Event, Ticket
from tickets.notices import notify_customer, notify_owner
from tickets.outages import join_outage
from tickets.policies import get_policy
from tickets.proof import attach_evidence
from tickets.queries import diagnose_order
from tickets.transitions.arrows import move
from tickets.transitions.clocks import stop_waiting
from tickets.transitions.handling import assign_by_load, require_text

DESCRIPTION_LIMIT = 2000
NUMBER_LENGTH = 6


class UnableToOpen(TransitionRefused):
    """The dispute cannot be opened as it was filled in."""

    code = "unable_to_open"
    http_status = 400


@dataclass(frozen=True)
class Contact:
    """How to reach the customer; empty fields fall back to what the shop knows."""

    name: str = ""
    phone: str = ""
    email: str = ""


@dataclass(frozen=True)
class Dispute:
    """What a customer says, however it reached us."""

    category: str
    description: str
    contact: Contact
    evidence_ids: tuple[UUID, ...] = ()
    intake: str = Ticket.Intake.WEB
    language: str = "zh-hans"
    is_drill: bool = False
    #: The set of promises it is opened under; the ticket keeps a copy.
    policy_code: str = "default"


@dataclass(frozen=True)
class Opened:
    ticket: Ticket
    created: bool


def start_draft(*, order: Order, now: datetime) -> Draft:
    """This function will begin a dispute that the customer has not sent yet."""
    return Draft.objects.create(order=order, created_at=now, updated_at=now)


def save_draft(*, draft: Draft, data: Mapping[str, Any], now: datetime) -> None:
    """This function will keep what was typed so far; a submitted draft is left alone."""
    Draft.objects.filter(pk=draft.pk, ticket__isnull=True).update(
        data={**draft.data, **data}, updated_at=now
    )


def open_ticket(
    *, order: Order, dispute: Dispute, actor: Actor, now: datetime, draft: Draft | None = None
) -> Opened:
    """This function will open a dispute, or add to the one that is open for the order already.

    A draft becomes one ticket however often it is sent. Of two that come at the same instant one
    opens; the other one adds its facts to that.

    :raises UnableToOpen: the description is missing or too long, or the category unknown.
    """
    description = check_dispute(dispute)
    try:
        return _open_or_add(order, dispute, description, actor=actor, now=now, draft=draft)
    except (OpenedMeanwhile, IntegrityError):
        # The other one committed between our look and our insert: now it is there to be found.
        return _open_or_add(order, dispute, description, actor=actor, now=now, draft=draft)


class OpenedMeanwhile(Exception):
    """Another dispute of the order opened while we waited for the order's lock."""


def check_dispute(dispute: Dispute) -> str:
    if dispute.category not in Ticket.Category.values:
        raise UnableToOpen(
            _("category: choose from %(categories)s.")
            % {"categories": ", ".join(Ticket.Category.values)},
            code="invalid_category",
        )
    return require_text(dispute.description, limit=DESCRIPTION_LIMIT)


def _open_or_add(
    order: Order,
    dispute: Dispute,
    description: str,
    *,
    actor: Actor,
    now: datetime,
    draft: Draft | None,
) -> Opened:
    with transaction.atomic(durable=True):
        if draft is not None:
            draft = Draft.objects.select_for_update().get(pk=draft.pk)
            if draft.ticket is not None:
                return Opened(draft.ticket, created=False)
        case = lock_open_case(order, actor=actor, now=now)
        created = case is None
        if case is None:
            ticket = new_ticket(lock_order(order), dispute, now=now)
            case = Case(ticket, Docket(now), actor, [], {})
            open_case_file(case, dispute, description)
        else:
            add_facts(case, dispute, description)
        case.docket.flush()
        if draft is not None:
            draft.ticket, draft.updated_at = case.ticket, now
            draft.save(update_fields=["ticket", "updated_at"])
    return Opened(case.ticket, created=created)


def lock_open_case(order: Order, *, actor: Actor, now: datetime) -> Case | None:
    """This function will find and lock the dispute that is open for an order."""
    existing = Ticket.objects.filter(order=order, status__in=Ticket.OPEN_STATUSES).first()
    if existing is None:
        return None
    case = lock_case(ticket_id=existing.pk, docket=Docket(now), actor=actor)
    # The customer may have withdrawn it while we waited for the lock.
    return case if case.ticket.is_open else None


def lock_order(order: Order) -> Order:
    """This function will read the order as it stands, and keep it so until the ticket is there.

    A failure that the shop reports now is either read here, or its event finds the ticket.

    :raises OpenedMeanwhile: somebody else's dispute of the order is open by now.
    """
    order = Order.objects.select_for_update().get(pk=order.pk)
    if Ticket.objects.filter(order=order, status__in=Ticket.OPEN_STATUSES).exists():
        raise OpenedMeanwhile
    return order


def new_ticket(order: Order, dispute: Dispute, *, now: datetime) -> Ticket:
    """This function will insert the row that keeps a second dispute of the order from opening."""
    local_day = now.astimezone(ZoneInfo(settings.TIME_ZONE))
    tail = "".join(secrets.choice(NUMBER_ALPHABET) for _i in range(NUMBER_LENGTH))
    return Ticket.objects.create(
        number=f"D{local_day:%y%m%d}{tail}",
        order=order,
        intake=dispute.intake,
        is_drill=dispute.is_drill,
        category=dispute.category,
        contact_name=dispute.contact.name,
        contact_phone=dispute.contact.phone,
        contact_email=dispute.contact.email,
        language=dispute.language,
        cause=diagnose_order(order, now=now).cause,
        policy=get_policy(dispute.policy_code).body,
        opened_at=now,
        updated_at=now,
    )


def open_case_file(case: Case, dispute: Dispute, description: str) -> None:
    """This function will record the opening and start the clocks of a new dispute."""
    case.record(
        Event.Kind.OPENED,
        category=dispute.category,
        order_no=case.ticket.order.order_no,
        intake=dispute.intake,
        text_digest=case.say(description),
    )
    start_deadline(case, Kind.FIRST_REPLY)
    start_deadline(case, Kind.AGENT_RESOLUTION)
    start_deadline(case, Kind.REFERRAL)
    notify_customer(case, "opened")
    attach_evidence(case, list(dispute.evidence_ids))
    if outage := find_outage_of(case.ticket.order, now=case.now):
        join_outage(case, outage)
    if case.policy.auto_assign and not dispute.is_drill:
        assign_by_load(case)


def add_facts(case: Case, dispute: Dispute, description: str) -> None:
    """This function will add a second submission's words and files to the running dispute."""
    case.record(
        Event.Kind.FACTS_ADDED,
        category=dispute.category,
        intake=dispute.intake,
        text_digest=case.say(description),
    )
    attach_evidence(case, list(dispute.evidence_ids))
    if case.ticket.status == Ticket.Status.WAITING_CUSTOMER:
        move(case, Ticket.Status.IN_PROGRESS)
        stop_waiting(case, met=True)
    notify_owner(case, "facts_added")
