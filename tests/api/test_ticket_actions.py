"""Each verb: who may, what it takes, what it does to the dispute, and its refusals."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from orders.models import DeliveryRecord, Order, Refund, TopUp
from tests.api.conftest import (
    LAST4,
    act,
    kinds,
    later,
    make_person,
    open_dispute,
    problem,
    send_file,
    show,
)
from tests.tickets.pages import NOON, make_order
from tickets.models import Breach, Evidence, Ticket
from tickets.sweep import sweep
from tickets.throttle import GUESSES_PER_CASE, VERBS_PER_CASE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now_is")]

Body = dict[str, Any]
Clock = Callable[[datetime], None]


def ok(answer: Any) -> Body:
    assert answer.status_code == 200, answer.content
    shown: Body = answer.json()
    return shown


def clock_of(shown: Body, kind: str) -> Body:
    return [d for d in shown["deadlines"] if d["kind"] == kind][-1]


def test_nobody_proves_a_delivery_by_his_own_word(agent: APIClient, opened: Body):
    """A voucher that an agent types is no proof: it would stop the customer's clock."""
    said = {"arrived": True, "source": "operator", "voucher_no": "V1", "at": NOON.isoformat()}
    answer = agent.post(
        f"/api/v1/orders/{Ticket.objects.get().order.order_no}/delivery-records", said
    )
    assert problem(answer, 403)["code"] == "missing_permission"
    answer = act(agent, opened, "resolve", outcome="delivered", text="已到账")
    assert problem(answer, 409)["code"] == "delivery_not_proven"
    assert not DeliveryRecord.objects.exists()


# merge


def test_a_dispute_about_an_unpaid_order_is_merged_into_the_right_one(
    shop: APIClient, agent: APIClient, opened: Body
):
    other = make_order("LT202611241130002", status="awaiting_payment")
    other.payments.all().delete()
    wrong = open_dispute(shop, other)
    shown = ok(act(agent, wrong, "merge", into=opened["number"]))
    assert (shown["status"], shown["outcome"]) == ("resolved", "duplicate")
    assert "merged" in kinds(agent, wrong)
    assert "merged" in kinds(agent, opened)
    assert show(agent, opened)["commitment_due_at"] == opened["commitment_due_at"]


def test_a_merge_says_why_not(shop: APIClient, agent: APIClient, customer: Any, opened: Body):
    second = open_dispute(shop, make_order("LT202611241130002"))
    error = problem(act(agent, second, "merge", into=opened["number"]), 409)
    assert (error["code"], error["field"]) == ("money_owed", "into")
    assert "LT202611241130002" in error["detail"]
    assert problem(act(agent, second, "merge", into="D1"), 409)["code"] == "no_such_dispute"
    assert problem(act(agent, second, "merge"), 400)["code"] == "required"
    assert problem(act(customer, opened, "merge", into=second["number"]), 403)


# assign, reply


def test_an_agent_takes_a_dispute_over(agent: APIClient, opened: Body):
    shown = ok(act(agent, opened, "assign", assignee="chen.jing"))
    assert (shown["status"], shown["assignee"]) == ("in_progress", "chen.jing")


def test_an_owner_is_somebody_who_works_disputes(agent: APIClient, opened: Body):
    assert problem(act(agent, opened, "assign", assignee="shop"), 403)["code"] == "not_allowed"
    error = problem(act(agent, opened, "assign", assignee="nobody"), 400)
    assert (error["field"], error["code"]) == ("assignee", "no_such_person")


def test_the_first_reply_of_a_person_meets_its_clock(agent: APIClient, opened: Body, now_is: Clock):
    now_is(later(minutes=5))
    shown = ok(act(agent, opened, "reply", text="您好，正在核实。"))
    first_reply = clock_of(shown, "first_reply")
    assert (first_reply["state"], first_reply["late_by_s"]) == ("met", 0.0)
    assert first_reply["met_at"] == "2026-11-24T04:05:00.000000+00:00"
    assert shown["assignee"] == "chen.jing"


def test_a_reply_after_its_time_is_late_whether_or_not_a_sweep_looked(
    agent: APIClient, opened: Body, now_is: Clock
):
    now_is(later(minutes=30, milliseconds=1))
    shown = ok(act(agent, opened, "reply", text="抱歉。"))
    assert clock_of(shown, "first_reply")["late_by_s"] == 0.001
    assert [breach["kind"] for breach in shown["breaches"]] == ["first_reply"]


def test_a_text_is_needed_and_has_a_limit(agent: APIClient, opened: Body):
    assert problem(act(agent, opened, "reply"), 400)["code"] == "required"
    assert problem(act(agent, opened, "reply", text="很" * 2001), 400)["code"] == "max_length"
    error = problem(act(agent, opened, "reply", text="好", to="all"), 400)
    assert (error["field"], error["code"]) == ("to", "unknown_field")


# request-evidence, add-evidence, accept-evidence


def test_asking_for_proof_pauses_our_clocks_and_never_the_customers(
    agent: APIClient, customer: APIClient, opened: Body, now_is: Clock
):
    shown = ok(
        act(agent, opened, "request-evidence", kinds=["account_screenshot"], text="请补充截图。")
    )
    assert shown["status"] == "waiting_customer"
    assert clock_of(shown, "agent_resolution")["state"] == "paused"
    assert clock_of(shown, "commitment")["state"] == "pending"
    now_is(later(hours=3))
    file = send_file(customer, "account_screenshot").json()["id"]
    shown = ok(act(customer, opened, "add-evidence", evidence=[file]))
    assert shown["status"] == "in_progress"
    agent_clock = clock_of(shown, "agent_resolution")
    assert agent_clock["state"] == "pending"
    assert agent_clock["due_at"] == "2026-11-24T09:00:00.000000+00:00"
    assert clock_of(shown, "commitment")["due_at"] == opened["commitment_due_at"]
    assert {"clock_paused", "clock_resumed", "evidence_added"} <= set(kinds(agent, opened))


def test_kinds_of_proof_are_those_there_are(agent: APIClient, opened: Body):
    answer = act(agent, opened, "request-evidence", kinds=["selfie"], text="请拍照。")
    assert problem(answer, 400)["code"] == "invalid_choice"
    answer = act(agent, opened, "request-evidence", kinds=[], text="请拍照。")
    assert problem(answer, 400)["field"] == "kinds"


def test_proof_completes_a_dispute_filed_without_any(
    shop: APIClient, agent: APIClient, order: Order, now_is: Clock
):
    opened = open_dispute(shop, order, proof=False)
    now_is(later(hours=1))
    file = send_file(agent).json()["id"]
    shown = ok(act(agent, opened, "add-evidence", evidence=[file]))
    assert shown["commitment_due_at"] == "2026-11-25T05:00:00.000000+00:00"


def test_a_file_of_another_dispute_stays_there(shop: APIClient, agent: APIClient, opened: Body):
    other = open_dispute(shop, make_order("LT202611241130002", supplier=""))
    theirs = str(Evidence.objects.get(ticket__number=other["number"]).pk)
    error = problem(act(agent, opened, "add-evidence", evidence=[theirs]), 400)
    assert (error["field"], error["code"]) == ("evidence", "unknown_evidence")
    assert problem(act(agent, opened, "accept-evidence", evidence=[theirs]), 409)


def test_accepting_proof_is_said_and_moves_no_clock(agent: APIClient, opened: Body):
    before = show(agent, opened)
    file = before["evidence"][0]["id"]
    shown = ok(act(agent, opened, "accept-evidence", evidence=[file]))
    assert shown["evidence"][0]["accepted_at"] is not None
    assert shown["deadlines"] == before["deadlines"]
    assert kinds(agent, opened)[-1] == "evidence_accepted"


def test_the_tenth_file_is_one_too_many(customer: APIClient, opened: Body):
    files = [send_file(customer, "other").json()["id"] for _n in range(9)]
    error = problem(act(customer, opened, "add-evidence", evidence=files), 400)
    assert (error["code"], error["limit"]) == ("too_many_files", "9")
    assert "9" in error["detail"]


# nudge, escalate


def test_the_customer_nudges_once_per_half_hour(customer: APIClient, opened: Body, now_is: Clock):
    assert ok(act(customer, opened, "nudge"))["nudges"] == 1
    assert problem(act(customer, opened, "nudge"), 409)["code"] == "cooldown"
    now_is(later(minutes=30))
    assert ok(act(customer, opened, "nudge"))["nudges"] == 2


def test_staff_cannot_nudge_themselves(agent: APIClient, opened: Body):
    assert problem(act(agent, opened, "nudge"), 403)["code"] == "not_allowed"


def test_the_customer_goes_to_a_supervisor(customer: APIClient, opened: Body):
    shown = ok(act(customer, opened, "escalate", reason="没有人回复我。"))
    assert shown["level"] == "supervisor"
    assert clock_of(shown, "supervisor_resolution")["state"] == "pending"
    answer = act(customer, opened, "escalate", reason="再升级。")
    assert problem(answer, 409)["code"] == "highest_level"


# redeliver


def test_a_failed_order_is_delivered_again(shop: APIClient, agent: APIClient):
    order = make_order("LT202611241130003", status="failed", supplier="sandbox")
    opened = open_dispute(shop, order)
    shown = ok(act(agent, opened, "redeliver", reason="渠道恢复", text="已重新充值。"))
    assert shown["status"] == "remedy_pending"
    assert clock_of(shown, "first_reply")["state"] == "met"
    assert TopUp.objects.get().state == "planned"


def test_what_may_still_arrive_is_not_sent_again(agent: APIClient, opened: Body):
    answer = act(agent, opened, "redeliver", reason="客户催")
    assert answer.status_code == 409
    assert not TopUp.objects.exists()


# refund, approve


def test_a_refund_of_all_that_is_owed_stops_the_handling_clocks(agent: APIClient, opened: Body):
    shown = ok(act(agent, opened, "refund", reason="未到账", text="已为您退款。"))
    assert shown["status"] == "remedy_pending"
    (refund,) = shown["refunds"]
    assert (refund["state"], refund["amount_fen"]) == ("requested", 9800)
    assert clock_of(shown, "agent_resolution")["state"] == "met"
    assert clock_of(shown, "commitment")["state"] == "pending"


@pytest.mark.parametrize("amount_fen", [0, -1, 1.5, "9800", True])
def test_an_amount_is_a_whole_number_of_fen(agent: APIClient, opened: Body, amount_fen: Any):
    error = problem(act(agent, opened, "refund", reason="未到账", amount_fen=amount_fen), 400)
    assert error["field"] == "amount_fen"
    assert not Refund.objects.exists()


def test_more_than_was_paid_cannot_be_refunded(agent: APIClient, opened: Body):
    answer = act(agent, opened, "refund", reason="未到账", amount_fen=9801)
    assert problem(answer, 409)["code"] == "more_than_refundable"
    answer = act(agent, opened, "refund", reason="未到账", amount_fen=9800)
    assert answer.status_code == 200
    answer = act(agent, opened, "refund", reason="再来", amount_fen=1)
    assert answer.status_code == 409


@pytest.fixture
def expensive(shop: APIClient, now_is: Clock) -> Body:
    return open_dispute(shop, make_order("LT202611241130004", price_fen=60000, supplier=""))


def test_above_the_limit_another_person_decides(
    supervisor: APIClient, other_supervisor: APIClient, expensive: Body
):
    shown = ok(act(supervisor, expensive, "refund", reason="大额未到账"))
    assert shown["status"] == "new"
    assert [r["state"] for r in shown["refunds"]] == ["planned"]
    assert shown["approval"]["amount_fen"] == 60000
    own = act(supervisor, expensive, "approve", decision="yes", reason="同意")
    assert problem(own, 403)["code"] == "same_person"
    shown = ok(act(other_supervisor, expensive, "approve", decision="yes", reason="同意"))
    assert shown["status"] == "remedy_pending"
    assert [r["state"] for r in shown["refunds"]] == ["requested"]
    assert shown["approval"] is None


def test_a_no_frees_what_was_reserved(agent: APIClient, supervisor: APIClient, expensive: Body):
    ok(act(agent, expensive, "refund", reason="大额未到账"))
    shown = ok(act(supervisor, expensive, "approve", decision="no", reason="先核实"))
    assert [r["state"] for r in shown["refunds"]] == ["rejected"]
    again = act(supervisor, expensive, "approve", decision="yes", reason="同意")
    assert problem(again, 409)["code"] == "nothing_to_decide"


def test_an_agent_decides_nothing_that_was_asked(agent: APIClient, expensive: Body):
    ok(act(agent, expensive, "refund", reason="大额未到账"))
    answer = act(agent, expensive, "approve", decision="yes", reason="同意")
    assert problem(answer, 403)["code"] == "not_allowed"
    answer = act(agent, expensive, "approve", decision="maybe", reason="同意")
    assert problem(answer, 400)["field"] == "decision"


# resolve, refuse, reopen, rate


def test_delivered_is_said_only_of_what_is_proven(agent: APIClient, opened: Body):
    answer = act(agent, opened, "resolve", outcome="delivered", text="已到账。")
    assert problem(answer, 409)["code"] == "delivery_not_proven"
    prove_delivery(opened)
    shown = ok(act(agent, opened, "resolve", outcome="delivered", text="运营商记录显示已到账。"))
    assert (shown["status"], shown["outcome"]) == ("resolved", "delivered")
    assert clock_of(shown, "commitment")["state"] == "met"
    assert clock_of(shown, "auto_close")["state"] == "pending"


def prove_delivery(opened: Body) -> None:
    order = Ticket.objects.get(number=opened["number"]).order
    DeliveryRecord.objects.create(
        order=order, arrived=True, source="operator", at=NOON, recorded_at=NOON
    )


def test_a_claim_is_refused_by_two_people_only(
    agent: APIClient, supervisor: APIClient, opened: Body
):
    shown = ok(act(agent, opened, "refuse", reason="号码填错", text="订单号码由您确认过。"))
    assert (shown["status"], shown["approval"]["action"]) == ("new", "refuse")
    shown = ok(act(supervisor, opened, "approve", decision="yes", reason="核实无误"))
    assert (shown["status"], shown["outcome"]) == ("resolved", "refused")
    assert clock_of(shown, "commitment")["state"] == "cancelled"


def test_an_outcome_is_one_staff_may_give(agent: APIClient, opened: Body):
    answer = act(agent, opened, "resolve", outcome="withdrawn", text="客户撤销。")
    assert problem(answer, 400)["field"] == "outcome"


@pytest.fixture
def resolved(agent: APIClient, opened: Body) -> Body:
    prove_delivery(opened)
    return ok(act(agent, opened, "resolve", outcome="delivered", text="已到账。"))


def test_the_customer_reopens_once(
    customer: APIClient, agent: APIClient, resolved: Body, now_is: Clock
):
    now_is(later(hours=1))
    shown = ok(act(customer, resolved, "reopen", reason="还是没到。"))
    assert (shown["status"], shown["cycle"]) == ("in_progress", 2)
    assert {d["cycle"] for d in shown["deadlines"]} == {1, 2}
    ok(act(agent, resolved, "resolve", outcome="delivered", text="已再次核实。"))
    answer = act(customer, resolved, "reopen", reason="又没到。")
    assert problem(answer, 409)["code"] == "unable_to_reopen"


def test_an_agent_does_not_reopen(agent: APIClient, resolved: Body):
    assert problem(act(agent, resolved, "reopen", reason="补录"), 403)["code"] == "not_allowed"


def test_an_opinion_comes_after_the_end(customer: APIClient, resolved: Body):
    shown = ok(act(customer, resolved, "rate", score=4, text="处理很快。"))
    assert shown["score"] == 4
    assert problem(act(customer, resolved, "rate", score=6), 400)["limit"] == 5


def test_an_opinion_before_the_end_is_too_early(customer: APIClient, opened: Body):
    assert problem(act(customer, opened, "rate", score=5), 409)["code"] == "state_forbids"


# withdraw


def test_the_customer_withdraws_with_the_four_characters(customer: APIClient, opened: Body):
    answer = act(customer, opened, "withdraw", reason="已经到账了。")
    assert problem(answer, 400)["field"] == "account_last4"
    answer = act(customer, opened, "withdraw", reason="已经到账了。", account_last4="0000")
    error = problem(answer, 403)
    assert (error["field"], error["code"]) == ("account_last4", "wrong_last4")
    shown = ok(act(customer, opened, "withdraw", reason="已经到账了。", account_last4=LAST4))
    assert (shown["status"], shown["outcome"]) == ("withdrawn", "withdrawn")
    assert clock_of(shown, "commitment")["state"] == "cancelled"


def test_a_found_link_cannot_guess_its_way_to_a_withdrawal(customer: APIClient, opened: Body):
    for _guess in range(GUESSES_PER_CASE.times):
        act(customer, opened, "withdraw", reason="不要了", account_last4="0000")
    answer = act(customer, opened, "withdraw", reason="不要了", account_last4=LAST4)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0


def test_money_on_its_way_is_not_called_off(agent: APIClient, customer: APIClient, opened: Body):
    ok(act(agent, opened, "refund", reason="未到账"))
    answer = act(customer, opened, "withdraw", reason="不用了", account_last4=LAST4)
    assert problem(answer, 409)["code"] == "refund_under_way"


# Every verb


STAFF_ONLY = {
    "assign": {"assignee": "chen.jing"},
    "request-evidence": {"kinds": ["other"], "text": "请补充。"},
    "accept-evidence": {"evidence": ["0b6e1a2c-8f55-5d3e-9a41-2f7f0a4c6d18"]},
    "redeliver": {"reason": "补充"},
    "refund": {"reason": "退款"},
    "resolve": {"outcome": "delivered", "text": "已到账。"},
    "refuse": {"reason": "无", "text": "无"},
    "approve": {"decision": "yes", "reason": "同意"},
}


@pytest.mark.parametrize("verb", STAFF_ONLY)
def test_what_staff_decide_no_customer_does(
    agent: APIClient, customer: APIClient, opened: Body, verb: str
):
    before = kinds(customer, opened)
    assert act(customer, opened, verb, **STAFF_ONLY[verb]).status_code == 403
    assert kinds(customer, opened) == before


def test_the_shops_own_key_works_no_disputes(shop: APIClient, opened: Body):
    assert problem(act(shop, opened, "reply", text="你好"), 403)["code"] == "permission_denied"


def test_nothing_more_is_done_to_what_is_over(agent: APIClient, resolved: Body):
    assert problem(act(agent, resolved, "assign", assignee="chen.jing"), 409)["code"] == "not_open"


@pytest.mark.parametrize("verb", ["unlink-outage", "close", "Assign"])
def test_a_verb_there_is_not_names_those_there_are(agent: APIClient, opened: Body, verb: str):
    error = problem(act(agent, opened, verb), 404)
    assert error["code"] == "no_such_verb"
    assert "request-evidence" in error["detail"]


def test_verbs_are_posted_and_looked_up_by_number(agent: APIClient, opened: Body):
    answer = agent.get(f"/api/v1/tickets/{opened['number']}/actions/reply")
    assert problem(answer, 405)["code"] == "method_not_allowed"
    lost = opened | {"number": "D261124XXXXXX"}
    assert problem(act(agent, lost, "reply", text="你好"), 404)["code"] == "no_such_ticket"


def test_one_customer_cannot_hammer_a_dispute(customer: APIClient, opened: Body):
    for _n in range(VERBS_PER_CASE.times):
        act(customer, opened, "nudge")
    assert act(customer, opened, "reply", text="在吗").status_code == 429


def test_refusals_speak_the_callers_language(agent: APIClient, opened: Body):
    agent.credentials(**agent._credentials | {"HTTP_ACCEPT_LANGUAGE": "zh-hans"})
    answer = act(agent, opened, "resolve", outcome="refunded", text="已退款。")
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["detail"]


# Breaches


def test_a_missed_deadline_is_reviewed_by_somebody_else(
    agent: APIClient,
    supervisor: APIClient,
    other_supervisor: APIClient,
    opened: Body,
    now_is: Clock,
):
    ok(act(supervisor, opened, "assign", assignee="zhao.min"))
    sweep(now=later(minutes=31))
    now_is(later(minutes=40))
    (breach,) = agent.get("/api/v1/breaches", {"reviewed": "false"}).json()["results"]
    assert (breach["ticket"], breach["kind"], breach["late_by_s"]) == (
        opened["number"], "first_reply", 60.0,
    )  # fmt: skip
    path = f"/api/v1/breaches/{breach['id']}/review"
    words = {
        "cause_code": "overload",
        "responsible_party": "us",
        "corrective_action": "午间加一名值班。",
    }
    assert problem(agent.post(path, words), 403)["code"] == "not_allowed"
    assert problem(supervisor.post(path, words), 403)["code"] == "handler"
    reviewed = ok(other_supervisor.post(path, words))
    assert (reviewed["reviewed_by"], reviewed["cause_code"]) == ("sun.lei", "overload")
    assert problem(other_supervisor.post(path, words), 409)["code"] == "unable_to_review"
    assert agent.get("/api/v1/breaches", {"reviewed": "false"}).json()["results"] == []


def test_a_review_says_who_why_and_what_changes(supervisor: APIClient):
    path = "/api/v1/breaches/1/review"
    error = problem(supervisor.post(path, {"cause_code": "bad luck"}), 400)
    assert error["field"] == "cause_code"
    words = {"cause_code": "other", "responsible_party": "us", "corrective_action": "改进"}
    assert problem(supervisor.post(path, words), 404)["code"] == "no_such_breach"
    far = "/api/v1/breaches/99999999999999999999999/review"
    assert supervisor.post(far, words).status_code == 404


def test_drills_are_not_counted_among_breaches(agent: APIClient, opened: Body):
    sweep(now=later(minutes=31))
    Ticket.objects.update(is_drill=True)
    assert agent.get("/api/v1/breaches").json()["results"] == []
    assert len(agent.get("/api/v1/breaches", {"drill": "true"}).json()["results"]) == 1
    assert Breach.objects.count() == 1


def test_an_owner_who_is_gone_is_still_named_by_nobody(agent: APIClient, opened: Body):
    gone = make_person("ma.li", "agent")
    gone.is_active = False
    gone.save()
    assert problem(act(agent, opened, "assign", assignee="ma.li"), 403)
