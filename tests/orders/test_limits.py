"""A limit's window and amount, from both sides of each edge."""

from datetime import datetime, timedelta

import pytest
from django.db import transaction

from orders.limits import Limit, LimitExceeded, claim_limits
from orders.models import LimitCounter
from tests.stories import HOUR, TICK, at

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
#: The bucket that a claim at this instant falls into begins at 10:00.
FIRST = at("11-01 10:20")
BUCKET = at("11-01 10:00")


def is_granted(limits: list[Limit], amount_fen: int, now: datetime) -> bool:
    try:
        with transaction.atomic():
            claim_limits(limits=limits, amount_fen=amount_fen, now=now)
    except LimitExceeded:
        return False
    return True


def buckets() -> list[list[int]]:
    return [bucket for counter in LimitCounter.objects.all() for bucket in counter.buckets.values()]


@pytest.mark.parametrize("window", [HOUR, DAY, 30 * DAY])
def test_it_holds_for_the_whole_window_and_is_free_an_hour_after_it(window: timedelta) -> None:
    """Counted by hours: the hour that a window only touches counts whole, so a limit holds a
    little longer than it must and never shorter."""
    limits = [Limit(name="n", key="k", window=window, max_count=1)]
    assert is_granted(limits, 1, FIRST)
    assert not is_granted(limits, 1, FIRST + window - TICK)
    assert not is_granted(limits, 1, FIRST + window)
    assert not is_granted(limits, 1, BUCKET + window + HOUR - TICK)
    assert is_granted(limits, 1, BUCKET + window + HOUR)


@pytest.mark.parametrize(("amount_fen", "granted"), [(499, True), (500, True), (501, False)])
def test_the_last_fen(amount_fen: int, granted: bool) -> None:
    limits = [Limit(name="n", key="k", window=HOUR, max_fen=1000)]
    assert is_granted(limits, 500, FIRST)
    assert is_granted(limits, amount_fen, FIRST) is granted


def test_the_last_of_a_count() -> None:
    limits = [Limit(name="n", key="k", window=HOUR, max_count=3)]
    assert [is_granted(limits, 1, FIRST) for _try in range(4)] == [True, True, True, False]


def test_where_one_has_no_room_none_is_counted() -> None:
    roomy = Limit(name="a", key="a", window=HOUR, max_fen=1000)
    full = Limit(name="b", key="b", window=HOUR, max_fen=1000)
    assert is_granted([full], 1000, FIRST)
    assert not is_granted([roomy, full], 1, FIRST)
    assert buckets() == [[1, 1000]]
    assert is_granted([roomy], 1000, FIRST)


def test_two_windows_on_one_key_count_once() -> None:
    hourly = Limit(name="h", key="shop:auto", window=HOUR, max_fen=1000)
    daily = Limit(name="d", key="shop:auto", window=DAY, max_fen=1500)
    assert is_granted([hourly, daily], 1000, FIRST)
    assert buckets() == [[1, 1000]]
    assert not is_granted([hourly, daily], 1, FIRST + HOUR)
    assert not is_granted([hourly, daily], 501, FIRST + 3 * HOUR)
    assert is_granted([hourly, daily], 500, FIRST + 3 * HOUR)


def test_old_hours_are_forgotten_and_the_longest_window_is_not() -> None:
    limits = [Limit(name="n", key="k", window=30 * DAY)]
    for day in (0, 29, 32):
        assert is_granted(limits, 7, FIRST + day * DAY)
    assert buckets() == [[1, 7], [1, 7]]
