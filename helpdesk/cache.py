"""The shared cache, which may die: throttles must hold without it."""

import logging
import time
from typing import Any

from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# A dead cache is asked again after this long, so it costs one bounded wait and not one per call.
REST_SECONDS = 5.0


class FallbackCache(BaseCache):
    """Redis, and this process's own memory while Redis does not answer.

    Counters kept in memory are per process: with N web processes a throttle lets through at most
    N times its limit until Redis is back, instead of everything or nothing.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._redis = RedisCache(server, params)
        self._memory = LocMemCache("fallback", params)
        self._rests_until = 0.0

    def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() >= self._rests_until:
            try:
                return getattr(self._redis, method)(*args, **kwargs)
            except (RedisError, OSError) as error:
                self._rests_until = time.monotonic() + REST_SECONDS
                logger.warning("cache not reached, using this process's memory: %s", error)
        return getattr(self._memory, method)(*args, **kwargs)

    def add(self, key: str, value: Any, *args: Any, **kwargs: Any) -> bool:
        return bool(self._call("add", key, value, *args, **kwargs))

    def get(self, key: str, *args: Any, **kwargs: Any) -> Any:
        return self._call("get", key, *args, **kwargs)

    def set(self, key: str, value: Any, *args: Any, **kwargs: Any) -> None:
        self._call("set", key, value, *args, **kwargs)

    def touch(self, key: str, *args: Any, **kwargs: Any) -> bool:
        return bool(self._call("touch", key, *args, **kwargs))

    def delete(self, key: str, *args: Any, **kwargs: Any) -> bool:
        return bool(self._call("delete", key, *args, **kwargs))

    def incr(self, key: str, *args: Any, **kwargs: Any) -> int:
        return int(self._call("incr", key, *args, **kwargs))

    def clear(self) -> None:
        # RedisCache.clear() is FLUSHDB, and the broker may live in the same database.
        raise NotImplementedError("the cache shares its Redis with the broker")
