"""Disputes: opened, listed, told event by event; refunds and missed deadlines beside them."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from tests.contract.outsider import Body, Outsider, ok, problem
from tests.processes.shop import SECONDS_POLICY

OPENED = {"number", "tracking_url", "tracking_token", "status", "level", "cause",
          "commitment_due_at", "deadlines"}  # fmt: skip
DETAIL = {"status", "level", "outcome", "cause", "cycle", "policy", "deadlines", "refunds",
          "referral", "breaches"}  # fmt: skip
DEADLINE = {"kind", "state", "due_at", "met_at", "fired_at", "late_by_s"}
EVENT = {"seq", "kind", "actor", "at", "data", "hash", "prev_hash"}

REVIEW = {
    "cause_code": "nobody_on_duty",
    "responsible_party": "us",
    "corrective_action": "夜班加人",
}


def read(instant: str) -> datetime:
    moment = datetime.fromisoformat(instant)
    assert moment.tzinfo is not None, instant
    return moment


def test_what_opening_answers(outside: Outsider):
    opened = outside.new_dispute()
    assert set(opened) >= OPENED
    assert (opened["status"], opened["level"]) == ("new", "agent")
    assert opened["commitment_due_at"] is None, "without proof it has not started"
    assert opened["tracking_url"].endswith(f"/t/{opened['tracking_token']}/")
    assert outside.http.get(opened["tracking_url"]).status_code == 200
    assert {"first_reply", "agent_resolution"} <= {d["kind"] for d in opened["deadlines"]}


def test_the_promise_counts_from_the_proof_to_the_millisecond(outside: Outsider):
    opened = outside.new_dispute(proof=True)
    shown = outside.ticket(opened["number"])
    started, due = read(shown["commitment_started_at"]), read(shown["commitment_due_at"])
    assert due - started == timedelta(hours=24)
    (clock,) = [d for d in shown["deadlines"] if d["kind"] == "commitment"]
    assert abs(read(clock["due_at"]) - due) < timedelta(milliseconds=1)
    by_kind = {d["kind"]: d for d in shown["deadlines"]}
    lead = due - read(by_kind["commitment_enforcement"]["due_at"])
    assert lead == timedelta(hours=1)


def test_a_second_dispute_about_the_order_is_the_first_with_new_facts(outside: Outsider):
    opened = outside.new_dispute()
    body = outside.dispute_body(opened["order_no"], opened["last4"])
    more = body | {"description": "补充：客服电话无人接听。", "evidence": [outside.upload_proof()]}
    again = ok(outside.by("shop").post("/tickets", more), 200)
    assert again["number"] == opened["number"]
    assert again["commitment_due_at"], "the file that came with it completes the proof"
    assert "evidence_added" in outside.event_kinds(opened["number"])
    listed = ok(outside.by("agent").get("/tickets", order_no=opened["order_no"]))
    assert len(listed["results"]) == 1


def test_an_unknown_order_and_wrong_characters_get_the_same_answer(outside: Outsider):
    order_no, _stored = outside.new_order()
    answers = []
    for asked in (("NOBODY1", "1234"), (order_no, "zzzz")):
        answer = outside.by("shop").post("/tickets", outside.dispute_body(*asked))
        assert answer.status_code == 404, answer.text
        answers.append(answer.json())
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("category", "lost"), ("account_last4", "12345"), ("account_last4", 1234),
        ("description", ""), ("description", "x" * 100_000), ("evidence", ["no-uuid"]),
        ("evidence", ["00000000-0000-4000-8000-000000000000"] * 10), ("urgent", True),
        ("contact", "13900004321"), ("contact", {"fax": "1"}), ("order_no", None),
        ("evidence", ["00000000-0000-4000-8000-000000000000"]),
    ],
)  # fmt: skip
def test_bad_disputes(outside: Outsider, name: str, value: Any):
    order_no, stored = outside.new_order()
    body = outside.dispute_body(order_no, stored["target_account"][-4:]) | {name: value}
    error = problem(outside.by("shop").post("/tickets", body), 400)
    assert error["field"].startswith(name)
    assert not ok(outside.by("agent").get("/tickets", order_no=order_no))["results"]


@pytest.mark.parametrize("category", ["non_arrival", "wrong_account", "duplicate_charge",
                                      "wrong_amount", "card_code", "other"])  # fmt: skip
def test_what_completes_each_category(outside: Outsider, category: str):
    """Contract, "Evidence kinds"."""
    pay = ["payment_screenshot"]
    needed = {
        "wrong_amount": [*pay, "operator_record"],
        "card_code": ["account_screenshot"],
        "other": ["chat_log"],
    }.get(category, ["bank_deduction_record"])
    order_no, stored = outside.new_order()
    body = outside.dispute_body(order_no, stored["target_account"][-4:], category=category)
    number = ok(outside.by("shop").post("/tickets", body), 201)["number"]
    for kind in needed:
        assert outside.ticket(number)["commitment_due_at"] is None
        ok(outside.by("agent").act(number, "add-evidence", evidence=[send(outside, kind)["id"]]))
    assert outside.ticket(number)["commitment_due_at"]


def send(outside: Outsider, kind: str, content: bytes | None = None) -> Body:
    if content is None:
        picture = BytesIO()
        Image.effect_noise((40, 40), 90).convert("RGB").save(picture, "PNG")
        content = picture.getvalue()
    how = {"files": {"file": ("凭证.png", content, "image/png")}, "data": {"kind": kind}}
    stored: Body = ok(outside.by("shop")("POST", "/evidence", **how), 201)
    assert stored["sha256"] == hashlib.sha256(content).hexdigest()
    return stored


def test_nine_files_and_no_tenth(outside: Outsider):
    number, agent = outside.new_dispute()["number"], outside.by("agent")
    nine = [send(outside, "other")["id"] for _i in range(9)]
    ok(agent.act(number, "add-evidence", evidence=nine))
    answer = agent.act(number, "add-evidence", evidence=[send(outside, "other")["id"]])
    assert answer.status_code in (400, 409)
    error = problem(answer, answer.status_code, field="evidence")
    assert "9" in error["detail"]


def test_filters(outside: Outsider):
    agent, number = outside.by("agent"), outside.new_dispute(proof=True)["number"]
    ok(agent.act(number, "assign", assignee="agent"))
    tomorrow = (datetime.now(tz=UTC) + timedelta(days=2)).isoformat()

    def finds(**query: Any) -> bool:
        query |= {"limit": 200}
        return number in [t["number"] for t in ok(agent.get("/tickets", **query))["results"]]

    shown = outside.ticket(number)
    assert finds(status="in_progress")
    assert not finds(status="closed")
    assert finds(level="agent")
    assert not finds(level="referred")
    assert finds(cause=shown["cause"])
    assert finds(assignee="agent")
    assert not finds(assignee="supervisor")
    assert finds(overdue="false")
    assert not finds(overdue="true")
    assert finds(due_before=tomorrow)
    assert not finds(due_before="2026-01-01T00:00:00Z")
    for name, value in {"status": "x", "due_before": "soon", "overdue": "perhaps", "colour": "r",
                        "limit": "0", "cursor": "x"}.items():  # fmt: skip
        problem(agent.get("/tickets", **{name: value}), 400, field=name)


def test_lists_go_by_cursor(outside: Outsider):
    for _i in range(3):
        outside.new_dispute()
    agent = outside.by("agent")
    first = ok(agent.get("/tickets", limit=2))
    assert set(first) == {"results", "next", "previous"}
    assert first["previous"] is None
    second = ok(agent.http.get(first["next"], headers={"Authorization": agent.authorization}))
    numbers = [t["number"] for t in first["results"] + second["results"]]
    assert len(set(numbers)) == 4
    assert second["previous"]


def test_events_are_ascending_and_chained(outside: Outsider):
    opened = outside.new_dispute(proof=True)
    path = f"/tickets/{opened['number']}/events"
    events, url = [], f"/api/v1{path}?limit=2"
    agent = outside.by("agent")
    while url:
        page = ok(agent.http.get(url, headers={"Authorization": agent.authorization}))
        events += page["results"]
        url = page["next"]
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    before = ""
    for event in events:
        assert set(event) == EVENT
        assert event["prev_hash"] == before
        said = [event[name] for name in ("seq", "kind", "actor", "at", "data")]
        text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert event["hash"] == hashlib.sha256((before + text).encode()).hexdigest()
        before = event["hash"]


def test_a_life_on_real_timers_with_its_refund_and_its_breach(outside: Outsider):
    """The desk refunds by itself; the handling deadline that was missed is up for review."""
    admin, supervisor = outside.by("admin"), outside.by("supervisor")
    before = ok(admin.get("/policies/default"))
    outside.set_policy()
    try:
        number = outside.file_dispute(outside.place_order())
    finally:
        ok(admin.put("/policies/default", before))
    outside.wait_for("resolved", lambda: outside.ticket(number)["status"] == "resolved", 120)
    shown = outside.ticket(number)
    assert set(shown) >= DETAIL
    assert all(set(d) >= DEADLINE for d in shown["deadlines"])
    assert shown["policy"]["clocks"]["commitment"] == SECONDS_POLICY["clocks"]["commitment"]
    (refund,) = shown["refunds"]
    assert (refund["state"], refund["amount_fen"]) == ("succeeded", 9980)
    listed = ok(supervisor.get("/refunds", state="succeeded", limit=200))["results"]
    assert refund["refund_no"] in [r["refund_no"] for r in listed]
    assert ok(supervisor.get(f"/refunds/{refund['refund_no']}"))["state"] == "succeeded"
    problem(supervisor.get("/refunds/RF0"), 404)
    assert len(outside.effects(refund["refund_no"])) == 1
    check_told_in_full(outside, number)
    review_breach(outside, number, shown)


def check_told_in_full(outside: Outsider, number: str) -> None:
    kinds = outside.event_kinds(number)
    for kind in ("opened", "evidence_added", "escalated", "deadline_fired", "commitment_warned",
                 "commitment_enforced", "refund_requested", "refund_settled", "resolved",
                 "deadline_met"):  # fmt: skip
        assert kind in kinds, kinds
    (escalated,) = [e for e in outside.events(number) if e["kind"] == "escalated"]
    assert escalated["data"] == {"to": "supervisor", "by": "agent_resolution"}
    outside.wait_for("mail to the customer", lambda: outside.mails_to(number), 60)


def review_breach(outside: Outsider, number: str, shown: Body) -> None:
    breach = shown["breaches"][0]
    listed = ok(outside.by("supervisor").get("/breaches", ticket=number))["results"]
    assert breach["id"] in [b["id"] for b in listed]
    path = f"/breaches/{breach['id']}/review"
    problem(outside.by("agent").post(path, REVIEW), 403)
    problem(outside.by("supervisor").post(path, {}), 400, field="corrective_action")
    reviewed = ok(outside.by("supervisor", second=True).post(path, REVIEW))
    assert reviewed["reviewed_by"] == "supervisor2"
    problem(outside.by("supervisor").post("/breaches/999999999/review", REVIEW), 404)


def test_the_handler_may_not_review(outside: Outsider):
    admin, supervisor = outside.by("admin"), outside.by("supervisor")
    before = ok(admin.get("/policies/default"))
    quick = before["clocks"] | {"first_reply": {"within": "PT1S", "clock": "wall"}}
    ok(admin.put("/policies/default", before | {"clocks": quick}))
    try:
        number = outside.new_dispute()["number"]
    finally:
        ok(admin.put("/policies/default", before))
    outside.wait_for("the breach", lambda: outside.ticket(number)["breaches"], 60)
    ok(supervisor.act(number, "assign", assignee="supervisor"))
    (breach,) = outside.ticket(number)["breaches"]
    problem(supervisor.post(f"/breaches/{breach['id']}/review", REVIEW), 403)
