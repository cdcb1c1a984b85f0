"""The book of callbacks: each one that was taken, once, and those that were refused, and why."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import Q

from orders.models import Callback

logger = logging.getLogger(__name__)

Reason = Callback.Reason
#: Refusals an hour of one sender's door that get a row each; whoever floods us fills no disk.
REFUSALS_AN_HOUR = 500
KEEP_REFUSED = timedelta(days=180)
#: As long as the transaction that it belongs to.
KEEP_TAKEN = timedelta(days=3 * 366)
#: The largest of these messages has some 4 KB; what is larger is not even read.
BODY_LIMIT = 64 * 1024
SIZE_COLUMN = 2**31 - 1


@dataclass(frozen=True)
class Letter:
    """A callback as it came: where, byte for byte, from whom, when."""

    source: Callback.Source
    code: str
    body: bytes
    headers: Mapping[str, str]
    sender: str | None
    at: datetime
    #: What the sender said it would send.
    size: int

    @property
    def is_too_large(self) -> bool:
        return self.size > BODY_LIMIT

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True)
class Content:
    """What stands in a letter whose signature was right."""

    notice_id: str = ""
    number: str = ""
    word: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)


NOTHING = Content()


class NobodyThere(Exception):
    """No channel or supplier of that code sends callbacks here."""


def was_taken(letter: Letter, content: Content) -> bool:
    """This function will say whether this piece of news was taken in before."""
    taken = Callback.objects.filter(
        source=letter.source, code=letter.code, notice_id=_id_of(content), taken=True
    )
    return taken.exists()


def note_taken(letter: Letter, content: Content) -> None:
    """This function will write down that a piece of news was taken in; a second worker who took
    the same one at the same time writes nothing."""
    Callback.objects.bulk_create([_row(letter, content, taken=True)], ignore_conflicts=True)


def note_refused(letter: Letter, reason: Reason, content: Content = NOTHING) -> None:
    """This function will write down a refusal; beyond so many an hour only the log has them."""
    logger.warning(
        "callback %s/%s refused: %s, %s from %s",
        *(letter.source, letter.code, reason, letter.digest[:16], letter.sender),
    )
    recent = Callback.objects.filter(
        source=letter.source, code=letter.code, taken=False, at__gt=letter.at - timedelta(hours=1)
    )
    count = recent[: REFUSALS_AN_HOUR + 1].count()
    if count > REFUSALS_AN_HOUR:
        return
    if count == REFUSALS_AN_HOUR:
        reason, content = Reason.FLOOD, NOTHING
    row = _row(letter, content, taken=False)
    row.reason = reason
    row.save(force_insert=True)


def forget_callbacks(*, now: datetime) -> int:
    """This function will delete rows that nobody needs any more; returns how many."""
    refused, taken = now - KEEP_REFUSED, now - KEEP_TAKEN
    old = Q(at__lt=refused, taken=False) | Q(at__lt=taken)
    count, _by_model = Callback.objects.filter(old).delete()
    return count


def _row(letter: Letter, content: Content, *, taken: bool) -> Callback:
    return Callback(
        source=letter.source,
        code=letter.code,
        taken=taken,
        notice_id=_id_of(content),
        number=content.number[:64],
        word=content.word[:64],
        sender=letter.sender,
        digest=letter.digest,
        size=min(letter.size, SIZE_COLUMN),
        payload=dict(content.payload),
        at=letter.at,
    )


def _id_of(content: Content) -> str:
    """An id that is too long for its column is still told apart by all of it."""
    if len(content.notice_id) <= 128:
        return content.notice_id
    return hashlib.sha256(content.notice_id.encode()).hexdigest()
