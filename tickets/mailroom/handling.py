"""Each mail is handled once: claimed, read, and noted in the transaction that acts on it."""

import logging
import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import transaction

from tickets.evidence.keeping import evidence_storage
from tickets.mailroom.acting import act
from tickets.mailroom.concluding import conclude, quarantine
from tickets.mailroom.judging import find_reason_to_ignore
from tickets.mailroom.letters import Letter, UnableToParse, read_letter
from tickets.mailroom.receiving import MAX_MAIL
from tickets.models import InboundMail
from tickets.notifiers.threads import own_address

logger = logging.getLogger(__name__)

State = InboundMail.State
#: Nine photos take a slow machine about this long; a worker that died frees the mail then.
LEASE = timedelta(seconds=120)
WAITS = [timedelta(seconds=30), timedelta(minutes=5)]
MAX_ATTEMPTS = len(WAITS) + 1
BATCH = 50
#: A worker's task ends after 50 s: no new mail is begun after this.
BUDGET_S = 20.0
#: More than a person writes in an hour; what comes beyond it stays unread.
MAILS_PER_HOUR = 20
MAX_BODY = 50_000


def handle_mails(*, clock: Callable[[], datetime], budget_s: float = BUDGET_S) -> int:
    """This function will handle what waits, one mail after another, and say how many."""
    started, count = time.monotonic(), 0
    while count < BATCH and time.monotonic() - started < budget_s:
        mail = claim_mail(now=clock())
        if mail is None:
            break
        handle_mail(mail, now=clock())
        count += 1
    return count


def claim_mail(*, now: datetime) -> InboundMail | None:
    """This function will take the next mail for this worker alone, and count the attempt first:
    a mail that kills its reader must not do so for ever."""
    with transaction.atomic(durable=True):
        mail = (
            InboundMail.objects.select_for_update(skip_locked=True)
            .filter(state=State.RECEIVED, not_before__lte=now)
            .order_by("not_before", "id")
            .first()
        )
        if mail is None:
            return None
        mail.attempts += 1
        mail.not_before = now + LEASE
        mail.save(update_fields=["attempts", "not_before"])
    return mail


def handle_mail(mail: InboundMail, *, now: datetime) -> None:
    """This function will handle one claimed mail; what cannot be handled is set aside, loudly."""
    if mail.attempts > MAX_ATTEMPTS:
        quarantine(mail, mail.last_error or "its readers died", now=now)
        return
    try:
        letter = read_letter(read_raw(mail))
        note_head(mail, letter)
        decide(mail, letter, now=now)
    except UnableToParse as error:
        quarantine(mail, str(error), now=now)
    except Exception as error:
        # Whatever one mail does to its reader: the others are still read.
        logger.exception("mail %s cannot be handled", mail.pk)
        put_off(mail, f"{type(error).__name__}: {error}", now=now)


def read_raw(mail: InboundMail) -> bytes:
    with evidence_storage().open(str(mail.raw.name)) as file:
        return bytes(file.read())


def note_head(mail: InboundMail, letter: Letter) -> None:
    """This function will keep what lists show, before anything is decided."""
    mail.sender, mail.sender_name = letter.sender, letter.sender_name
    mail.subject, mail.language = letter.subject, letter.language
    mail.body = letter.text[:MAX_BODY]
    mail.save(update_fields=["sender", "sender_name", "subject", "language", "body"])


def decide(mail: InboundMail, letter: Letter, *, now: datetime) -> None:
    if reason := find_reason_to_ignore(letter, own_addresses=own_addresses()):
        conclude(mail, State.IGNORED, reason=reason, now=now)
    elif writes_too_much(mail):
        conclude(mail, State.IGNORED, reason="rate_limited", now=now)
    elif mail.size > MAX_MAIL:
        limit = MAX_MAIL // (1024 * 1024)
        conclude(
            mail, State.REFUSED, reason="too_large", kind="mail_too_large", now=now, limit=limit
        )
    else:
        act(mail, letter, now=now)


def own_addresses() -> Collection[str]:
    """This function will list under which names we may meet ourselves."""
    user = unquote(urlsplit(settings.IMAP_URL).username or "").lower()
    return {own_address(), settings.IMAP_ADDRESS, user} - {""}


def writes_too_much(mail: InboundMail) -> bool:
    earlier = InboundMail.objects.filter(
        sender=mail.sender,
        received_at__gt=mail.received_at - timedelta(hours=1),
        received_at__lte=mail.received_at,
    )
    return earlier.exclude(pk=mail.pk).count() >= MAILS_PER_HOUR


def put_off(mail: InboundMail, error: str, *, now: datetime) -> None:
    if mail.attempts >= MAX_ATTEMPTS:
        quarantine(mail, error, now=now)
        return
    InboundMail.objects.filter(pk=mail.pk, state=State.RECEIVED).update(
        last_error=error[:500], not_before=now + WAITS[mail.attempts - 1]
    )
