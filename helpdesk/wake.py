"""Wake a task once the present transaction is committed. A hint, never a promise: what must
happen is a row, and a sweep finds the row when the hint is lost."""

import functools
import logging
import threading
import time

from celery import current_app
from django.db import transaction
from kombu import Connection
from kombu.exceptions import OperationalError
from kombu.pools import producers
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 0.5
# After a failure the broker is left alone this long, so that a dead one costs every process one
# bounded wait now and then, and not one wait per request.
REST_SECONDS = 5.0

_lock = threading.Lock()
_rests_until = 0.0


def wake(task_name: str, *args: object, queue: str | None = None) -> None:
    """This function will ask a worker to run `task_name(*args)` after the commit; it never raises
    for the broker's sake and never keeps the caller longer than about a second."""
    transaction.on_commit(functools.partial(_send, task_name, args, queue), robust=True)


def _send(task_name: str, args: tuple[object, ...], queue: str | None) -> None:
    if time.monotonic() < _rests_until:
        return
    try:
        with producers[_connection()].acquire(block=True, timeout=CONNECT_SECONDS) as producer:
            current_app.send_task(task_name, args=args, queue=queue, producer=producer, retry=False)
    except (OperationalError, RedisError, OSError) as error:
        _rest()
        logger.warning("broker not reached, %s is left to the sweep: %s", task_name, error)


def ping_broker() -> None:
    """This function will return once the broker has answered.

    :raises OperationalError, redis.exceptions.RedisError, OSError: it does not, within a second.
    """
    with _connection() as connection:
        # Not connect(), which tries again after two seconds. Opening a channel asks for a PING.
        transport = connection.transport
        transport.close_connection(transport.establish_connection())


def _connection() -> Connection:
    # Not the application's shared pool: that one retries for minutes, as workers must.
    options = current_app.conf.broker_transport_options | {
        "max_retries": 0,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": CONNECT_SECONDS,
    }
    return current_app.connection_for_write(
        connect_timeout=CONNECT_SECONDS, transport_options=options
    )


def _rest() -> None:
    global _rests_until
    with _lock:
        _rests_until = time.monotonic() + REST_SECONDS
