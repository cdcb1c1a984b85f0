"""How often somebody may knock at the customers' forms.

Counters live in the shared cache; helpdesk.cache falls back to this process's memory when that is
dead, so that a throttle never lets everything through and never refuses everybody.
"""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.http import HttpRequest
from rest_framework.throttling import BaseThrottle


@dataclass(frozen=True)
class Limit:
    """At most ``times`` within each window of length ``per``."""

    name: str
    times: int
    per: timedelta


#: Whole neighbourhoods share one address behind a carrier's NAT, so the limit per address is wide;
#: guessing is stopped by the narrow one per order.
LOOKUPS_PER_ADDRESS = Limit("lookup-address", 60, timedelta(minutes=10))
MISSES_PER_ORDER = Limit("lookup-order", 10, timedelta(hours=1))
UPLOADS_PER_CASE = Limit("upload-case", 60, timedelta(hours=1))
UPLOADS_PER_ADDRESS = Limit("upload-address", 300, timedelta(hours=1))
LISTS_PER_ADDRESS = Limit("list-address", 20, timedelta(minutes=10))
#: One buyer has many orders: without this, each of them would allow its own ten guesses.
MISSES_PER_BUYER = Limit("list-buyer", 10, timedelta(hours=1))
DRAFTS_PER_ORDER = Limit("draft-order", 20, timedelta(hours=1))
VERBS_PER_CASE = Limit("verb-case", 60, timedelta(hours=1))
WISHES_PER_ORDER = Limit("wish-order", 20, timedelta(hours=1))
GUESSES_PER_CASE = Limit("last-four-case", 5, timedelta(hours=1))


class Throttled(Exception):
    """Too often. ``minutes`` says how long to wait at most."""

    def __init__(self, limit: Limit, retry_after: int) -> None:
        super().__init__(limit.name)
        self.limit = limit
        self.retry_after = retry_after

    @property
    def minutes(self) -> int:
        return -(-self.retry_after // 60)


def address_of(request: HttpRequest) -> str:
    """This function will name the caller's address as far as our own proxies vouch for it."""
    return BaseThrottle().get_ident(request) or ""  # type: ignore[arg-type]  # reads META alone


def count(limit: Limit, key: str, *, now: datetime) -> None:
    """This function will count one knock.

    :raises Throttled: it is one too many for this window.
    """
    if _raise_counter(limit, key, now=now) > limit.times:
        raise Throttled(limit, _left(limit, now))


def check(limit: Limit, key: str, *, now: datetime) -> None:
    """This function will look without counting: for limits on failures alone.

    :raises Throttled: the window is used up.
    """
    if int(cache.get(_name(limit, key, now)) or 0) >= limit.times:
        raise Throttled(limit, _left(limit, now))


def _raise_counter(limit: Limit, key: str, *, now: datetime) -> int:
    name = _name(limit, key, now)
    cache.add(name, 0, timeout=int(limit.per.total_seconds()))
    try:
        return int(cache.incr(name))
    except ValueError:
        # The cache lost the key between the two calls, or changed over to its fallback.
        cache.set(name, 1, timeout=int(limit.per.total_seconds()))
        return 1


def _name(limit: Limit, key: str, now: datetime) -> str:
    # A digest: keys hold addresses and order numbers, and memcached-like caches dislike spaces.
    digest = hashlib.sha256(key.encode()).hexdigest()[:32]
    return f"throttle:{limit.name}:{digest}:{_window(limit, now)}"


def _window(limit: Limit, now: datetime) -> int:
    return int(now.timestamp() // limit.per.total_seconds())


def _left(limit: Limit, now: datetime) -> int:
    seconds = limit.per.total_seconds()
    return max(math.ceil((_window(limit, now) + 1) * seconds - now.timestamp()), 1)
