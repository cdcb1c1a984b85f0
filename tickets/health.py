"""What probes and scrapers ask: is the process up, can it work, do the timers run, how late."""

import logging
from collections.abc import Callable
from functools import wraps

from django.core.cache import cache
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError
from prometheus_client import CONTENT_TYPE_LATEST
from redis.exceptions import RedisError

from helpdesk import clock
from helpdesk.wake import ping_broker
from tickets.gauges import write_metrics
from tickets.watchdog import timers_stand_still

logger = logging.getLogger(__name__)

#: Anybody may scrape, so the queries behind are asked at most this often.
METRICS_KEPT_S = 2
View = Callable[[HttpRequest], HttpResponse]


def needs_database(view: View) -> View:
    """A probe is told that the database is away; it is not shown a page of error 500."""

    @wraps(view)
    def probe(request: HttpRequest) -> HttpResponse:
        try:
            return view(request)
        except DatabaseError as error:
            logger.warning("database not reached: %s", error)
            return JsonResponse({"status": "failed", "database": "not reached"}, status=503)

    return never_cache(require_safe(probe))


@never_cache
@require_safe
def is_up(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def is_ready(request: HttpRequest) -> HttpResponse:
    """Database and broker, each with a bounded wait. Without a broker disputes are still taken
    and timers still run by `sweep_deadlines`, but whoever balances load should know."""
    checks = {"database": ask_database(), "broker": ask_broker()}
    is_fine = all(answer == "ok" for answer in checks.values())
    body = {"status": "ok" if is_fine else "failed", **checks}
    return JsonResponse(body, status=200 if is_fine else 503)


def ask_database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        logger.warning("database not reached: %s", error)
        return "not reached"
    return "ok"


def ask_broker() -> str:
    try:
        ping_broker()
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("broker not reached: %s", error)
        return "not reached"
    return "ok"


@needs_database
def timers(request: HttpRequest) -> HttpResponse:
    trouble = timers_stand_still(clock.now())
    body = {"status": "failed" if trouble else "ok", "timers": trouble or "ok"}
    return JsonResponse(body, status=503 if trouble else 200)


@needs_database
def metrics(request: HttpRequest) -> HttpResponse:
    text = cache.get("metrics")
    if text is None:
        text = write_metrics(now=clock.now())
        cache.set("metrics", text, METRICS_KEPT_S)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)
