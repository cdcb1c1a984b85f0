"""Clocks fall due while workers, beats, broker and database are killed; a judge outside finds each
fired once, in time and whole. `./run bench chaos` does the same in large.

And the judge itself: one that is blind proves nothing.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from bench.chaos import Course, harm_one, judge, own_postgres
from bench.ownpg import OwnPostgres
from bench.results import NothingMeasured

TIMERS, SPAN_S = 200, 30
PROMISED = ("lost", "early", "doubled", "half", "moved", "broken chains", "found by reconcilers")


@pytest.fixture(scope="module")
def server() -> Iterator[OwnPostgres]:
    with own_postgres() as running:
        yield running


def test_every_clock_fires_once_whatever_is_killed(server: OwnPostgres, tmp_path: Path) -> None:
    course = harm_one(server, tmp_path / "data", None, 20261128, TIMERS, SPAN_S)

    assert course.kills.total() >= 5
    assert course.kills["postgresql"] >= 1
    assert course.fired == TIMERS
    assert course.wrong == dict.fromkeys(PROMISED, 0)
    blind_judge_is_not(server, tmp_path / "data")


def blind_judge_is_not(server: OwnPostgres, data: Path) -> None:
    """What is spoiled on purpose is found, and a desk that did nothing measures nothing."""
    some = "IN (SELECT {} FROM tickets_deadline WHERE kind = 'agent_resolution' LIMIT 1)"
    spoil = {
        "half": f"UPDATE tickets_ticket SET level = 'agent' WHERE id {some.format('ticket_id')}",
        "moved": "UPDATE tickets_deadline SET due_at = due_at - interval '1 ms' WHERE id "
        + some.format("id"),
        "lost": "UPDATE tickets_deadline SET state = 'met', fired_at = NULL, met_at = due_at"
        f" WHERE id {some.format('id')}",
    }
    expected = list_expected(server.url)
    for what, statement in spoil.items():
        with psycopg.connect(server.url) as connection:
            connection.execute(statement.encode())
        course = Course(seed=1)
        judge(server.url, data, expected, course)
        assert course.wrong[what] >= 1, what
    with pytest.raises(NothingMeasured):
        judge(server.url, data, {-1: datetime.now().astimezone()}, Course(seed=1))


def list_expected(url: str) -> dict[int, datetime]:
    with psycopg.connect(url) as connection:
        return dict(
            connection.execute(
                "SELECT id, due_at FROM tickets_deadline WHERE kind = 'agent_resolution'"
            ).fetchall()
        )
