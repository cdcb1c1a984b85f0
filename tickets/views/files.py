"""The grid of proof that a draft and a running dispute share: adding, removing, looking."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from tickets.actors import Actor
from tickets.completeness import missing
from tickets.evidence import MAX_FILES, UnableToReceive, read_preview, receive_evidence
from tickets.models import Draft, Evidence, Ticket
from tickets.throttle import (
    UPLOADS_PER_ADDRESS,
    UPLOADS_PER_CASE,
    Throttled,
    address_of,
    count,
)


@dataclass
class Received:
    files: list[Evidence] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    status: int = 200


def receive_files(
    request: HttpRequest,
    *,
    kind: str,
    now: datetime,
    draft: Draft | None = None,
    ticket: Ticket | None = None,
) -> Received:
    """This function will take what was sent as ``files``; one bad file keeps no good one out."""
    received = Received()
    case = draft.token if draft is not None else str(ticket.uuid if ticket else "")
    for upload in request.FILES.getlist("files"):
        try:
            count(UPLOADS_PER_ADDRESS, address_of(request), now=now)
            count(UPLOADS_PER_CASE, case, now=now)
            received.files.append(
                receive_evidence(
                    upload=upload,
                    kind=kind,
                    actor=Actor.customer(),
                    now=now,
                    draft=draft,
                    ticket=ticket,
                )
            )
        except UnableToReceive as error:
            received.errors.append(name_file(str(upload.name), error))
            received.status = 400
        except Throttled as error:
            received.errors.append(
                _("That was more than %(times)s files in an hour. Please wait %(min)s minutes.")
                % {"times": error.limit.times, "min": error.minutes}
            )
            received.status = 429
            break
    return received


def name_file(name: str, error: UnableToReceive) -> str:
    # Translators: a file's name, then what is wrong with it.
    return _("%(name)s: %(error)s") % {"name": name[:60], "error": error}


@dataclass(frozen=True)
class Need:
    """A group of kinds, any one of which will do."""

    labels: list[str]
    kinds: list[str]

    @property
    def is_anything(self) -> bool:
        return len(self.kinds) == len(Evidence.Kind.values)


def list_needs(category: str, files: Iterable[Evidence]) -> list[Need]:
    """This function will list what is still missing, in words."""
    order = {kind: place for place, kind in enumerate(Evidence.Kind.values)}
    labels = dict(Evidence.Kind.choices)
    groups = missing(category, [file.kind for file in files])
    return [
        Need([str(labels[kind]) for kind in kinds], kinds)
        for kinds in (sorted(group, key=order.__getitem__) for group in groups)
    ]


def grid_context(category: str, files: list[Evidence], errors: list[str]) -> dict[str, object]:
    needs = list_needs(category, files)
    return {
        "files": files,
        "file_errors": errors,
        "needs": needs,
        "next_kind": needs[0].kinds[0] if needs else Evidence.Kind.OTHER,
        "max_files": MAX_FILES,
        "room": MAX_FILES - len(files),
    }


def show_preview(files: Iterable[Evidence], evidence_id: UUID) -> HttpResponse:
    """This function will send the clean copy of one of ``files``, never the original.

    It is an image to look at and nothing else: no sniffing, no scripts, no shared caches.
    """
    evidence = next((file for file in files if file.pk == evidence_id), None)
    data = read_preview(evidence) if evidence is not None else None
    if evidence is None or data is None:
        raise Http404
    response = HttpResponse(data, content_type="image/jpeg")
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, max-age=3600"
    response["Content-Disposition"] = 'inline; filename="proof.jpg"'
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
