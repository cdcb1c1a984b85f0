import time

import pytest

from helpdesk.cache import FallbackCache


@pytest.fixture
def dead_cache(tmp_path):
    return FallbackCache(f"unix://{tmp_path}/nobody.sock", {"KEY_PREFIX": "desk"})


def test_a_counter_counts_on_while_the_cache_is_dead(dead_cache):
    assert dead_cache.add("tries:1.2.3.4", 1) is True
    assert dead_cache.add("tries:1.2.3.4", 1) is False
    assert dead_cache.incr("tries:1.2.3.4") == 2
    dead_cache.set("tries:5.6.7.8", [1, 2, 3], 60)
    assert dead_cache.get("tries:5.6.7.8") == [1, 2, 3]
    assert dead_cache.get_many(["tries:1.2.3.4", "none"]) == {"tries:1.2.3.4": 2}
    assert dead_cache.delete("tries:5.6.7.8") is True
    assert dead_cache.get("tries:5.6.7.8", "gone") == "gone"


def test_a_dead_cache_costs_one_wait_and_not_one_per_call(dead_cache):
    started = time.monotonic()
    for number in range(1000):
        dead_cache.set(f"key{number}", number)
    assert time.monotonic() - started < 1.0


def test_clearing_is_refused_as_it_would_empty_the_brokers_queues(dead_cache):
    with pytest.raises(NotImplementedError):
        dead_cache.clear()
