"""Proof and the promise: files put to a case, and the clock that starts when they are complete."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from orders.models import Order
from tickets.cases import Case, TransitionRefused
from tickets.completeness import is_complete, missing
from tickets.models import Event, Evidence, Ticket
from tickets.notices import notify_customer
from tickets.promise import start_promise

MAX_FILES = 9


class UnableToAttach(TransitionRefused):
    """A file is unknown, belongs to another case, or is one too many."""

    code = "unknown_evidence"
    field = "evidence"
    http_status = 400


def attach_evidence(case: Case, evidence_ids: list[UUID]) -> None:
    """This function will put received files to the case, each with an event of its digest.

    A file that is the case's already stays as it is, so that a repeated submission adds nothing.

    :raises UnableToAttach: naming what is wrong; nothing is attached then.
    """
    wanted = list(dict.fromkeys(evidence_ids))
    # The bank's receipt of a transfer is staff's proof, whatever its number was tried with.
    files = Evidence.objects.select_for_update(of=("self",)).filter(transfer__isnull=True)
    found = {file.pk: file for file in files.filter(pk__in=wanted)}
    fresh = [found[pk] for pk in wanted if pk in found and found[pk].ticket_id is None]
    foreign = [
        pk for pk in wanted if pk not in found or found[pk].ticket_id not in (None, case.ticket.pk)
    ]
    if foreign:
        raise UnableToAttach(_("evidence: no such file: %(id)s") % {"id": foreign[0]})
    known = find_files(case)
    present = [file for file in known if file.ticket_id == case.ticket.pk]
    if len(present) + len(fresh) > MAX_FILES:
        raise UnableToAttach(
            _("At most %(limit)s files per dispute; this would be %(count)s.")
            % {"limit": MAX_FILES, "count": len(present) + len(fresh)},
            code="too_many_files",
            limit=str(MAX_FILES),
        )
    for file in fresh:
        file.ticket = case.ticket
        case.docket.change(file, "ticket")
        case.record(
            Event.Kind.EVIDENCE_ADDED, evidence=str(file.pk), sha256=file.sha256, kind=file.kind
        )
    case.files = [*known, *fresh]
    consider_promise(case)


def find_files(case: Case) -> list[Evidence]:
    """This function will find the proof of a case, with that of disputes merged into it."""
    if not case.ticket.pk:
        return []
    # A subquery, as an "or" over two tables would be served by no index.
    whose = Ticket.objects.filter(Q(pk=case.ticket.pk) | Q(merged_into=case.ticket.pk))
    return list(Evidence.objects.filter(ticket__in=whose.values("pk")))


def case_files(case: Case) -> list[Evidence]:
    if case.files is None:
        case.files = find_files(case)
    return case.files


def has_complete_proof(case: Case) -> bool:
    return is_complete(case.ticket.category, [file.kind for file in case_files(case)])


def consider_promise(case: Case) -> None:
    """This function will start the 24-hour promise when its condition is there, once per cycle.

    It counts from the later of opening and receipt of the last required file; from opening where
    our own records prove that nothing arrived, whatever the proof; from the later of opening and
    the public notice of an outage that it belongs to.
    """
    ticket = case.ticket
    if ticket.commitment_started_at is not None:
        return
    last = last_required_file(case)
    if last is not None:
        ticket.proof_complete_at = last.received_at
        case.change("proof_complete_at")
    begun = find_start(ticket, last)
    if begun is None:
        kinds = sorted(set().union(*missing(ticket.category, [f.kind for f in case_files(case)])))
        notify_customer(case, "proof_incomplete", kinds=kinds)
        return
    started_at, file = begun
    ticket.commitment_started_by = file
    case.change("commitment_started_by")
    start_promise(case, started_at=started_at)
    case.record(
        Event.Kind.COMMITMENT_STARTED,
        by="records" if file is None else str(file.pk),
        started_at=started_at.isoformat(),
    )
    notify_customer(case, "promise_started")


def find_start(ticket: Ticket, last: Evidence | None) -> tuple[datetime, Evidence | None] | None:
    """This function will find what starts the promise first: our records, proof, or a notice."""
    opened_at = ticket.cycle_started_at
    if proven_by_records(ticket.order):
        return opened_at, None
    starts: list[tuple[datetime, Evidence | None]] = []
    if last is not None:
        starts.append((max(opened_at, last.received_at), last))
    if ticket.outage is not None and ticket.outage.published_at is not None:
        starts.append((max(opened_at, ticket.outage.published_at), None))
    return min(starts, key=lambda start: start[0], default=None)


def last_required_file(case: Case) -> Evidence | None:
    """This function will find the file whose receipt made the proof complete, if it is."""
    kinds: list[str] = []
    for file in sorted(case_files(case), key=lambda f: (f.received_at, str(f.pk))):
        kinds.append(file.kind)
        if is_complete(case.ticket.category, kinds):
            return file
    return None


def proven_by_records(order: Order) -> bool:
    """Our own record says that the top-up failed: the customer need not prove it to us."""
    return order.status == Order.Status.FAILED
