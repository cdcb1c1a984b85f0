"""Anybody who reads a dispute's events can compute the chain again, and so finds a change."""

import hashlib
import json
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from tests.api.conftest import act, later, open_dispute, problem
from tests.tickets.pages import make_order
from tickets import append_only
from tickets.models import Event, Ticket
from tickets.sweep import sweep

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now_is")]


def events_of(client: APIClient, opened: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/tickets/{opened['number']}/events", query)
    assert answer.status_code == 200, answer.content
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def computed(event: dict[str, Any]) -> str:
    """The rule of the contract, written out once more: nothing of the product is used here."""
    parts = [event[name] for name in ("seq", "kind", "actor", "at", "data")]
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256((event["prev_hash"] + text).encode()).hexdigest()


def test_a_reader_of_the_api_can_verify_the_chain(
    shop: APIClient, agent: APIClient, supervisor: APIClient, opened: dict[str, Any]
):
    act(agent, opened, "assign", assignee="chen.jing")
    act(agent, opened, "reply", text="您好，已在核实。")
    sweep(now=later(hours=20, microseconds=123456))
    events = events_of(shop, opened)
    assert len(events) > 8
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    prev_hash = ""
    for event in events:
        assert set(event) == {"seq", "kind", "actor", "at", "data", "hash", "prev_hash"}
        assert event["prev_hash"] == prev_hash
        assert event["hash"] == computed(event)
        prev_hash = event["hash"]
    assert prev_hash == Ticket.objects.get().event_hash
    assert any(event["at"].endswith(".123456+00:00") for event in events)


def test_a_change_behind_the_desks_back_is_found(shop: APIClient, opened: dict[str, Any]):
    with append_only.lifted(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {Event._meta.db_table} SET actor = %s WHERE seq = 1", ["staff:1"])
    first = events_of(shop, opened)[0]
    assert first["hash"] != computed(first)


def test_no_words_and_no_contacts_are_in_the_chain(
    shop: APIClient, agent: APIClient, opened: dict[str, Any]
):
    act(agent, opened, "reply", text="请查收短信13900005678。")
    text = json.dumps(events_of(shop, opened), ensure_ascii=False)
    for secret in ("话费一直没到", "请查收", "13900005678", "王芳", "wang.fang", "13800001234"):
        assert secret not in text


def test_the_customer_reads_them_too_and_only_her_own(
    shop: APIClient, customer: APIClient, opened: dict[str, Any]
):
    assert events_of(customer, opened)[0]["kind"] == "opened"
    li_lei = open_dispute(shop, make_order("LT202611241130002", supplier=""))
    answer = customer.get(f"/api/v1/tickets/{li_lei['number']}/events")
    assert problem(answer, 404)["code"] == "no_such_ticket"


def test_pages_come_in_the_order_of_what_happened(shop: APIClient, opened: dict[str, Any]):
    whole = events_of(shop, opened)
    first = shop.get(f"/api/v1/tickets/{opened['number']}/events", {"limit": 2}).json()
    second = shop.get(first["next"]).json()
    assert first["results"] + second["results"] == whole[:4]
    answer = shop.get(f"/api/v1/tickets/{opened['number']}/events", {"cursor": "x"})
    assert problem(answer, 400)["field"] == "cursor"
