"""A shop files Wang Fang's dispute, and whoever may looks at it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from orders.models import Order
from tests.api.conftest import (
    act,
    client_of,
    customer_of,
    dispute,
    later,
    make_person,
    open_dispute,
    problem,
    send_file,
    show,
)
from tests.tickets.pages import NOON, make_order, picture, upload
from tickets.evidence import MAX_BYTES, verify_evidence
from tickets.models import Event, Evidence, Ticket
from tickets.sweep import sweep
from tickets.throttle import MISSES_PER_ORDER

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now_is")]

Clock = Callable[[datetime], None]


def post(client: APIClient, order: Order, **changes: Any):
    return client.post("/api/v1/tickets", dispute(order, **changes))


def test_a_dispute_with_proof_is_opened_and_the_promise_runs(opened: dict[str, Any]):
    assert set(opened) == {
        "number", "tracking_url", "tracking_token", "status", "level", "cause",
        "commitment_due_at", "deadlines",
    }  # fmt: skip
    assert (opened["status"], opened["level"]) == ("new", "agent")
    due = datetime.fromisoformat(opened["commitment_due_at"])
    assert due == NOON + timedelta(hours=24)
    assert opened["commitment_due_at"] == "2026-11-25T04:00:00.000000+00:00"
    assert opened["tracking_url"].endswith(f"/t/{opened['tracking_token']}/")
    pending = {d["kind"] for d in opened["deadlines"] if d["state"] == "pending"}
    assert {"first_reply", "agent_resolution", "commitment", "referral"} <= pending
    assert all(d["late_by_s"] is None for d in opened["deadlines"])
    assert Event.objects.first().actor == "customer"


def test_without_proof_no_promise_runs_yet(shop: APIClient, order: Order):
    answer = post(shop, order)
    assert answer.status_code == 201
    assert answer.json()["commitment_due_at"] is None
    assert Ticket.objects.get().contact_email == "wang.fang@example.com"


def test_a_second_dispute_of_the_order_adds_to_the_first(shop: APIClient, order: Order):
    first = open_dispute(shop, order, proof=False)
    file = send_file(shop).json()["id"]
    second = post(shop, order, evidence=[file], description="补充付款截图。")
    assert second.status_code == 200
    assert second.json()["number"] == first["number"]
    assert second.json()["commitment_due_at"] is not None
    ticket = Ticket.objects.get()
    assert [m.body for m in ticket.messages.all()] == ["付了钱，话费一直没到。", "补充付款截图。"]
    assert ticket.evidence.count() == 1


def test_an_agent_files_for_a_caller_under_her_own_name(agent: APIClient, order: Order):
    open_dispute(agent, order)
    assert {e.actor for e in Event.objects.all()} == {f"staff:{Evidence.objects.get().actor[6:]}"}


def test_unknown_order_and_wrong_four_get_the_same_answer(shop: APIClient, order: Order):
    wrong = post(shop, order, account_last4="9999")
    unknown = post(shop, order, order_no="LT202611249999999")
    assert problem(wrong, 404)["code"] == "no_such_order"
    assert wrong.content == unknown.content
    assert not Ticket.objects.exists()


def test_guessing_at_one_order_comes_to_an_end_even_with_the_right_four(
    shop: APIClient, order: Order
):
    for _guess in range(MISSES_PER_ORDER.times):
        assert post(shop, order, account_last4="9999").status_code == 404
    answer = post(shop, order)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"category": "lost"}, "category", "invalid_choice"),
        ({"description": " "}, "description", "blank"),
        ({"description": "很" * 2001}, "description", "max_length"),
        ({"account_last4": "123"}, "account_last4", "min_length"),
        ({"account_last4": 1234}, "account_last4", "invalid"),
        ({"evidence": ["no-uuid"]}, "evidence.0", "invalid"),
        ({"evidence": ["0b6e1a2c-8f55-5d3e-9a41-2f7f0a4c6d18"]}, "evidence", "unknown_evidence"),
        ({"contact": {"email": "nobody"}}, "contact.email", "invalid"),
        ({"contact": {"wechat": "fang"}}, "contact.wechat", "unknown_field"),
        ({"priority": 1}, "priority", "unknown_field"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(
    shop: APIClient, order: Order, changes: dict[str, Any], field: str, code: str
):
    error = problem(post(shop, order, **changes), 400)
    assert (error["field"].removesuffix(".0"), error["code"]) == (field.removesuffix(".0"), code)
    assert not Ticket.objects.exists()


def test_a_limit_is_said(shop: APIClient, order: Order):
    assert problem(post(shop, order, description="很" * 2001), 400)["limit"] == 2000


def test_the_same_key_opens_once_and_answers_the_same(shop: APIClient, order: Order):
    body, headers = dispute(order), {"Idempotency-Key": "order-1-dispute"}
    first = shop.post("/api/v1/tickets", body, headers=headers)
    again = shop.post("/api/v1/tickets", body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert Ticket.objects.get().messages.count() == 1


def test_without_a_key_or_the_right_one_nobody_files(order: Order):
    assert problem(post(APIClient(), order), 401)["code"] == "not_authenticated"
    reader = client_of(make_person("auditor", "shop"), scopes=("read",))
    assert problem(post(reader, order), 403)["code"] == "missing_scope"
    stranger = client_of(make_person("stranger"))
    assert problem(post(stranger, order), 403)["code"] == "missing_permission"


def test_the_detail_has_every_clock_and_the_policy(shop: APIClient, opened: dict[str, Any]):
    shown = show(shop, opened)
    assert shown["policy"]["clocks"]["commitment"] == {"within": "PT24H", "clock": "wall"}
    assert shown["policy"]["auto_refund_limit_fen"] == 50000
    assert (shown["outcome"], shown["cycle"], shown["referral"]) == ("", 1, None)
    assert shown["refunds"] == []
    assert [file["kind"] for file in shown["evidence"]] == ["payment_screenshot"]


def test_a_fired_clock_says_how_late_it_was_and_is_a_breach(
    shop: APIClient, supervisor: APIClient, opened: dict[str, Any]
):
    sweep(now=later(hours=2, seconds=1.5))
    shown = show(shop, opened)
    fired = {d["kind"]: d["late_by_s"] for d in shown["deadlines"] if d["state"] == "fired"}
    assert fired == {"first_reply": 5401.5, "agent_resolution": 1.5}
    assert shown["level"] == "supervisor"
    assert {b["kind"] for b in shown["breaches"]} == {"first_reply", "agent_resolution"}


def test_the_customer_sees_her_dispute_without_the_desks_limits(
    customer: APIClient, opened: dict[str, Any]
):
    shown = show(customer, opened)
    assert set(shown["policy"]) == {"code", "clocks"}


def test_the_customer_sees_nobody_elses(
    shop: APIClient, customer: APIClient, opened: dict[str, Any]
):
    li_lei = open_dispute(shop, make_order("LT202611241130002", supplier=""))
    answer = customer.get(f"/api/v1/tickets/{li_lei['number']}")
    assert problem(answer, 404)["code"] == "no_such_ticket"
    assert customer.get("/api/v1/tickets").status_code == 401


def test_a_token_that_is_none_is_said_so(opened: dict[str, Any]):
    forged = customer_of(opened | {"tracking_token": "x" * 32})
    answer = forged.get(f"/api/v1/tickets/{opened['number']}")
    assert problem(answer, 401)["code"] == "invalid_token"


def listed(client: APIClient, **query: Any) -> list[str]:
    answer = client.get("/api/v1/tickets", query)
    assert answer.status_code == 200, answer.content
    return [ticket["number"] for ticket in answer.json()["results"]]


def test_lists_are_filtered(
    shop: APIClient, agent: APIClient, supervisor: APIClient, opened: dict[str, Any], now_is: Clock
):
    other_order = make_order("LT202611241130002", supplier="")
    other = open_dispute(shop, other_order, proof=False)
    act(agent, other, "assign", assignee="chen.jing")
    both = [other["number"], opened["number"]]
    assert listed(shop) == both
    assert listed(shop, status="new") == [opened["number"]]
    assert listed(shop, assignee="chen.jing") == [other["number"]]
    assert listed(shop, order_no=other_order.order_no) == [other["number"]]
    assert listed(shop, level="supervisor") == []
    assert listed(shop, cause="undetermined") in ([], both)
    assert listed(shop, due_before=later(minutes=30).isoformat()) == []
    assert listed(shop, due_before=later(minutes=31).isoformat()) == both
    assert listed(shop, overdue="true") == []
    now_is(later(minutes=31))
    assert listed(shop, overdue="true") == both
    sweep(now=later(minutes=31))
    act(agent, other, "reply", text="已经在查了。")
    assert listed(shop, overdue="true") == both
    assert listed(shop, overdue="false") == []
    now_is(later(minutes=32))


def test_pages_follow_each_other(shop: APIClient):
    numbers = [
        open_dispute(shop, make_order(f"LT20261124113000{n}", supplier=""), proof=False)["number"]
        for n in range(5)
    ]
    first = shop.get("/api/v1/tickets", {"limit": 2}).json()
    second = shop.get(first["next"]).json()
    third = shop.get(second["next"]).json()
    pages = [[t["number"] for t in page["results"]] for page in (first, second, third)]
    assert pages == [numbers[:2:-1], numbers[2:0:-1], numbers[:1]]
    assert third["next"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "lost"}, "status"),
        ({"due_before": "2026-11-24T12:00:00"}, "due_before"),
        ({"colour": "red"}, "colour"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"limit": "1000"}, "limit"),
    ],
)
def test_a_filter_that_is_none_is_refused(shop: APIClient, query: dict[str, str], field: str):
    assert problem(shop.get("/api/v1/tickets", query), 400)["field"] == field


def test_drills_are_not_counted_among_disputes(shop: APIClient, opened: dict[str, Any]):
    Ticket.objects.update(is_drill=True)
    assert listed(shop) == []
    assert listed(shop, drill="true") == [opened["number"]]


def test_a_file_is_kept_and_described(shop: APIClient):
    answer = send_file(shop)
    assert answer.status_code == 201
    assert set(answer.json()) >= {"id", "sha256", "kind", "size", "content_type"}
    assert Evidence.objects.get().actor == "customer"


@pytest.mark.parametrize(
    ("data", "kind", "field", "code"),
    [
        (b"", "payment_screenshot", "file", "empty"),
        (b"MZ\x90\x00" * 100, "payment_screenshot", "file", None),
        (b"%PDF-1.4\n%%EOF\n", "selfie", "kind", "invalid_choice"),
    ],
)
def test_a_file_that_is_none_is_refused_with_a_sentence(
    shop: APIClient, data: bytes, kind: str, field: str, code: str | None
):
    body = {"file": upload(data), "kind": kind}
    error = problem(shop.post("/api/v1/evidence", body, format="multipart"), 400)
    assert error["field"] == field
    assert code in (None, error["code"])
    assert not Evidence.objects.exists()


def test_a_file_above_ten_megabytes_is_not_even_read(shop: APIClient):
    body = {"file": upload(b"\0" * (11 * 1024 * 1024)), "kind": "other"}
    answer = shop.post("/api/v1/evidence", body, format="multipart")
    error = problem(answer, 413)
    assert (error["field"], error["code"], error["limit"]) == ("file", "too_large", str(MAX_BYTES))


def test_of_two_files_none_is_lost_in_silence(shop: APIClient):
    body = {"file": [upload(picture(), "1.jpg"), upload(picture(), "2.jpg")], "kind": "other"}
    error = problem(shop.post("/api/v1/evidence", body, format="multipart"), 400)
    assert (error["field"], error["code"]) == ("file", "too_many_files")
    assert not Evidence.objects.exists()


def test_whatever_else_is_posted_there_is_a_problem_too(shop: APIClient):
    answer = shop.post("/api/v1/evidence", {"kind": "other"})
    assert problem(answer, 415)["code"] == "unsupported_media_type"
    answer = shop.post("/api/v1/evidence", {"kind": "other"}, format="multipart")
    assert problem(answer, 400)["field"] == "file"
    answer = shop.post("/api/v1/tickets", "[1, 2", content_type="application/json")
    assert problem(answer, 400)["code"] == "parse_error"


@pytest.mark.django_db(transaction=True)
def test_eight_tabs_at_once_open_one_dispute(shop: APIClient, order: Order):
    """Whoever comes second adds to the first, whichever of the two the database let in first."""
    credentials = dict(shop._credentials)

    def file_it(tab: int) -> int:
        try:
            client = APIClient(raise_request_exception=False)
            client.credentials(**credentials)
            return post(client, order, description=f"没到账。{tab}").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as tabs:
        answers = sorted(tabs.map(file_it, range(8)))
    assert answers == [200] * 7 + [201]
    ticket = Ticket.objects.get()
    assert ticket.messages.count() == 8
    assert verify_evidence(ticket=ticket) == []
