"""Proof for staff's eyes: clean copies to look at, originals to download and nothing else."""

from typing import Any
from uuid import UUID

from django.http import FileResponse, Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from tickets.admin.page import Dossier
from tickets.evidence import Seen, evidence_storage
from tickets.models import Evidence
from tickets.views.files import show_preview


def find_file(ticket_id: int, evidence_id: UUID) -> Evidence:
    file = Evidence.objects.filter(ticket=ticket_id, pk=evidence_id).first()
    if file is None:
        raise Http404
    return file


def send_preview(ticket_id: int, evidence_id: UUID) -> HttpResponse:
    return show_preview([find_file(ticket_id, evidence_id)], evidence_id)


def send_original(ticket_id: int, evidence_id: UUID) -> Any:
    """This function will send the bytes as they were received, for saving only.

    A stranger made this file: no browser may take it for a page, whatever is in it.
    """
    file = find_file(ticket_id, evidence_id)
    try:
        content = evidence_storage().open(str(file.original.name))
    except FileNotFoundError:
        raise Http404 from None
    response = FileResponse(
        content,
        as_attachment=True,
        filename=file.filename,
        content_type="application/octet-stream",
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, no-store"
    return response


def describe_files(dossier: Dossier) -> list[dict[str, Any]]:
    """This function will say of each file what it is, what it holds and where else it was seen."""
    numbers = {event.ticket_id: event.ticket.number for event in dossier.events}
    numbers.pop(dossier.ticket.pk, None)
    return [
        {
            "file": file,
            "who": dossier.who(file.actor),
            "preview": address(file, "preview") if file.preview else "",
            "original": address(file, "original"),
            "facts": describe_facts(file),
            "same": sorted({seen.number for seen in elsewhere(dossier, file) if seen.is_same}),
            "alike": sorted({seen.number for seen in elsewhere(dossier, file) if not seen.is_same}),
            "source": numbers.get(file.ticket_id or 0, ""),
            "started_promise": file.pk == dossier.ticket.commitment_started_by_id,
        }
        for file in dossier.files
    ]


def elsewhere(dossier: Dossier, file: Evidence) -> list[Seen]:
    return dossier.seen_elsewhere.get(file.pk, [])


def address(file: Evidence, which: str) -> str:
    return reverse(f"admin:tickets_proof_{which}", args=[file.ticket_id, file.pk])


def describe_facts(file: Evidence) -> list[tuple[str, str]]:
    facts = [(_("Size"), f"{file.size / 1024:,.0f} KB")]
    if file.width and file.height:
        facts.append((_("Picture"), f"{file.width} × {file.height}"))
    labels = {
        "taken_at": _("Taken"),
        "software": _("Software"),
        "camera": _("Camera"),
        "has_position": _("Holds a position"),
        "pages": _("Number of pages"),
    }
    known = {name: value for name, value in file.facts.items() if name not in ("width", "height")}
    return facts + [(labels.get(name, name), write_fact(value)) for name, value in known.items()]


def write_fact(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)
