"""Limits on what may be given out: counted on a locked row, so that nobody slips past together."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from orders.models import LimitCounter
from orders.refusals import Refused

HOUR = timedelta(hours=1)
KEEP = timedelta(days=31)


@dataclass(frozen=True)
class Limit:
    """At most ``max_count`` refunds and ``max_fen`` fen within ``window``; None is no limit."""

    name: str
    key: str
    window: timedelta
    max_count: int | None = None
    max_fen: int | None = None


class LimitExceeded(Refused):
    """One more would pass a limit; ``limit`` tells which."""

    code = "limit_exceeded"

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        super().__init__(_("The limit “%(name)s” is used up.") % {"name": limit.name})


def party_key(role: str, value: str) -> str:
    """This function will stand for a person or account in the counters without naming it."""
    return f"{role}:{salted_hmac('orders.limits', value).hexdigest()}"


def claim_limits(*, limits: Iterable[Limit], amount_fen: int, now: datetime) -> None:
    """This function will count one refund of ``amount_fen`` against every limit, or none of them.

    Rows are locked in the order of their keys, whatever the caller's order.

    :raises LimitExceeded: one of them has no room left; nothing was counted.
    """
    by_key: dict[str, list[Limit]] = defaultdict(list)
    for limit in limits:
        by_key[limit.key].append(limit)
    keys = sorted(by_key)
    LimitCounter.objects.bulk_create([LimitCounter(key=k) for k in keys], ignore_conflicts=True)
    counters = list(LimitCounter.objects.select_for_update().filter(key__in=keys).order_by("key"))
    for counter in counters:
        for limit in by_key[counter.key]:
            _check(counter, limit, amount_fen, now)
    for counter in counters:
        _count(counter, amount_fen, now)


def _check(counter: LimitCounter, limit: Limit, amount_fen: int, now: datetime) -> None:
    """An hour that the window only touches counts whole: two minutes around a full hour must not
    have room for two budgets."""
    since = now - limit.window - HOUR
    used = [b for at, b in counter.buckets.items() if datetime.fromisoformat(at) > since]
    if limit.max_count is not None and sum(c for c, _fen in used) + 1 > limit.max_count:
        raise LimitExceeded(limit)
    if limit.max_fen is not None and sum(f for _c, f in used) + amount_fen > limit.max_fen:
        raise LimitExceeded(limit)


def _count(counter: LimitCounter, amount_fen: int, now: datetime) -> None:
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0).isoformat()
    kept = {
        at: bucket
        for at, bucket in counter.buckets.items()
        if datetime.fromisoformat(at) > now - KEEP
    }
    count, fen = kept.get(hour, (0, 0))
    kept[hour] = [count + 1, fen + amount_fen]
    counter.buckets = kept
    counter.save(update_fields=["buckets"])
