"""How often a channel may be called, counted once for all workers on all hosts.

A token bucket per channel in the shared Redis; while that does not answer, a row in the database.
Nobody waits here for a token: who gets none comes back later.
"""

import logging
import threading
import time
from datetime import datetime, timedelta

import redis
from django.conf import settings
from django.db import transaction

from orders.models import PacingBucket

logger = logging.getLogger(__name__)

#: What one attempt at Redis may take, connecting included; then the database counts.
REDIS_SECONDS = 0.4
#: After a failure Redis is left alone this long: a dead one costs one wait and not one per call.
REST_SECONDS = 5.0
KEY = "desk:pacing:"

# A bucket holds one second's worth of calls and fills evenly. Returns the milliseconds until the
# next token, 0 when one was taken. The callers' time is the database's, so hosts agree; one that
# reads it a little late does not take anything back.
TAKE = """
local rate, now = tonumber(ARGV[1]), tonumber(ARGV[2])
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(held[1]) or rate, tonumber(held[2]) or now
tokens = math.min(rate, tokens + math.max(0, now - at) * rate / 1000)
local wait = 0
if tokens >= 1 then tokens = tokens - 1
else wait = math.ceil((1 - tokens) * 1000 / rate) end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(math.max(now, at)))
redis.call('PEXPIRE', KEYS[1], 60000)
return wait
"""

_lock = threading.Lock()
_rests_until = 0.0


def take_token(channel: str, *, rate: int, now: datetime) -> timedelta | None:
    """This function will take one of a channel's ``rate`` calls a second; None: it is yours,
    else how long until there is another. It takes a second at most."""
    if time.monotonic() >= _rests_until:
        try:
            return _take_from_redis(channel, rate=rate, now=now)
        except (redis.RedisError, OSError) as error:
            _rest()
            logger.warning("Redis not reached, the database paces %s: %s", channel, error)
    return _take_from_row(channel, rate=rate, now=now)


def _take_from_redis(channel: str, *, rate: int, now: datetime) -> timedelta | None:
    milliseconds = int(now.timestamp() * 1000)
    with _client() as client:
        wait = int(client.eval(TAKE, 1, KEY + channel, rate, milliseconds))
    return timedelta(milliseconds=wait) if wait else None


def _take_from_row(channel: str, *, rate: int, now: datetime) -> timedelta | None:
    with transaction.atomic(durable=True):
        new = PacingBucket(channel=channel, tokens=rate, filled_at=now)
        PacingBucket.objects.bulk_create([new], ignore_conflicts=True)
        bucket = PacingBucket.objects.select_for_update().get(channel=channel)
        since = max((now - bucket.filled_at).total_seconds(), 0.0)
        tokens = min(float(rate), bucket.tokens + since * rate)
        # Sums of floats end a hair below a whole token.
        taken = tokens > 1 - 1e-6
        bucket.tokens = max(tokens - 1, 0.0) if taken else tokens
        bucket.filled_at = max(now, bucket.filled_at)
        bucket.save(update_fields=["tokens", "filled_at"])
    return None if taken else timedelta(seconds=(1 - tokens) / rate)


def _client() -> redis.Redis:
    # A client per call and no pool: a connection must not be shared with a forked worker.
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        retry=None,
        single_connection_client=True,
    )


def _rest() -> None:
    global _rests_until
    with _lock:
        _rests_until = time.monotonic() + REST_SECONDS
