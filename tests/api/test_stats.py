"""`GET /stats/sla`: what the desk's own pages say, for programs."""

import pytest
from rest_framework.test import APIClient

from tests.stories import OPENING, Desk, at

pytestmark = pytest.mark.django_db


@pytest.fixture
def after_two_days(desk: Desk, now_is) -> Desk:
    kept, lost = desk.open(desk.order(supplier="north")), desk.open(desk.order(supplier="south"))
    desk.advance(at("11-25 09:00"))
    desk.settle(kept, "succeeded")
    desk.advance(at("11-26 10:00"))
    assert lost.breaches.filter(kind="commitment").exists()
    now_is(desk.now)
    return desk


def test_the_desk_in_numbers(after_two_days: Desk, shop: APIClient):
    answer = shop.get("/api/v1/stats/sla", {"days": 7, "by": "supplier"})
    assert answer.status_code == 200, answer.json()
    body = answer.json()
    assert (body["first"], body["last"], body["opened"]) == ("2026-11-20", "2026-11-26", 2)
    assert body["promises"]["commitment"] == {
        "kept": 1,
        "broken": 1,
        "given_up": 0,
        "kept_share": 0.5,
    }
    assert (body["refunds"], body["refunded_fen"]) == (1, 9800)
    assert [(r["key"], r["commitment"]["kept"]) for r in body["rows"]] == [
        ("north", 1),
        ("south", 0),
    ]


def test_nothing_has_no_share(desk: Desk, shop: APIClient, now_is):
    now_is(OPENING)
    body = shop.get("/api/v1/stats/sla").json()
    assert body["promises"]["commitment"]["kept_share"] is None
    assert "rows" not in body


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"days": 0}, "days"),
        ({"days": 367}, "days"),
        ({"days": "week"}, "days"),
        ({"by": "weather"}, "by"),
        ({"first": "2026-11-01"}, "last"),
        ({"first": "2026-11-02", "last": "2026-11-01"}, "last"),
        ({"first": "2025-11-01", "last": "2026-11-03"}, "last"),
        ({"first": "2026-11-01", "last": "2026-11-02", "days": 2}, "days"),
        ({"from": "2026-11-01"}, "from"),
    ],
)
def test_what_cannot_be_is_named(shop: APIClient, now_is, query: dict, field: str):
    answer = shop.get("/api/v1/stats/sla", query)
    assert answer.status_code == 400
    assert field in {error["field"] for error in answer.json()["errors"]}


def test_who_may_not_look_is_refused(now_is, client):
    assert client.get("/api/v1/stats/sla").status_code == 401
