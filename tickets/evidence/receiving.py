"""Files of proof: received, kept unchanged, and held against what was written down about them."""

import hashlib
import logging
import secrets
from datetime import datetime
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from orders.refusals import Refused
from tickets.actors import Actor
from tickets.evidence.alike import look_of
from tickets.evidence.keeping import evidence_storage, keep
from tickets.evidence.pictures import Proof, UnableToRead, read_proof
from tickets.models import Draft, Evidence, Ticket
from tickets.proof import MAX_FILES

logger = logging.getLogger(__name__)

MAX_BYTES = 10 * 1024 * 1024
MEGABYTE = 1024 * 1024


class UnableToReceive(Refused):
    """A file that we do not take; `limit` is the number the sentence names."""

    code = "invalid_file"
    http_status = 400
    field = "file"

    def __init__(self, code: str, message: str, limit: str = "") -> None:
        super().__init__(message, code=code)
        self.limit = limit


def receive_evidence(
    *,
    upload: UploadedFile,
    kind: str,
    actor: Actor,
    now: datetime,
    draft: Draft | None = None,
    ticket: Ticket | None = None,
) -> Evidence:
    """This function will keep one file: the original bytes, a clean preview, and their digests.

    The files are on the disk before the row that names them: a crash in between leaves a file
    nobody asks for, never a row without its proof. A file for ``ticket`` belongs to it only once
    ``transitions.add_evidence`` has written its event and judged completeness.

    :raises UnableToReceive: one sentence for the sender, with the limit.
    """
    check_kind(kind)
    check_size(upload)
    check_room(draft=draft, ticket=ticket)
    data = upload.read()
    try:
        proof = read_proof(data)
    except UnableToRead as error:
        raise UnableToReceive(error.code, str(error), error.limit) from error
    evidence = Evidence(
        draft=draft,
        kind=kind,
        filename=clean_name(upload.name, proof),
        content_type=proof.content_type,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        width=proof.width,
        height=proof.height,
        facts=proof.facts,
        actor=actor.label,
        received_at=now,
    )
    evidence.original.name = keep(_original_name(proof), data)
    if proof.preview:
        name = f"evidence/preview/{secrets.token_hex(20)}.jpg"
        evidence.preview.name = keep(name, proof.preview)
        evidence.look, evidence.shade = look_of(proof.preview)
        evidence.preview_sha256 = hashlib.sha256(proof.preview).hexdigest()
    try:
        _add_row(evidence, draft)
    except UnableToReceive:
        _forget_files(evidence)
        raise
    return evidence


def _add_row(evidence: Evidence, draft: Draft | None) -> None:
    with transaction.atomic(durable=True):
        if draft is not None:
            # Two files arriving at once could both find one place left.
            Draft.objects.select_for_update().get(pk=draft.pk)
            check_room(draft=draft)
        evidence.save(force_insert=True)


def remove_from_draft(*, evidence_id: UUID, draft: Draft) -> bool:
    """This function will take a file out of a dispute that is still being written.

    The row goes before the files: a crash in between leaves files that nobody asks for.
    """
    with transaction.atomic(durable=True):
        evidence = (
            Evidence.objects.select_for_update()
            .filter(pk=evidence_id, draft=draft, ticket__isnull=True)
            .first()
        )
        if evidence is None:
            return False
        original, preview = evidence.original.name, evidence.preview.name
        evidence.delete()
    for name in filter(None, (original, preview)):
        evidence_storage().delete(str(name))
    return True


def check_kind(kind: str) -> None:
    if kind not in Evidence.Kind.values:
        kinds = ", ".join(Evidence.Kind.values)
        raise UnableToReceive("invalid_kind", _("kind: choose from %(kinds)s.") % {"kinds": kinds})


def check_size(upload: UploadedFile) -> None:
    if not upload.size:
        raise UnableToReceive("empty", _("The file is empty (0 bytes). Please choose it again."))
    if upload.size > MAX_BYTES:
        raise UnableToReceive(
            "too_large",
            _("The file has %(size)s MB; at most %(limit)s MB are possible.")
            % {"size": f"{upload.size / MEGABYTE:.1f}", "limit": MAX_BYTES // MEGABYTE},
            str(MAX_BYTES),
        )


def check_room(*, draft: Draft | None = None, ticket: Ticket | None = None) -> None:
    """This function will refuse the file after the ninth, of a dispute or of a draft."""
    held = 0
    if draft is not None:
        held = draft.evidence.count()
    elif ticket is not None:
        held = ticket.evidence.count()
    if held >= MAX_FILES:
        raise UnableToReceive(
            "too_many_files",
            _("There are %(count)s files already; at most %(limit)s are possible.")
            % {"count": held, "limit": MAX_FILES},
            str(MAX_FILES),
        )


def clean_name(name: str | None, proof: Proof) -> str:
    """This function will keep a name people recognise: no path, nothing unprintable, 200 long."""
    last = (name or "").replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(c for c in last if c.isprintable() and c not in '<>"').strip(" .")
    return printable[:200] or f"file.{proof.extension}"


def _original_name(proof: Proof) -> str:
    return f"evidence/original/{secrets.token_hex(20)}.{proof.extension}"


def _forget_files(evidence: Evidence) -> None:
    for name in filter(None, (evidence.original.name, evidence.preview.name)):
        try:
            evidence_storage().delete(str(name))
        except OSError as error:
            logger.warning("file %s is left behind: %s", name, error)
