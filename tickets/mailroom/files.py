"""Attachments become proof, by the same checks as uploads; what is refused is said by name."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import translation

from orders.models import Order
from tickets.actors import Actor
from tickets.completeness import missing
from tickets.evidence import UnableToReceive, receive_evidence
from tickets.intake import start_draft
from tickets.mailroom.letters import Attachment, Letter
from tickets.models import Draft, Event, Evidence, InboundMail, Ticket

#: Preferred among the kinds that would do: what customers mostly send.
KINDS = list(Evidence.Kind.values)


@dataclass
class Taken:
    ids: list[UUID] = field(default_factory=list)
    #: (name of the file, why not) in the reader's language.
    refused: list[tuple[str, str]] = field(default_factory=list)


def take_files(
    mail: InboundMail, letter: Letter, *, order: Order, category: str, ticket: Ticket | None
) -> Taken:
    """This function will receive a mail's attachments into a draft of the mail's own.

    They are put to the dispute by the transaction that notes the mail as handled. A second
    attempt finds what the first one received.
    """
    taken = Taken()
    files = [a for a in letter.attachments if not a.is_decoration]
    if not files:
        return taken
    draft = draft_of(mail, order)
    received = {file.sha256: file for file in draft.evidence.all()}
    kinds = next_kinds(category, ticket)
    language = ticket.language if ticket is not None else mail.language
    with translation.override(language):
        for file in files:
            known = received.get(hashlib.sha256(file.data).hexdigest())
            if known is None:
                known = receive_file(file, draft, next(kinds), mail, taken)
            if known is not None and known.pk not in taken.ids:
                received[known.sha256] = known
                taken.ids.append(known.pk)
    return taken


def receive_file(
    file: Attachment, draft: Draft, kind: str, mail: InboundMail, taken: Taken
) -> Evidence | None:
    try:
        return receive_evidence(
            upload=SimpleUploadedFile(file.name, file.data, file.content_type),
            kind=kind,
            actor=Actor.customer(),
            now=mail.received_at,
            draft=draft,
        )
    except UnableToReceive as error:
        taken.refused.append((file.name[:60], str(error)))
        return None


def draft_of(mail: InboundMail, order: Order) -> Draft:
    if mail.draft is None:
        mail.draft = start_draft(order=order, now=mail.received_at)
        mail.save(update_fields=["draft"])
    return mail.draft


def bind_draft(mail: InboundMail, ticket: Ticket, *, now: datetime) -> None:
    """This function will note what a mail's draft became, in the caller's transaction."""
    Draft.objects.filter(mail=mail).update(ticket=ticket, updated_at=now)


def next_kinds(category: str, ticket: Ticket | None) -> Iterator[str]:
    """This function will say what each further file is taken for, endlessly.

    As in the form on the page, a file counts for what was asked, then for what is still missing;
    the sender of a mail cannot choose, and staff see the picture.
    """
    present = [file.kind for file in ticket.evidence.all()] if ticket is not None else []
    for kind in asked_kinds(ticket):
        present.append(kind)
        yield kind
    while groups := missing(category, present):
        kind = next(kind for kind in KINDS if kind in groups[0])
        present.append(kind)
        yield kind
    while True:
        yield Evidence.Kind.OTHER


def asked_kinds(ticket: Ticket | None) -> list[str]:
    """This function will list what staff asked for last, while the customer is waited for."""
    if ticket is None or ticket.status != Ticket.Status.WAITING_CUSTOMER:
        return []
    asked = ticket.events.filter(kind=Event.Kind.EVIDENCE_REQUESTED).order_by("-seq").first()
    return [str(kind) for kind in asked.data.get("kinds", [])] if asked is not None else []
