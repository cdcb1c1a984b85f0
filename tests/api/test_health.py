"""What a probe and a scraper are told, on good days and bad ones."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client
from kombu.exceptions import OperationalError as BrokerError
from prometheus_client.parser import text_string_to_metric_families
from redis.exceptions import RedisError

from helpdesk import wake
from orders.models import Payment, Refund
from tests.api.conftest import later
from tests.tickets.pages import NOON
from tickets.models import Deadline, SweepBeat, Ticket
from tickets.sweep import sweep
from tickets.watchdog import RECONCILERS

Clock = Callable[[datetime], None]


def metrics(client: Client) -> dict[tuple[str, str], float]:
    """Samples by name and the value of their only label."""
    cache.clear()
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


@pytest.fixture
def dead_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", refuse)
    monkeypatch.setattr("helpdesk.clock.now", refuse)


def test_the_process_is_up_whatever_else_is_not(client: Client, dead_database: None):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-cache" in answer["Cache-Control"]
    assert client.post("/healthz").status_code == 405


@pytest.mark.django_db
def test_a_desk_without_its_broker_is_not_ready_and_says_which(
    client: Client, monkeypatch: pytest.MonkeyPatch
):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "failed", "database": "ok", "broker": "not reached"}
    monkeypatch.setattr("tickets.health.ping_broker", lambda: None)
    assert client.get("/readyz").status_code == 200


def test_a_broker_that_is_away_is_noticed_within_a_second():
    started = time.monotonic()
    with pytest.raises((OSError, RedisError, BrokerError)):
        wake.ping_broker()
    assert time.monotonic() - started < 1


@pytest.mark.django_db
def test_without_a_database_probes_say_so(client: Client, dead_database: None):
    assert client.get("/readyz").json()["database"] == "not reached"
    for path in ("/healthz/timers", "/metrics"):
        cache.clear()
        answer = client.get(path)
        assert answer.status_code == 503
        assert answer.json()["database"] == "not reached"


@pytest.mark.django_db
def test_timers_that_stand_still_are_an_alarm(client: Client, now_is: Clock):
    assert client.get("/healthz/timers").status_code == 503
    sweep(now=NOON)
    answer = client.get("/healthz/timers")
    assert (answer.status_code, answer.json()["timers"]) == (200, "ok")
    now_is(later(seconds=15))
    assert client.get("/healthz/timers").status_code == 200
    now_is(later(seconds=15, microseconds=1))
    assert client.get("/healthz/timers").status_code == 503


@pytest.mark.django_db
def test_a_sweep_that_fires_nothing_is_an_alarm_too(
    client: Client, opened: dict[str, Any], now_is: Clock
):
    SweepBeat.objects.create(name="beat", last_ok_at=later(minutes=31))
    now_is(later(minutes=30, seconds=30))
    assert client.get("/healthz/timers").status_code == 200
    now_is(later(minutes=30, seconds=31))
    answer = client.get("/healthz/timers")
    assert answer.status_code == 503
    assert "30 s" in answer.json()["timers"]


@pytest.mark.django_db
def test_metrics_on_an_empty_desk(client: Client, now_is: Clock):
    found = metrics(client)
    assert found["desk_oldest_due_age_seconds", ""] == 0
    assert found["desk_deadlines_overdue", ""] == 0
    assert found["desk_refunds", "unknown"] == 0
    assert {name for metric, name in found if metric == "desk_reconciler"} == set(RECONCILERS)
    assert found["desk_deadline_lateness_seconds_count", ""] == 0


@pytest.mark.django_db
def test_metrics_tell_how_late_things_are(client: Client, opened: dict[str, Any], now_is: Clock):
    now_is(later(minutes=30, seconds=7))
    found = metrics(client)
    assert found["desk_deadlines_overdue", ""] == 1
    assert found["desk_oldest_due_age_seconds", ""] == 7
    assert found["desk_outbox_age_seconds", "notices"] == 1807
    sweep(now=later(minutes=30, seconds=7.5))
    found = metrics(client)
    assert found["desk_deadlines_overdue", ""] == 0
    assert found["desk_deadline_lateness_seconds_sum", ""] == 7.5
    buckets = {k[1]: v for k, v in found.items() if k[0].endswith("_bucket")}
    assert (buckets["5.0"], buckets["10.0"], buckets["+Inf"]) == (0, 1, 1)
    assert found["desk_sweep_age_seconds", "beat"] == 0
    assert found["desk_tickets_open", "agent"] == 1


@pytest.mark.django_db
def test_an_hour_later_the_histogram_has_forgotten(
    client: Client, opened: dict[str, Any], now_is: Clock
):
    sweep(now=later(minutes=30))
    now_is(later(minutes=90))
    assert metrics(client)["desk_deadline_lateness_seconds_count", ""] == 0


@pytest.mark.django_db
def test_drills_are_not_counted(client: Client, opened: dict[str, Any], now_is: Clock):
    sweep(now=later(minutes=31))
    now_is(later(minutes=31))
    Ticket.objects.update(is_drill=True)
    found = metrics(client)
    assert found["desk_deadline_lateness_seconds_count", ""] == 0
    assert found["desk_tickets_open", "agent"] == 0


@pytest.mark.django_db
def test_refunds_that_nobody_can_tell_about_are_counted(
    client: Client, opened: dict[str, Any], now_is: Clock
):
    now_is(later(minutes=11))
    Refund.objects.create(
        refund_no="RF1", payment=Payment.objects.get(), origin=Ticket.objects.get().uuid,
        purpose="remedy", amount_fen=100, state="unknown", requested_by="system",
        planned_at=NOON, requested_at=NOON,
    )  # fmt: skip
    found = metrics(client)
    assert found["desk_refunds", "unknown"] == 1
    assert found["desk_reconciler", "stuck_refunds"] == 1


@pytest.mark.django_db
def test_scrapes_in_a_row_ask_the_database_once(
    client: Client, now_is: Clock, django_assert_num_queries: Any
):
    metrics(client)
    with django_assert_num_queries(0):
        client.get("/metrics")


@pytest.mark.django_db
def test_a_set_aside_clock_is_counted(client: Client, opened: dict[str, Any]):
    Deadline.objects.filter(kind="first_reply").update(quarantined_at=NOON + timedelta(minutes=1))
    assert metrics(client)["desk_deadlines_quarantined", ""] == 1
