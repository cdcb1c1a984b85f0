"""Does the proof still stand? Files against their digests, rows against the chain of events."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from django.core.files.storage import Storage
from django.db.models import Q

from tickets.chain import event_hash
from tickets.evidence.keeping import evidence_storage
from tickets.models import Event, Evidence, Ticket

CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Finding:
    """One thing that does not agree. ``code`` is for programs, ``text`` names what was found."""

    code: str
    ticket: str
    subject: str
    text: str


def verify_evidence(*, ticket: Ticket | None = None) -> list[Finding]:
    """This function will check one ticket's proof, or everybody's; no finding means all is well."""
    files = Evidence.objects.select_related("ticket").order_by("pk")
    tickets = Ticket.objects.order_by("pk")
    if ticket is not None:
        of_ticket = Q(ticket=ticket) | Q(transfer__ticket=ticket)
        files, tickets = files.filter(of_ticket), tickets.filter(pk=ticket.pk)
    findings = [f for file in files.iterator(chunk_size=200) for f in check_file(file)]
    for one in tickets.iterator(chunk_size=200):
        findings.extend(check_ticket(one))
    return findings


def check_ticket(ticket: Ticket) -> list[Finding]:
    """This function will check a ticket's events; it looks again when somebody may be writing."""
    findings: list[Finding] = []
    for _attempt in range(3):
        events = list(ticket.events.order_by("seq"))
        findings = [*check_chain(ticket, events), *check_additions(ticket, events)]
        if not findings:
            break
        # An event added between the two reads looks like a chain that was cut.
        ticket.refresh_from_db(fields=["event_seq", "event_hash"])
    return findings


def check_file(evidence: Evidence) -> Iterator[Finding]:
    """This function will read both files of one proof again and compare their digests."""
    number = evidence.ticket.number if evidence.ticket is not None else ""
    stored = [(evidence.original.name, evidence.sha256)]
    if evidence.preview:
        stored.append((evidence.preview.name, evidence.preview_sha256))
    for name, expected in stored:
        found = digest_of(evidence_storage(), str(name))
        if found is None:
            yield Finding("file_missing", number, str(evidence.pk), f"{name} is not there")
        elif found != expected:
            text = f"{name} has SHA-256 {found}, its row says {expected}"
            yield Finding("file_changed", number, str(evidence.pk), text)


def digest_of(storage: Storage, name: str) -> str | None:
    digest = hashlib.sha256()
    try:
        with storage.open(name) as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    except FileNotFoundError:
        return None
    return digest.hexdigest()


def check_chain(ticket: Ticket, events: list[Event]) -> Iterator[Finding]:
    """This function will compute every hash of a ticket's chain again, and compare its head."""
    prev_hash = ""
    for seq, event in enumerate(events, start=1):
        expected = event_hash(
            prev_hash=prev_hash,
            seq=event.seq,
            kind=event.kind,
            actor=event.actor,
            at=event.at,
            data=event.data,
        )
        subject = f"event {event.seq}"
        if event.seq != seq:
            yield Finding("event_missing", ticket.number, subject, f"expected event {seq}")
            return
        if event.prev_hash != prev_hash or event.hash != expected:
            text = "its hash does not follow from what it says and from the event before"
            yield Finding("event_changed", ticket.number, subject, text)
            return
        prev_hash = event.hash
    if (ticket.event_seq, ticket.event_hash) != (len(events), prev_hash):
        text = f"the ticket ends at event {ticket.event_seq}, its chain at {len(events)}"
        yield Finding("chain_cut", ticket.number, f"event {len(events)}", text)


def check_additions(ticket: Ticket, events: list[Event]) -> Iterator[Finding]:
    """This function will hold the rows of proof against the events that told of them."""
    told = {
        str(event.data.get("evidence")): str(event.data.get("sha256"))
        for event in events
        if event.kind == Event.Kind.EVIDENCE_ADDED
    }
    rows = {str(file.pk): file.sha256 for file in ticket.evidence.all()}
    for pk, sha256 in told.items():
        if pk not in rows:
            yield Finding("row_missing", ticket.number, pk, "its event has no file any more")
        elif rows[pk] != sha256:
            text = f"its row says SHA-256 {rows[pk]}, its event {sha256}"
            yield Finding("row_changed", ticket.number, pk, text)
    for pk in rows.keys() - told.keys():
        yield Finding("event_missing", ticket.number, pk, "no event tells of this file")
