"""Everything one screen says about a dispute, collected with a bounded number of statements."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from orders.entitlement import Standing, get_standing
from orders.models import Refund
from tickets.admin.edge import name_labels
from tickets.admin.kin import find_related
from tickets.evidence import Seen, find_seen
from tickets.models import Approval, Deadline, Event, Evidence, FactCheck, Message, Notice, Ticket


@dataclass
class Dossier:
    """A ticket and all that hangs on it, read once. Staff are known by their labels."""

    ticket: Ticket
    now: datetime
    standing: Standing
    refunds: list[Refund]
    files: list[Evidence]
    events: list[Event]
    messages: list[Message]
    deadlines: list[Deadline]
    approvals: list[Approval]
    notices: list[Notice]
    checks: list[FactCheck]
    other_tickets: list[Ticket]
    seen_elsewhere: dict[UUID, list[Seen]]
    names: dict[str, str] = field(default_factory=dict)

    @property
    def pending_approval(self) -> Approval | None:
        return next((a for a in self.approvals if a.state == Approval.State.PENDING), None)

    def who(self, label: str) -> str:
        return self.names.get(label, label)


def find_dossier(ticket_id: int, *, now: datetime) -> Dossier | None:
    """This function will read a ticket with all that its page shows; None when there is none."""
    ticket = (
        Ticket.objects.select_related(
            "order", "assignee", "commitment_started_by", "outage", "merged_into"
        )
        .prefetch_related(
            "order__payments",
            "order__top_ups",
            "order__delivery_records",
            "notices",
            "fact_checks",
            Prefetch("approvals", Approval.objects.select_related("asked_of")),
            Prefetch(
                "deadlines",
                Deadline.objects.select_related("breach__reviewed_by").prefetch_related("pauses"),
            ),
        )
        .filter(pk=ticket_id)
        .first()
    )
    if ticket is None:
        return None
    files = list(Evidence.objects.filter(ticket__in=joined(ticket)))
    dossier = Dossier(
        ticket=ticket,
        now=now,
        standing=get_standing(ticket.order),
        refunds=list(
            Refund.objects.filter(payment__order=ticket.order)
            .select_related("payment")
            .order_by("-id")
        ),
        files=files,
        events=list(
            Event.objects.filter(ticket__in=joined(ticket))
            .select_related("ticket")
            .order_by("at", "ticket", "seq")
        ),
        messages=list(Message.objects.filter(ticket__in=joined(ticket))),
        deadlines=list(ticket.deadlines.all()),
        approvals=list(ticket.approvals.all()),
        notices=list(ticket.notices.all()),
        checks=list(ticket.fact_checks.all()),
        other_tickets=find_related(ticket),
        seen_elsewhere=find_seen(files),
    )
    dossier.names = name_people(dossier)
    return dossier


def joined(ticket: Ticket) -> QuerySet[Any, Any]:
    """This function will name a dispute and those merged into it, for a subquery: an "or" over
    two tables would be served by no index."""
    return Ticket.objects.filter(Q(pk=ticket.pk) | Q(merged_into=ticket.pk)).values("pk")


def name_people(dossier: Dossier) -> dict[str, str]:
    """This function will name everybody who is mentioned."""
    labels = {event.actor for event in dossier.events} | {m.actor for m in dossier.messages}
    labels |= {a.requested_by for a in dossier.approvals} | {
        a.decided_by for a in dossier.approvals
    }
    labels |= {refund.requested_by for refund in dossier.refunds}
    labels |= {str(value) for event in dossier.events for value in references(event.data)}
    return name_labels(labels)


def references(data: dict[str, Any]) -> list[Any]:
    return [data[name] for name in ("to", "asked_of") if data.get(name)]
