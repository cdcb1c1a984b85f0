"""A case is one locked ticket with its live clocks and whoever acts on it now.

Decisions about a case change objects and append rows in memory; its docket writes them all. One
ticket or five hundred, the code is the same.
"""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _

from orders.refusals import Refused
from tickets.actors import Actor
from tickets.bulk import new_row
from tickets.chain import event_hash, text_digest
from tickets.docket import Docket
from tickets.models import Approval, Deadline, Event, Evidence, Message, Ticket
from tickets.policy import Policy
from tickets.policy_reader import read_kept_policy


class TransitionRefused(Refused):
    """The state of the ticket forbids what was asked."""

    code = "state_forbids"
    http_status = 409


class NotAllowed(TransitionRefused):
    """This actor may not do what was asked."""

    code = "not_allowed"
    http_status = 403


@dataclass
class Case:
    """One locked ticket, its live deadlines, and who acts on it now."""

    ticket: Ticket
    docket: Docket
    actor: Actor
    #: Pending and paused deadlines, of whatever cycle, of the ``kinds`` that were read.
    deadlines: list[Deadline]
    #: Highest round used so far per kind, in the current cycle.
    rounds: dict[str, int]
    #: The ticket's proof, once somebody has looked at it.
    files: list[Evidence] | None = None
    #: The decision that is waiting, once somebody has looked for it.
    approval: Approval | None = None
    approval_known: bool = False
    #: The kinds of clocks that this decision may look at; None: all.
    kinds: frozenset[Deadline.Kind] | None = None

    #: When each kind's earliest pending clock is due, of the kinds that were not read.
    unread_due: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.docket.on_flush(self.note_next_due)

    def note_next_due(self) -> None:
        """This function will keep on the ticket when its next clock is due: the queue's order."""
        pending = [d.due_at for d in self.deadlines if d.state == Deadline.State.PENDING]
        next_due_at = min([*pending, *self.unread_due.values()], default=None)
        if self.ticket.next_due_at != next_due_at:
            self.ticket.next_due_at = next_due_at
            self.change("next_due_at")

    @property
    def now(self) -> datetime:
        return self.docket.now

    @cached_property
    def policy(self) -> Policy:
        return read_kept_policy(self.ticket.policy)

    def live(self, kind: str) -> Deadline | None:
        assert self.kinds is None or kind in self.kinds, f"{kind} was not read"
        return next((d for d in self.deadlines if d.kind == kind and d.is_live), None)

    def change(self, *fields: str) -> None:
        self.ticket.updated_at = max(self.now, self.ticket.updated_at)
        self.docket.change(self.ticket, "updated_at", *fields)

    def record(
        self,
        kind: Event.Kind,
        /,
        *,
        deadline: Deadline | None = None,
        text_digest: str = "",
        **data: Any,
    ) -> Event:
        """This function will append one event to the ticket's chain.

        ``data`` holds references, codes, integers and digests: no free text, no personal data.
        """
        ticket, label = self.ticket, self.actor.label
        if text_digest:
            data["text_digest"] = text_digest
        # An actor may have waited for the lock while another one wrote: the chain stays in order.
        at = max(self.now, ticket.updated_at)
        seq, prev_hash = ticket.event_seq + 1, ticket.event_hash
        digest = event_hash(prev_hash=prev_hash, seq=seq, kind=kind, actor=label, at=at, data=data)
        event = new_row(
            Event,
            ticket=ticket,
            seq=seq,
            kind=kind,
            actor=label,
            at=at,
            data=data,
            deadline=deadline,
            prev_hash=prev_hash,
            hash=digest,
        )
        self.docket.add(event)
        ticket.event_seq, ticket.event_hash = seq, digest
        self.change("event_seq", "event_hash")
        return event

    def say(self, text: str, *, internal: bool = False) -> str:
        """This function will keep an actor's words and return their salted digest for the chain."""
        salt = secrets.token_hex(16)
        author = {"customer": Message.Author.CUSTOMER, "system": Message.Author.SYSTEM}
        message = new_row(
            Message,
            ticket=self.ticket,
            cycle=self.ticket.cycle,
            author=author.get(self.actor.role, Message.Author.STAFF),
            actor=self.actor.label,
            body=text,
            salt=salt,
            internal=internal,
            at=self.now,
        )
        self.docket.add(message)
        return text_digest(salt=salt, text=text)

    def require_staff(self) -> None:
        if not self.actor.is_staff:
            raise NotAllowed(_("Only staff may do this."))

    def require_supervisor(self) -> None:
        if self.actor.role != "supervisor":
            raise NotAllowed(_("Only a supervisor may do this."))

    def require_customer(self) -> None:
        if self.actor.role != "customer":
            raise NotAllowed(_("Only the customer may do this."))

    def require_open(self) -> None:
        if not self.ticket.is_open:
            raise TransitionRefused(
                _("This dispute is %(status)s; nothing more can be done here.")
                % {"status": self.ticket.get_status_display()},
                code="not_open",
            )


def load_cases(
    tickets: Iterable[Ticket],
    *,
    docket: Docket,
    actor: Actor,
    kinds: frozenset[Deadline.Kind] | None = None,
) -> dict[int, Case]:
    """This function will make cases of tickets that the caller has locked in this transaction.

    Deadlines are read without a lock of their own: whoever changes one holds its ticket first.
    With ``kinds`` only theirs are read, and the decisions may look at no others.
    """
    by_id = {ticket.pk: ticket for ticket in tickets}
    if not by_id:
        return {}
    clocks = Deadline.objects.filter(ticket_id__in=by_id)
    read = clocks if kinds is None else clocks.filter(kind__in=kinds)
    cases = {pk: Case(ticket, docket, actor, [], {}, kinds=kinds) for pk, ticket in by_id.items()}
    for deadline in read.filter(state__in=Deadline.LIVE_STATES).order_by("due_at", "id"):
        cases[deadline.ticket_id].deadlines.append(deadline)
    present = models.Q(cycle=models.F("ticket__cycle"))
    pending = models.Q(state=Deadline.State.PENDING)
    for ticket_id, kind, last, due_at in (
        clocks.order_by()
        .values_list("ticket_id", "kind")
        .annotate(
            last=models.Max("round", filter=present), due_at=models.Min("due_at", filter=pending)
        )
    ):
        case = cases[ticket_id]
        if last is not None:
            case.rounds[kind] = last
        if kinds is not None and kind not in kinds and due_at is not None:
            case.unread_due[kind] = due_at
    return cases


def lock_case(*, ticket_id: int, docket: Docket, actor: Actor) -> Case:
    """This function will lock one ticket, ahead of everything else of it, and make a case of it."""
    return lock_cases(ticket_ids=[ticket_id], docket=docket, actor=actor)[ticket_id]


def lock_cases(*, ticket_ids: Iterable[int], docket: Docket, actor: Actor) -> dict[int, Case]:
    """This function will lock tickets in the order of their keys, and make cases of them.

    :raises Ticket.DoesNotExist: one of them is not there.
    """
    wanted = sorted(set(ticket_ids))
    tickets = list(
        Ticket.objects.select_for_update(of=("self",))
        .select_related("order", "assignee")
        .filter(pk__in=wanted)
        .order_by("pk")
    )
    if len(tickets) != len(wanted):
        raise Ticket.DoesNotExist
    return load_cases(tickets, docket=docket, actor=actor)


@contextmanager
def open_case(*, ticket_id: int, actor: Actor, now: datetime) -> Iterator[Case]:
    """This function will run one decision about one ticket in a transaction of its own."""
    with transaction.atomic(durable=True):
        case = lock_case(ticket_id=ticket_id, docket=Docket(now), actor=actor)
        yield case
        case.docket.flush()
