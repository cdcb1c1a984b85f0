"""Who is not the desk moves nothing: forged, stale and replayed requests."""

import json
import time
from typing import Any

import httpx
import pytest

from simulator.signing import sign_params, sign_parts

BODY = {"refund_no": "RF1", "trade_no": "T1", "amount_fen": 500, "total_fen": 500, "reason": ""}


def send(simulator: Any, content: bytes, *, at: int | str, secret: str = "") -> httpx.Response:
    key = secret or simulator.secrets["sandbox_secret"]
    headers = {
        "X-Sandbox-Timestamp": str(at),
        "X-Sandbox-Nonce": "n1",
        "X-Sandbox-Signature": sign_parts(key, str(at), "n1", "POST", "/sandbox/refund", content),
    }
    url = f"{simulator.url}/sandbox/refund"
    return httpx.post(url, content=content, headers=headers, trust_env=False)


@pytest.fixture(autouse=True)
def _a_payment(simulator):
    simulator.trade("T1", 500)


def test_a_good_one_is_answered_with_a_signature_of_its_own(simulator):
    response = send(simulator, json.dumps(BODY).encode(), at=int(time.time()))
    assert response.json()["status"] == "SUCCEEDED"
    expected = sign_parts(
        simulator.secrets["sandbox_secret"],
        response.headers["X-Sandbox-Timestamp"],
        "n1",
        "200",
        response.content,
    )
    assert response.headers["X-Sandbox-Signature"] == expected


@pytest.mark.parametrize(("shift", "secret"), [(-310, ""), (310, ""), (0, "guessed"), ("soon", "")])
def test_stale_or_forged(simulator, shift, secret):
    at = shift if isinstance(shift, str) else int(time.time()) + shift
    simulator.fault("sandbox.refund", "reject:A")
    response = send(simulator, json.dumps(BODY).encode(), at=at, secret=secret)
    assert (response.status_code, response.json()["code"]) == (401, "SIGN_ERROR")
    assert simulator.effects() == []
    assert len(simulator.control.get("faults")["faults"]) == 1, "a forger uses up no fault"


def test_another_body_under_a_good_signature(simulator):
    at, good = str(int(time.time())), json.dumps(BODY).encode()
    key = simulator.secrets["sandbox_secret"]
    headers = {
        "X-Sandbox-Timestamp": at,
        "X-Sandbox-Nonce": "n1",
        "X-Sandbox-Signature": sign_parts(key, at, "n1", "POST", "/sandbox/refund", good),
    }
    changed = good.replace(b"RF1", b"RF2")
    url = f"{simulator.url}/sandbox/refund"
    assert httpx.post(url, content=changed, headers=headers, trust_env=False).status_code == 401


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b'{"refund_no": 7}',
        b'{"refund_no": "R", "trade_no": "T1", "amount_fen": 1.5}',
        b'{"refund_no": "R", "trade_no": "T1", "amount_fen": 99999999999999999999}',
        b'{"refund_no": "\\ud800", "trade_no": "T1", "amount_fen": 1}',
    ],
)
def test_a_signed_request_that_makes_no_sense(simulator, content):
    response = send(simulator, content, at=int(time.time()))
    assert (response.status_code, response.json()["code"]) == (400, "PARAM_ERROR")
    assert simulator.effects() == []


@pytest.mark.parametrize(
    "change",
    [{"sign": "X"}, {"timestamp": 1}, {"app_id": "other"}, {"number": {"nested": 1}}],
)
def test_the_supplier_takes_no_forged_order_either(simulator, change):
    order = {"app_id": "helpdesk", "number": "TU1", "product": "P", "amount_fen": 100}
    params: dict[str, Any] = {**order, "timestamp": int(time.time()), "nonce": "n", **change}
    params.setdefault("sign", sign_params(simulator.secrets["supplier_secret"], params))
    response = httpx.post(f"{simulator.url}/supplier/submit", json=params, trust_env=False)
    assert response.status_code in (400, 401)
    assert "status" not in response.json()
