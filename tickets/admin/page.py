"""Everything one screen says about a dispute, collected with a bounded number of statements."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Prefetch

from orders.entitlement import Standing, get_standing
from orders.models import Refund
from tickets.admin.edge import name_labels
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
    #: SHA-256 of a file of this ticket -> numbers of other tickets that hold the same file.
    seen_elsewhere: dict[str, list[str]]
    names: dict[str, str] = field(default_factory=dict)

    @property
    def pending_approval(self) -> Approval | None:
        return next((a for a in self.approvals if a.state == Approval.State.PENDING), None)

    def who(self, label: str) -> str:
        return self.names.get(label, label)


def find_dossier(ticket_id: int, *, now: datetime) -> Dossier | None:
    """This function will read a ticket with all that its page shows; None when there is none."""
    ticket = (
        Ticket.objects.select_related("order", "assignee", "commitment_started_by")
        .prefetch_related(
            "order__payments",
            "order__top_ups",
            "order__delivery_records",
            "evidence",
            "events",
            "messages",
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
    files = list(ticket.evidence.all())
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
        events=list(ticket.events.all()),
        messages=list(ticket.messages.all()),
        deadlines=list(ticket.deadlines.all()),
        approvals=list(ticket.approvals.all()),
        notices=list(ticket.notices.all()),
        checks=list(ticket.fact_checks.all()),
        other_tickets=list(Ticket.objects.filter(order=ticket.order).exclude(pk=ticket.pk)[:20]),
        seen_elsewhere=find_same_files(files),
    )
    dossier.names = name_people(dossier)
    return dossier


def find_same_files(files: list[Evidence]) -> dict[str, list[str]]:
    """This function will find disputes that hold one of the same files, byte for byte."""
    if not files:
        return {}
    same = (
        Evidence.objects.filter(sha256__in={file.sha256 for file in files}, ticket__isnull=False)
        .exclude(ticket=files[0].ticket_id)
        .values_list("sha256", "ticket__number")[:50]
    )
    found: dict[str, list[str]] = {}
    for sha256, number in same:
        found.setdefault(sha256, []).append(str(number))
    return found


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
