from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from helpdesk import clock

pytestmark = pytest.mark.django_db


def test_now_is_aware_utc_and_close_to_this_machines_clock():
    instant = clock.now()
    assert instant.tzinfo is UTC
    assert abs(instant - datetime.now(tz=UTC)) < timedelta(minutes=5)


def test_now_moves_within_a_transaction():
    with transaction.atomic():
        first = clock.now()
        later = [clock.now() for _ in range(1000)][-1]
    assert later > first


def test_now_is_the_databases_clock_on_postgresql():
    if connection.vendor != "postgresql":
        assert connection.vendor == "sqlite"
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (before,) = cursor.fetchone()
        instant = clock.now()
        cursor.execute("SELECT clock_timestamp()")
        (after,) = cursor.fetchone()
    assert before <= instant <= after
