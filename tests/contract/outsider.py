"""Somebody who has read the contract and nothing else, before a running desk."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.processes.shop import Shop

Body = dict[str, Any]

#: The demo's policy, as the contract writes it; no clock falls due while the tests run.
DEMO_POLICY: Body = {
    "code": "default",
    "clocks": {
        "first_reply": {"within": "PT30M", "clock": "staffed"},
        "agent_resolution": {"within": "PT2H", "clock": "staffed"},
        "supervisor_resolution": {"within": "PT3H", "clock": "staffed"},
        "commitment_warning": {"within": "PT20H", "clock": "wall"},
        "commitment": {"within": "PT24H", "clock": "wall"},
        "referral": {"within": "PT48H", "clock": "wall"},
    },
    "enforce_lead": "PT1H",
    "referral_grace": "PT1H",
    "facts_max_age": "PT24H",
    "auto_refund_limit_fen": 50000,
    "auto_refunds_per_party_30d": 3,
    "auto_refund_budget_fen": {"hour": None, "day": None},
    "rehearsal": False,
}


class Caller:
    """One pair of credentials, and answers as they come."""

    def __init__(self, http: httpx.Client, authorization: str) -> None:
        self.http, self.authorization = http, authorization

    def __call__(self, method: str, path: str, **how: Any) -> httpx.Response:
        headers = {"Authorization": self.authorization, "Accept-Language": "en"}
        headers |= how.pop("headers", {})
        path = path if path.startswith("/api/") else f"/api/v1{path}"
        return self.http.request(method, path, headers=headers, **how)

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self("GET", path, params=query)

    def post(self, path: str, body: Any = None, **how: Any) -> httpx.Response:
        return self("POST", path, json={} if body is None else body, **how)

    def put(self, path: str, body: Any) -> httpx.Response:
        return self("PUT", path, json=body)

    def act(self, number: str, verb: str, **body: Any) -> httpx.Response:
        return self.post(f"/tickets/{number}/actions/{verb}", body)


class Outsider(Shop):
    """The shop of the process tests, and everybody else who holds a key or a link."""

    def by(self, role: str, *, second: bool = False) -> Caller:
        if role == "shop":
            return Caller(self.http, f"Api-Key {self.demo['api_key']}")
        keys = [a["api_key"] for a in self.demo["accounts"] if a["role"] == role]
        return Caller(self.http, f"Api-Key {keys[1 if second else 0]}")

    @contextmanager
    def another(self) -> Iterator[Caller]:
        """The shop, on a connection of its own."""
        with httpx.Client(base_url=self.http.base_url, timeout=60) as http:
            yield Caller(http, f"Api-Key {self.demo['api_key']}")

    def customer(self, token: str) -> Caller:
        return Caller(self.http, f"Tracking {token}")

    def order_body(self, **changes: Any) -> Body:
        """Every field that the contract names."""
        at, tail = "2026-11-24T14:30:00+08:00", uuid.uuid4().hex[:8]
        body: Body = {
            "product": {
                "code": "hf50",
                "name": "话费充值50元",
                "kind": "instant",
                "arrival_within": "PT10M",
            },
            "target_account": f"game-{tail}",
            "face_value_fen": 5000,
            "price_fen": 4985,
            "customer": {"name": "孙女士", "phone": "13900004321", "email": "sun@example.com"},
            "payments": [
                {
                    "channel": "offline",
                    "merchant_trade_no": f"M{tail}",
                    "amount_fen": 4985,
                    "paid_at": at,
                    "status": "paid",
                }
            ],
            "status": "recharging",
            "confirmed_input": True,
            "rule_version": "2026-11",
            "supplier": "",
            "reseller": False,
            "buyer_ref": f"buyer-{tail}",
            "facts_as_of": at,
        }
        return body | changes

    def new_order(self, **changes: Any) -> tuple[str, Body]:
        order_no = f"CT{uuid.uuid4().hex[:12].upper()}"
        return order_no, ok(self.by("shop").put(f"/orders/{order_no}", self.order_body(**changes)))

    def dispute_body(self, order_no: str, last4: str, **changes: Any) -> Body:
        return {
            "order_no": order_no,
            "account_last4": last4,
            "category": "non_arrival",
            "description": "付款成功，一直没有到账。",
            "contact": {"name": "孙女士", "phone": "13900004321", "email": "sun@example.com"},
            **changes,
        }

    def new_dispute(self, *, proof: bool = False, **order: Any) -> Body:
        """A dispute about an order of its own; without proof its 24 hours have not begun."""
        order_no, stored = self.new_order(**order)
        files = [self.upload_proof()] if proof else []
        asked = self.dispute_body(order_no, stored["target_account"][-4:], evidence=files)
        opened = ok(self.by("shop").post("/tickets", asked), 201)
        return opened | {"order_no": order_no, "last4": stored["target_account"][-4:]}

    def control(self, method: str, path: str, **how: Any) -> Any:
        """As the contract spells it: `POST /control/faults`."""
        url = json.loads((self.folder / "simulator.json").read_text())["url"]
        answer = httpx.request(method, url + path, timeout=20, **how)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def event_kinds(self, number: str) -> list[str]:
        return [event["kind"] for event in self.events(number)]


def ok(answer: httpx.Response, *statuses: int) -> Any:
    assert answer.status_code in (statuses or (200, 201)), f"{answer.status_code} {answer.text}"
    return answer.json()


def problem(answer: httpx.Response, status: int, *, field: str | None = None) -> Body:
    """This function will hold an error against RFC 9457 and the contract's `errors`, and return
    the first of them, or that of the field."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    for error in told["errors"]:
        assert set(error) - {"limit"} == {"field", "code", "detail"}, error
        assert error["code"]
        assert error["detail"]
    errors = [e for e in told["errors"] if field is None or e["field"] == field]
    assert errors, told
    first: Body = errors[0]
    return first
