"""A mail becomes a row: its bytes on the disk, its head read, nothing done about it yet."""

import hashlib
import secrets
from datetime import datetime
from email import policy
from email.parser import BytesHeaderParser

from django.db import IntegrityError, transaction

from tickets.evidence.keeping import evidence_storage, keep
from tickets.mailroom.letters import first_id, raw_values
from tickets.models import InboundMail

#: What mail programs and providers send at most.
MAX_MAIL = 25 * 1024 * 1024
#: A head longer than this is no letter's; its end is not looked at.
MAX_HEAD = 256 * 1024
LONGEST_ID = 250


def store_mail(*, raw: bytes, size: int, now: datetime) -> InboundMail | None:
    """This function will keep a mail that came in; None when it is known already.

    Only the head is read here, whatever the body may do to a reader: that comes later, with its
    attempts counted. ``size`` is the server's word; of a mail over MAX_MAIL ``raw`` is the head.
    """
    content = digest_content(raw)
    key = find_free_key(read_id(raw, content), content)
    if key is None:
        return None
    mail = InboundMail(
        message_id=key,
        size=size,
        sha256=hashlib.sha256(raw).hexdigest(),
        content_sha256=content,
        received_at=now,
        not_before=now,
    )
    # The file is on the disk before the row that names it, as with proof.
    mail.raw.name = keep(f"mail/{secrets.token_hex(20)}.eml", raw)
    try:
        with transaction.atomic(durable=True):
            mail.save(force_insert=True)
    except IntegrityError:
        # Another reader of the mailbox was faster.
        evidence_storage().delete(str(mail.raw.name))
        return None
    return mail


def read_id(raw: bytes, content: str) -> str:
    head = BytesHeaderParser(policy=policy.compat32).parsebytes(raw[:MAX_HEAD])
    given = first_id(next(iter(raw_values(head, "Message-ID")), ""))
    if not given.isascii() or not given.isprintable():
        given = ""
    if len(given) > LONGEST_ID:
        given = f"sha256:{hashlib.sha256(given.encode()).hexdigest()}"
    return given or f"sha256:{content}"


def find_free_key(message_id: str, content: str) -> str | None:
    """This function will name the row-to-be; None when this very mail has one.

    Some programs give one id to several mails. Each is kept, as none may be lost.
    """
    for key in (message_id, f"{message_id[:180]}#{content[:24]}"):
        known = InboundMail.objects.filter(message_id=key).values_list("content_sha256", flat=True)
        if (stored := known.first()) is None:
            return key
        if stored == content:
            return None
    return None


def digest_content(raw: bytes) -> str:
    """This function will digest what the sender wrote; the marks of its way here do not count."""
    head, _gap, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    parsed = BytesHeaderParser(policy=policy.compat32).parsebytes(head[:MAX_HEAD])
    digest = hashlib.sha256()
    for name in ("From", "Date", "Subject", "Content-Type"):
        value = " ".join(" ".join(raw_values(parsed, name)).split())
        digest.update(value.encode("utf-8", "surrogateescape") + b"\n")
    digest.update(body.strip())
    return digest.hexdigest()
