"""One look into the mailbox: what is new becomes rows, and is marked once it has."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from tickets.mailroom.imap import (
    Account,
    Folder,
    UnableToPoll,
    UnableToTake,
    open_folder,
    read_account,
)
from tickets.mailroom.receiving import MAX_MAIL, store_mail
from tickets.models import Mailbox

logger = logging.getLogger(__name__)

#: Longer than a worker's task may run: a reader that died frees the mailbox then.
LEASE = timedelta(seconds=90)
BUDGET_S = 20.0
#: Unread mail from before the desk began to read is left to people, save the last day's.
LOOK_BACK = timedelta(days=1)


@dataclass
class Polled:
    stored: int = 0
    known: int = 0
    #: Whether another reader has the mailbox at this moment.
    busy: bool = False
    #: About the last mail that the server would not give.
    error: str = ""


def poll_mailbox(*, url: str, clock: Callable[[], datetime], budget_s: float = BUDGET_S) -> Polled:
    """This function will store what is new in the mailbox, the oldest first, as far as it gets.

    :raises UnableToPoll: the mailbox cannot be read; nothing is lost, the next look tries again.
    """
    account = read_account(url)
    mailbox = claim_mailbox(account, now=clock())
    if mailbox is None:
        return Polled(busy=True)
    try:
        with open_folder(account) as folder:
            polled = take_new(folder, mailbox, clock=clock, budget_s=budget_s)
    except UnableToPoll as error:
        note_failure(mailbox, str(error), now=clock())
        raise
    note_success(mailbox, polled, now=clock())
    return polled


def claim_mailbox(account: Account, *, now: datetime) -> Mailbox | None:
    """This function will make this reader the only one, for the length of a lease."""
    with transaction.atomic(durable=True):
        mailbox, _created = Mailbox.objects.get_or_create(
            key=account.key, defaults={"started_at": now}
        )
        # One desk reads one mailbox; of an earlier one nobody needs to know where it stood.
        Mailbox.objects.exclude(pk=mailbox.pk).delete()
        free = Q(leased_until__isnull=True) | Q(leased_until__lte=now)
        mine = Mailbox.objects.filter(free, pk=mailbox.pk).update(leased_until=now + LEASE)
    mailbox.leased_until = now + LEASE
    return mailbox if mine else None


def take_new(
    folder: Folder, mailbox: Mailbox, *, clock: Callable[[], datetime], budget_s: float
) -> Polled:
    if mailbox.uidvalidity != folder.uidvalidity:
        # The first look, or a server that has numbered everything anew: what was read is behind.
        mailbox.uidvalidity, mailbox.last_uid = folder.uidvalidity, folder.uidnext - 1
    since = (mailbox.started_at - LOOK_BACK).date()
    polled, ends = Polled(), time.monotonic() + budget_s
    for uid in folder.find_new(after=mailbox.last_uid, since=since):
        if time.monotonic() > ends:
            break
        try:
            take_one(folder, uid, polled, now=clock())
        except UnableToTake as error:
            # It stays unread and is tried again; the others do not wait for it.
            logger.warning("mail %s of %s cannot be taken: %s", uid, mailbox.key, error)
            polled.error = str(error)
        mailbox.last_uid = max(mailbox.last_uid, uid)
    return polled


def take_one(folder: Folder, uid: int, polled: Polled, *, now: datetime) -> None:
    """This function will store one mail and mark it, in this order: a crash in between leaves a
    mail that is met again and known."""
    size = folder.read_size(uid)
    raw = folder.read_mail(uid, head_only=size > MAX_MAIL) if size is not None else None
    if raw is None or size is None:
        return
    if store_mail(raw=raw, size=size, now=now) is None:
        polled.known += 1
    else:
        polled.stored += 1
    folder.mark_taken(uid)


def note_success(mailbox: Mailbox, polled: Polled, *, now: datetime) -> None:
    mailbox.last_ok_at, mailbox.leased_until = now, None
    mailbox.failing_since = (mailbox.failing_since or now) if polled.error else None
    mailbox.last_error = polled.error[:500]
    mailbox.save()


def note_failure(mailbox: Mailbox, error: str, *, now: datetime) -> None:
    logger.warning("mailbox %s cannot be read: %s", mailbox.key, error)
    mailbox.failing_since = mailbox.failing_since or now
    mailbox.last_error, mailbox.leased_until = error[:500], None
    mailbox.save(update_fields=["failing_since", "last_error", "leased_until"])
