"""Every verb of the contract's table: who may, what it does, what the state forbids."""

from typing import Any

import pytest

from tests.contract.outsider import Body, Outsider, ok, problem

AGENT_PLUS = ("agent", "supervisor")


@pytest.fixture
def opened(outside: Outsider) -> Body:
    return outside.new_dispute()


def number_of(opened: Body) -> str:
    return str(opened["number"])


@pytest.mark.parametrize("role", AGENT_PLUS)
def test_assign(outside: Outsider, opened: Body, role: str):
    shown = ok(outside.by(role).act(opened["number"], "assign", assignee="agent"))
    assert (shown["status"], shown["assignee"]) == ("in_progress", "agent")
    assert "assigned" in outside.event_kinds(opened["number"])
    answer = outside.by(role).act(opened["number"], "assign", assignee="nobody")
    problem(answer, 400, field="assignee")


def test_reply_from_both_sides(outside: Outsider, opened: Body):
    agent, customer = outside.by("agent"), outside.customer(opened["tracking_token"])
    shown = ok(agent.act(opened["number"], "reply", text="已在核实。"))
    assert shown["status"] == "in_progress"
    assert [d["state"] for d in shown["deadlines"] if d["kind"] == "first_reply"] == ["met"]
    ok(agent.act(opened["number"], "request-evidence", kinds=["payment_screenshot"], text="请补"))
    shown = ok(customer.act(opened["number"], "reply", text="截图在路上。"))
    assert shown["status"] == "in_progress"
    assert outside.event_kinds(opened["number"]).count("replied") == 2


def test_asking_for_proof_pauses_the_internal_clock_alone(outside: Outsider):
    opened = outside.new_dispute(proof=True)
    agent = outside.by("agent")
    shown = ok(
        agent.act(opened["number"], "request-evidence", kinds=["operator_record"], text="请补")
    )
    assert shown["status"] == "waiting_customer"
    states = {d["kind"]: d["state"] for d in shown["deadlines"]}
    assert states["agent_resolution"] == "paused"
    assert states["commitment"] == states["commitment_enforcement"] == "pending"
    assert states["evidence_due"] == "pending"
    assert {"evidence_requested", "clock_paused"} <= set(outside.event_kinds(opened["number"]))
    problem(agent.act(opened["number"], "request-evidence", kinds=["selfie"], text="x"), 400)


def test_proof_ends_the_waiting_and_is_accepted(outside: Outsider, opened: Body):
    agent, customer = outside.by("agent"), outside.customer(opened["tracking_token"])
    ok(agent.act(opened["number"], "request-evidence", kinds=["payment_screenshot"], text="请补"))
    file_id = outside.upload_proof()
    shown = ok(customer.act(opened["number"], "add-evidence", evidence=[file_id]))
    assert shown["status"] == "in_progress"
    due = shown["commitment_due_at"]
    shown = ok(agent.act(opened["number"], "accept-evidence", evidence=[file_id]))
    assert shown["commitment_due_at"] == due, "acceptance moves no clock"
    kinds = outside.event_kinds(opened["number"])
    assert {"evidence_added", "evidence_accepted", "clock_resumed"} <= set(kinds)
    problem(customer.act(opened["number"], "accept-evidence", evidence=[file_id]), 403)


def test_nudge_is_the_customers(outside: Outsider, opened: Body):
    customer = outside.customer(opened["tracking_token"])
    assert ok(customer.act(opened["number"], "nudge"))["nudges"] == 1
    problem(outside.by("agent").act(opened["number"], "nudge"), 403)
    problem(customer.act(opened["number"], "nudge"), 409)


def test_escalate_by_agent_and_by_customer(outside: Outsider, opened: Body):
    shown = ok(outside.by("agent").act(opened["number"], "escalate", reason="超出权限"))
    assert shown["level"] == "supervisor"
    problem(outside.by("agent").act(opened["number"], "escalate", reason="再次"), 409)
    other = outside.new_dispute()
    customer = outside.customer(other["tracking_token"])
    assert ok(customer.act(other["number"], "escalate", reason="没人理"))["level"] == "supervisor"


def test_redeliver(outside: Outsider):
    opened = outside.new_dispute(supplier="sandbox", status="failed")
    shown = ok(outside.by("agent").act(opened["number"], "redeliver", reason="上一次明确失败"))
    assert shown["status"] == "remedy_pending"
    outside.wait_for(
        "the top-up arrived",
        lambda: "top_up_delivered" in outside.event_kinds(opened["number"]),
        60,
    )
    unsure = outside.new_dispute(supplier="sandbox", status="recharging")
    problem(outside.by("agent").act(unsure["number"], "redeliver", reason="再试"), 409)


def sandbox(outside: Outsider, fen: int) -> str:
    """A dispute about a payment that the simulator knows."""
    return outside.file_dispute(outside.place_order(price_fen=fen))


def test_refund_and_the_customers_last_word(outside: Outsider):
    number = sandbox(outside, 9980)
    answer = outside.by("agent").act(number, "refund", amount_fen=9981, reason="x")
    assert answer.status_code in (400, 409)
    problem(answer, answer.status_code, field="amount_fen")
    shown = ok(outside.by("agent").act(number, "refund", reason="查无充值", text="已为您退款"))
    assert shown["status"] == "remedy_pending"
    outside.wait_for("resolved", lambda: outside.ticket(number)["status"] == "resolved", 60)
    shown = outside.ticket(number)
    assert shown["outcome"] == "refunded"
    assert len(outside.effects(shown["refunds"][0]["refund_no"])) == 1
    problem(outside.by("agent").act(number, "refund", reason="再退一次"), 409)


def test_a_refund_above_the_limit_takes_two(outside: Outsider):
    number = sandbox(outside, 60_000)
    asker, decider = outside.by("supervisor"), outside.by("supervisor", second=True)
    shown = ok(asker.act(number, "refund", reason="金额较大"))
    assert shown["status"] != "remedy_pending"
    assert shown["refunds"][0]["state"] == "planned"
    problem(asker.act(number, "approve", decision="yes", reason="自批"), 403)
    problem(outside.by("agent").act(number, "approve", decision="yes", reason="自批"), 403)
    problem(decider.act(number, "approve", decision="maybe", reason="x"), 400, field="decision")
    shown = ok(decider.act(number, "approve", decision="yes", reason="已核对"))
    assert shown["status"] == "remedy_pending"
    assert "approved" in outside.event_kinds(number)
    problem(decider.act(number, "approve", decision="yes", reason="再批"), 409)


def test_correct_account_only_while_unsent(outside: Outsider):
    opened = outside.new_dispute(status="paid")
    customer = outside.customer(opened["tracking_token"])
    body = {"target_account": "game-right-account"}
    problem(customer.act(opened["number"], "correct-account", **body), 400, field="account_last4")
    wrong = customer.act(opened["number"], "correct-account", account_last4="zzzz", **body)
    problem(wrong, 403, field="account_last4")
    ok(customer.act(
        opened["number"], "correct-account", account_last4=opened["last4"], **body
    ))  # fmt: skip
    stored = ok(outside.by("shop").get(f"/orders/{opened['order_no']}"))
    assert stored["target_account"] == "game-right-account"
    sent = outside.new_dispute(status="recharging")
    problem(outside.by("agent").act(sent["number"], "correct-account", **body), 409)


def test_resolve_needs_a_second_person_while_money_is_owed(outside: Outsider, opened: Body):
    agent, supervisor = outside.by("agent"), outside.by("supervisor")
    answer = agent.act(opened["number"], "resolve", outcome="delivered", text="已到账")
    problem(answer, 409)
    ok(agent.act(opened["number"], "resolve", outcome="compensated", text="已赠送等值话费。"))
    assert outside.ticket(opened["number"])["status"] != "resolved"
    shown = ok(supervisor.act(opened["number"], "approve", decision="yes", reason="属实"))
    assert (shown["status"], shown["outcome"]) == ("resolved", "compensated")
    assert {"compensated", "resolved", "approved"} <= set(outside.event_kinds(opened["number"]))
    problem(agent.act(opened["number"], "resolve", outcome="corrected", text="再来"), 409)


def test_refuse_asks_for_approval(outside: Outsider, opened: Body):
    agent, supervisor = outside.by("agent"), outside.by("supervisor")
    ok(agent.act(opened["number"], "refuse", reason="核实已到账", text="查询显示已到账。"))
    assert outside.ticket(opened["number"])["status"] != "resolved"
    ok(supervisor.act(opened["number"], "approve", decision="no", reason="证据不足"))
    ok(agent.act(opened["number"], "refuse", reason="补充核实", text="运营商记录显示已到账。"))
    shown = ok(supervisor.act(opened["number"], "approve", decision="yes", reason="属实"))
    assert (shown["status"], shown["outcome"]) == ("resolved", "refused")
    assert "refused" in outside.event_kinds(opened["number"])


def resolved(outside: Outsider) -> Body:
    opened = outside.new_dispute()
    ok(outside.by("agent").act(opened["number"], "refuse", reason="x", text="已到账。"))
    ok(outside.by("supervisor").act(opened["number"], "approve", decision="yes", reason="属实"))
    return opened


def test_reopen_once_by_the_customer_again_by_a_supervisor(outside: Outsider):
    opened = resolved(outside)
    number, customer = opened["number"], outside.customer(opened["tracking_token"])
    problem(outside.by("agent").act(number, "reopen", reason="我想再看"), 403)
    shown = ok(customer.act(number, "reopen", reason="仍未到账"))
    assert (shown["status"], shown["cycle"], shown["level"]) == ("in_progress", 2, "agent")
    assert {d["cycle"] for d in shown["deadlines"]} == {1, 2}, "deadlines of every cycle"
    problem(customer.act(number, "reopen", reason="再来"), 409)
    ok(outside.by("agent").act(number, "refuse", reason="x", text="已到账。"))
    ok(outside.by("supervisor").act(number, "approve", decision="yes", reason="属实"))
    problem(customer.act(number, "reopen", reason="第二次"), 409)
    assert ok(outside.by("supervisor").act(number, "reopen", reason="复核"))["cycle"] == 3
    assert outside.event_kinds(number).count("reopened") == 2


def test_withdraw_asks_for_the_last_four(outside: Outsider, opened: Body):
    customer = outside.customer(opened["tracking_token"])
    problem(customer.act(opened["number"], "withdraw", reason="x"), 400, field="account_last4")
    wrong = customer.act(opened["number"], "withdraw", reason="x", account_last4="zzzz")
    problem(wrong, 403, field="account_last4")
    said = {"reason": "已到账", "account_last4": opened["last4"]}
    problem(outside.by("agent").act(opened["number"], "withdraw", **said), 403)
    shown = ok(customer.act(opened["number"], "withdraw", **said))
    assert (shown["status"], shown["outcome"]) == ("withdrawn", "withdrawn")
    problem(customer.act(opened["number"], "withdraw", **said), 409)


def test_no_withdrawal_while_a_refund_is_live(outside: Outsider):
    opened = outside.new_dispute(payments=outside.order_body()["payments"], price_fen=4985)
    ok(outside.by("agent").act(opened["number"], "refund", reason="未到账"))
    customer = outside.customer(opened["tracking_token"])
    said = {"reason": "算了", "account_last4": opened["last4"]}
    problem(customer.act(opened["number"], "withdraw", **said), 409)


def test_merge_keeps_the_earliest_clock(outside: Outsider):
    unpaid = outside.new_dispute(status="awaiting_payment", payments=[])
    paid = outside.new_dispute(proof=True)
    agent, number = outside.by("agent"), unpaid["number"]
    problem(agent.act(number, "merge", into=number), 409, field="into")
    problem(agent.act(number, "merge", into="D0"), 409, field="into")
    problem(agent.act(paid["number"], "merge", into=number), 409, field="into")
    customer = outside.customer(unpaid["tracking_token"])
    problem(customer.act(number, "merge", into=paid["number"]), 403)

    shown = ok(agent.act(number, "merge", into=paid["number"]))

    assert (shown["status"], shown["outcome"]) == ("resolved", "duplicate")
    kept = clocks_of(outside.ticket(paid["number"]))
    for kind, due_at in clocks_of(unpaid).items():
        assert kept[kind] <= due_at, kind
    for each in (number, paid["number"]):
        assert "merged" in outside.event_kinds(each)


def clocks_of(shown: Body) -> dict[str, str]:
    return {d["kind"]: d["due_at"] for d in shown["deadlines"]}


def test_rate(outside: Outsider):
    opened = resolved(outside)
    customer = outside.customer(opened["tracking_token"])
    for score in (0, 6, "five", 1.5):
        problem(customer.act(opened["number"], "rate", score=score), 400, field="score")
    assert ok(customer.act(opened["number"], "rate", score=4, text="还行"))["score"] == 4
    assert "rated" in outside.event_kinds(opened["number"])
    problem(outside.by("agent").act(opened["number"], "rate", score=5), 403)


STAFF_ONLY: dict[str, dict[str, Any]] = {
    "assign": {"assignee": "agent"},
    "request-evidence": {"kinds": ["other"], "text": "x"},
    "accept-evidence": {"evidence": ["00000000-0000-4000-8000-000000000000"]},
    "redeliver": {"reason": "x"},
    "refund": {"reason": "x"},
    "resolve": {"outcome": "refunded", "text": "x"},
    "refuse": {"reason": "x", "text": "x"},
    "approve": {"decision": "yes", "reason": "x"},
}


@pytest.mark.parametrize("verb", STAFF_ONLY)
def test_what_a_customer_may_not(outside: Outsider, opened: Body, verb: str):
    customer = outside.customer(opened["tracking_token"])
    problem(customer.act(opened["number"], verb, **STAFF_ONLY[verb]), 403)


@pytest.mark.parametrize("verb", [*STAFF_ONLY, "reply", "escalate", "reopen", "rate"])
def test_an_empty_or_misspelt_body_names_the_field(outside: Outsider, opened: Body, verb: str):
    caller = outside.by("supervisor")
    assert problem(caller.act(opened["number"], verb), 400)["field"]
    answer = caller.act(opened["number"], verb, **STAFF_ONLY.get(verb, {}), nosuch=1)
    problem(answer, 400, field="nosuch")


def test_a_link_opens_its_own_dispute_alone(outside: Outsider, opened: Body):
    other = outside.new_dispute()
    customer = outside.customer(opened["tracking_token"])
    assert ok(customer.get(f"/tickets/{opened['number']}"))["number"] == opened["number"]
    ok(customer.get(f"/tickets/{opened['number']}/events"))
    problem(customer.get(f"/tickets/{other['number']}"), 404)
    problem(customer.act(other["number"], "nudge"), 404)
    problem(customer.get("/tickets"), 401)
    problem(outside.customer("no-token").get(f"/tickets/{opened['number']}"), 401)


def test_unknown_disputes_and_verbs(outside: Outsider, opened: Body):
    problem(outside.by("agent").get("/tickets/D0"), 404)
    problem(outside.by("agent").act("D0", "nudge"), 404)
    assert "refund" in problem(outside.by("agent").act(opened["number"], "explode"), 404)["detail"]
