import time

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from orders.models import ApiKey

WINDOW_SECONDS = 60


class CallerThrottle(BaseThrottle):
    """At most so many calls a minute by one key, or by one address without a key.

    One counter a window, not a list of times: thousands of calls a minute stay cheap. The cache
    behind it falls back to this process's memory (helpdesk.cache), so a dead one opens no gate.
    """

    def allow_request(self, request: Request, view: APIView) -> bool:
        by_key = isinstance(request.auth, ApiKey)
        limit = settings.API_RATE_PER_MINUTE if by_key else settings.API_ANONYMOUS_RATE_PER_MINUTE
        caller = f"key:{request.auth.pk}" if by_key else f"ip:{self.get_ident(request)}"
        window = int(time.time()) // WINDOW_SECONDS
        return count_call(f"api-calls:{caller}:{window}") <= limit

    def wait(self) -> float:
        return WINDOW_SECONDS - time.time() % WINDOW_SECONDS


def count_call(key: str) -> int:
    cache.add(key, 0, timeout=2 * WINDOW_SECONDS)
    try:
        return cache.incr(key)
    except ValueError:
        # The cache came back, or went, between the two lines: the count starts anew.
        cache.set(key, 1, timeout=2 * WINDOW_SECONDS)
        return 1
