"""The control desk of the simulator: payments, faults, the book, and who may use it."""

import re
from typing import Any

import httpx
import pytest

from simulator.control import Control
from simulator.messages import Request
from simulator.sandbox import SandboxGateway
from simulator.store import Store


def post(simulator: Any, path: str, body: Any, **more: Any) -> httpx.Response:
    return httpx.post(f"{simulator.url}/control/{path}", json=body, trust_env=False, **more)


def test_one_payment_and_many(simulator):
    one = {"channel": "alipay", "trade_no": "T1", "amount_fen": 1, "paid_at": ""}
    assert post(simulator, "trades", one).json() == {"created": 1, "known": 0}
    more = [{**one, "trade_no": f"T{n}"} for n in (1, 2, 3)]
    assert post(simulator, "trades", {"trades": more}).json() == {"created": 2, "known": 1}
    assert len(simulator.control.get("trades")["trades"]) == 3


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"channel": "paypal"}, 400, "channel"),
        ({"trade_no": ""}, 400, "trade_no"),
        ({"trade_no": "T" * 65}, 400, "trade_no"),
        ({"amount_fen": 0}, 400, "amount_fen"),
        ({"amount_fen": 12.5}, 400, "amount_fen"),
        ({"amount_fen": True}, 400, "amount_fen"),
        ({"paid_at": "2026-11-24T10:00:00"}, 400, "paid_at"),
        ({"paid_at": "yesterday"}, 400, "paid_at"),
        ({"amount_fen": 501}, 409, "amount_fen"),
    ],
)
def test_a_broken_payment_is_refused_and_its_whole_batch_with_it(simulator, change, status, field):
    good = {"channel": "sandbox", "trade_no": "T1", "amount_fen": 500, "paid_at": ""}
    post(simulator, "trades", good)
    batch = [{**good, "trade_no": "T2"}, {**good, **change}]
    response = post(simulator, "trades", {"trades": batch})
    assert (response.status_code, response.json()["field"]) == (status, field)
    assert [trade["trade_no"] for trade in simulator.control.get("trades")["trades"]] == ["T1"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"target": "sandbox.nothing", "mode": "slow"}, "target"),
        ({"target": "sandbox.refund", "mode": "explode"}, "mode"),
        ({"target": "sandbox.refund", "mode": "reject"}, "mode"),
        ({"target": "sandbox.refund", "mode": "slow:X"}, "mode"),
        ({"target": "sandbox.refund", "mode": "duplicate_notify"}, "mode"),
        ({"target": "supplier.query", "mode": "late_notify"}, "mode"),
        ({"target": "sandbox.refund", "mode": "slow", "times": 0}, "times"),
        ({"target": "sandbox.refund", "mode": "slow", "times": "2"}, "times"),
        ({"target": "sandbox.refund", "mode": "slow", "seconds": -1}, "seconds"),
        ({"target": ["sandbox.refund"], "mode": "slow"}, "target"),
    ],
)
def test_a_broken_fault_is_refused(simulator, body, field):
    response = post(simulator, "faults", body)
    assert (response.status_code, response.json()["field"]) == (400, field)
    assert simulator.control.get("faults") == {"faults": []}


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"null", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(simulator, body):
    response = httpx.post(f"{simulator.url}/control/faults", content=body, trust_env=False)
    assert response.status_code == 400


def test_the_address_may_be_joined_either_way(simulator):
    for path in ("/control/ledger", "/control/control/ledger", "/control/ledger/"):
        response = httpx.get(simulator.url + path, trust_env=False)
        assert response.json() == {"calls": [], "effects": []}
    assert httpx.get(f"{simulator.url}/control/x", trust_env=False).status_code == 404
    assert httpx.get(f"{simulator.url}/x", trust_env=False).status_code == 404


def test_a_page_in_a_browser_cannot_reach_it_under_another_name(simulator):
    response = post(simulator, "reset", {}, headers={"Host": "evil.example"})
    assert response.status_code == 403


def test_nobody_from_another_machine_reaches_it(tmp_path):
    store = Store(tmp_path / "simulator.db")
    control = Control(store, [SandboxGateway("secret")])
    headers = {"host": "127.0.0.1:80"}
    request = Request("GET", "/control/ledger", {}, headers, b"", "192.0.2.7")
    assert control.handle(request).status == 403
    store.close()


def test_the_book_has_what_the_contract_says(simulator):
    from orders.channels import sandbox
    from orders.channels.base import TradeRef

    simulator.trade("T1", 500)
    trade = TradeRef(channel_trade_no="T1")
    sandbox.request(refund_no="RF1", trade=trade, amount_fen=200, total_fen=500, reason="")
    book = simulator.ledger()
    (call,), (effect,) = book["calls"], book["effects"]
    assert set(call) == {"seq", "at", "target", "number", "amount_fen", "outcome"}
    assert set(effect) == {"seq", "at", "target", "number", "amount_fen", "trade_no"}
    assert (call["number"], call["amount_fen"], call["outcome"]) == ("RF1", 200, "succeeded")
    assert (effect["target"], effect["trade_no"]) == ("sandbox.refund", "T1")
    assert re.fullmatch(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", effect["at"])
    assert call["seq"] < effect["seq"]
    assert simulator.control.get("ledger", since=call["seq"])["calls"] == []


def test_a_reset_forgets_what_was_done_and_keeps_what_was_made_known(simulator):
    simulator.trade("T1", 500)
    simulator.orders([{"number": "TU-OLD", "state": "pending", "amount_fen": 300}])
    simulator.fault("sandbox.refund", "slow", times=None)
    simulator.control.post("reset")
    assert simulator.control.get("faults") == {"faults": []}
    (trade,) = simulator.control.get("trades")["trades"]
    assert (trade["trade_no"], trade["refunded_fen"]) == ("T1", 0)
    again = {"number": "TU-OLD", "state": "pending", "amount_fen": 300}
    assert simulator.control.post("orders", again) == {"created": 0, "known": 1}
