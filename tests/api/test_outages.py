"""Outages by API: declared by supervisors, read by staff, told to everybody as notices."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from orders.models import Outage
from tests.api.conftest import Body, act, kinds, problem, show

pytestmark = pytest.mark.django_db

FACTS = {
    "title": "云充接口中断",
    "supplier": "yunchong",
    "started_at": "2026-11-24T09:00:00+08:00",
    "text_zh": "部分话费充值延迟，已安排退款。",
    "text_en": "Some top-ups are late. Refunds are being made.",
    "is_public": True,
}


def declare(client: APIClient, **changes: Any) -> Any:
    return client.post("/api/v1/outages", {**FACTS, **changes}, format="json")


def test_a_supervisor_declares_and_everybody_reads_the_notice(supervisor: APIClient):
    answer = declare(supervisor)
    assert answer.status_code == 201, answer.content
    said = answer.json()
    assert (said["title"], said["supplier"], said["ended_at"]) == ("云充接口中断", "yunchong", None)
    assert supervisor.get("/api/v1/outages?running=true").json()["results"] == [said]
    assert supervisor.get("/api/v1/outages?running=false").json()["results"] == []

    (notice,) = APIClient().get("/api/v1/notices").json()["results"]
    assert notice["text_zh"] == FACTS["text_zh"]
    assert "supplier" not in notice
    assert "declared_by" not in notice


def test_what_is_not_public_is_no_notice(supervisor: APIClient):
    assert declare(supervisor, is_public=False).status_code == 201
    assert APIClient().get("/api/v1/notices").json()["results"] == []


def test_the_same_post_twice_declares_once(supervisor: APIClient):
    for _time in range(2):
        answer = supervisor.post(
            "/api/v1/outages", FACTS, format="json", headers={"Idempotency-Key": "yc-1"}
        )
        assert answer.status_code == 201
    assert Outage.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"title": ""}, "title", "blank"),
        ({"title": "长" * 101}, "title", "max_length"),
        ({"supplier": ""}, "supplier", "required"),
        ({"channel": "paypal"}, "channel", "invalid_choice"),
        ({"started_at": "2026-11-24T09:00:00"}, "started_at", "no_zone"),
        ({"started_at": "2099-01-01T00:00:00+08:00"}, "started_at", "in_future"),
        ({"ended_at": "2026-11-24T08:00:00+08:00"}, "ended_at", "out_of_order"),
        ({"text_en": ""}, "text_en", "required"),
        ({"is_public": "yes"}, "is_public", "invalid"),
        ({"severity": 1}, "severity", "unknown_field"),
    ],
)
def test_what_is_wrong_is_named(supervisor: APIClient, changes: Body, field: str, code: str):
    error = problem(declare(supervisor, **changes), 400)
    assert (error["field"], error["code"]) == (field, code)
    assert not Outage.objects.exists()


def test_an_agent_reads_and_does_not_declare(agent: APIClient):
    problem(declare(agent), 403)
    assert agent.get("/api/v1/outages").status_code == 200
    assert APIClient().get("/api/v1/outages").status_code == 401


class TestLinkOutage:
    def test_a_dispute_is_put_to_it(self, supervisor: APIClient, agent: APIClient, opened: Body):
        outage = declare(supervisor).json()
        answer = act(agent, opened, "link-outage", outage=outage["id"])
        assert answer.status_code == 200, answer.content
        assert kinds(agent, opened).count("outage_linked") == 1
        assert show(agent, opened)["commitment_due_at"]
        assert act(agent, opened, "link-outage", outage=outage["id"]).status_code == 200
        assert kinds(agent, opened).count("outage_linked") == 1

    @pytest.mark.parametrize("outage", [999, 2**64, 0, "x", None])
    def test_one_there_is_not(self, agent: APIClient, opened: Body, outage: Any):
        error = problem(act(agent, opened, "link-outage", outage=outage), 400)
        assert error["field"] == "outage"

    def test_not_by_the_customer(self, supervisor: APIClient, customer: APIClient, opened: Body):
        outage = declare(supervisor).json()
        problem(act(customer, opened, "link-outage", outage=outage["id"]), 403)
