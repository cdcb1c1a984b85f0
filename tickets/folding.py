"""One summary instead of five hundred letters: what staff are told too often at once is folded.

The first few of a kind go to a person (or a group) one by one, at once. Whatever comes above that
within the window waits a moment and is told in one letter that names every case, so nothing is
lost: an alarm comes at most a minute late, the rest ten.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, QuerySet

from tickets.models import Notice
from tickets.notice_kinds import DIGEST, URGENT

#: So many of one kind within the window are letters of their own.
SINGLES = 5
WINDOW = timedelta(minutes=10)
URGENT_WAIT = timedelta(minutes=1)
WAIT = timedelta(minutes=10)
BATCH = 1000

State = Notice.State
STAFF = Notice.Audience.STAFF
#: One kind of news for one reader by one way.
Reader = tuple[str, int | None, str]


def fold_notices(*, now: datetime) -> int:
    """This function will fold what is due now and comes too thick, and say how many it folded."""
    due = Notice.objects.filter(
        audience=STAFF, state=State.PENDING, not_before__lte=now, attempts=0
    ).exclude(kind=DIGEST)
    counts = due.order_by().values_list("route", "user_id", "kind").annotate(Count("pk"))
    folded = 0
    for route, user_id, kind, count in list(counts):
        reader = (route, user_id, kind)
        free = SINGLES - count_single(reader, now=now)
        if count > max(free, 0):
            folded += fold(reader, skip=max(free, 0), now=now)
    return folded


def notices_for(reader: Reader) -> QuerySet[Notice]:
    route, user_id, kind = reader
    for_all: dict[str, Any] = {"route": route, "user_id": user_id, "kind": kind}
    return Notice.objects.filter(audience=STAFF, **for_all)


def count_single(reader: Reader, *, now: datetime) -> int:
    return notices_for(reader).filter(state=State.SENT, sent_at__gt=now - WINDOW).count()


def fold(reader: Reader, *, skip: int, now: datetime) -> int:
    """This function will put all but the first ``skip`` due notices into the open summary."""
    with transaction.atomic(durable=True):
        waiting = list(
            notices_for(reader)
            .select_for_update(skip_locked=True, of=("self",))
            .filter(state=State.PENDING, not_before__lte=now, attempts=0)
            .order_by("not_before", "id")[: skip + BATCH]
        )[skip:]
        if waiting:
            digest = open_digest(reader, first=waiting[0], now=now)
            Notice.objects.filter(pk__in=[notice.pk for notice in waiting]).update(
                state=State.FOLDED, folded_into=digest
            )
    return len(waiting)


def open_digest(reader: Reader, *, first: Notice, now: datetime) -> Notice:
    """This function will lock the summary that still collects, or begin one.

    One collects until the instant in its context. Whoever sends it claims the row after that, and
    moves ``not_before``; so a worker whose clock reads a little less finds it closed.
    """
    route, user_id, kind = reader
    collecting = notices_for((route, user_id, DIGEST)).select_for_update(of=("self",))
    for digest in collecting.filter(state=State.PENDING, attempts=0, not_before__gt=now):
        closes_at = datetime.fromisoformat(digest.context["collects_until"])
        if digest.context["about"] == kind and digest.not_before == closes_at:
            return digest
    until = now + (URGENT_WAIT if kind in URGENT else WAIT)
    return Notice.objects.create(
        audience=STAFF,
        route=route,
        user_id=user_id,
        kind=DIGEST,
        context={"about": kind, "collects_until": until.isoformat()},
        # Nothing is folded twice, so no two summaries begin with the same letter.
        key=f"digest:{first.pk}",
        created_at=now,
        not_before=until,
    )
