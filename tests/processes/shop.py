"""What a shop, its customers and misfortune do to a running desk."""

import contextlib
import json
import os
import secrets
import signal
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, TypeVar

import httpx
from PIL import Image

from tests.desk import Desk

Found = TypeVar("Found")

#: The whole ladder within half a minute; the promise leaves time for a killed worker's lease.
SECONDS_POLICY: dict[str, Any] = {
    "code": "default",
    "clocks": {
        "first_reply": {"within": "PT2S", "clock": "staffed"},
        "agent_resolution": {"within": "PT4S", "clock": "staffed"},
        "supervisor_resolution": {"within": "PT4S", "clock": "staffed"},
        "commitment_warning": {"within": "PT10S", "clock": "wall"},
        "commitment": {"within": "PT20S", "clock": "wall"},
        "referral": {"within": "PT21S", "clock": "wall"},
    },
    "enforce_lead": "PT8S",
    "referral_grace": "PT1S",
    "facts_max_age": "PT24H",
    "auto_refund_limit_fen": 50000,
    "auto_refunds_per_party_30d": 3,
    "auto_refund_budget_fen": {"hour": None, "day": None},
    "rehearsal": False,
}


class Shop:
    """A shop and its customers on a running desk: what they would do, over HTTP."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.folder = desk, desk.data
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{desk.port}", timeout=20)
        self.last4 = ""

    def wait_for(self, what: str, condition: Callable[[], Found | None], within: float) -> Found:
        """A condition, never an amount of time; a restarting process may refuse meanwhile."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            with contextlib.suppress(httpx.HTTPError, OSError, ValueError):
                if found := condition():
                    return found
            time.sleep(0.1)
        output = self.desk.output.read_text(errors="replace")[-4000:]
        raise AssertionError(f"not within {within} s: {what}\n{output}")

    # The desk's API and the simulator's.

    @property
    def demo(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.folder / "demo.json").read_text())
        return loaded

    def key(self, role: str) -> str:
        if role == "shop":
            return str(self.demo["api_key"])
        return str(next(a["api_key"] for a in self.demo["accounts"] if a["role"] == role))

    def call(
        self, method: str, path: str, *, role: str = "shop", retry_for: float = 0, **kwargs: Any
    ) -> Any:
        """Writes carry an Idempotency-Key, so that a caller may repeat them while web restarts."""
        headers = {
            "Authorization": f"Api-Key {self.key(role)}",
            "Idempotency-Key": str(uuid.uuid4()),
        }

        def attempt() -> httpx.Response | None:
            answer = self.http.request(method, f"/api/v1{path}", headers=headers, **kwargs)
            return None if answer.status_code in (502, 503) else answer

        answer = attempt() if not retry_for else self.wait_for(path, attempt, retry_for)
        assert answer is not None, path
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def simulator(self, method: str, path: str, **kwargs: Any) -> Any:
        control = json.loads((self.folder / "simulator.json").read_text())["control_url"]
        answer = httpx.request(method, control + path, timeout=10, **kwargs)
        answer.raise_for_status()
        return answer.json()

    def effects(self, number: str) -> list[dict[str, Any]]:
        ledger = self.simulator("GET", "/ledger")
        return [effect for effect in ledger["effects"] if effect["number"] == number]

    # What a shop and its customer do.

    def set_policy(self, **changes: Any) -> None:
        self.call("PUT", "/policies/default", role="admin", json=SECONDS_POLICY | changes)

    def place_order(self, *, price_fen: int = 9980) -> str:
        """A paid order of a buyer of its own, which the simulator knows and nobody delivered."""
        order_no, now = f"LT{secrets.token_hex(6).upper()}", datetime.now(tz=UTC).isoformat()
        trade_no = f"SB{secrets.token_hex(8).upper()}"
        self.simulator(
            "POST",
            "/trades",
            json={
                "channel": "sandbox",
                "trade_no": trade_no,
                "amount_fen": price_fen,
                "paid_at": now,
            },
        )
        tail = f"{secrets.randbelow(10**8):08d}"
        body = {
            "product": {
                "code": "hf100",
                "name": "话费充值100元",
                "kind": "instant",
                "arrival_within": "PT1H",
            },
            "target_account": f"139{tail}",
            "face_value_fen": 10000,
            "price_fen": price_fen,
            "customer": {"name": "陈小姐", "phone": f"139{tail}", "email": f"{tail}@example.com"},
            "payments": [
                {
                    "channel": "sandbox",
                    "channel_trade_no": trade_no,
                    "amount_fen": price_fen,
                    "paid_at": now,
                    "status": "paid",
                }
            ],
            "status": "recharging",
            "confirmed_input": True,
            "reseller": False,
            "buyer_ref": f"buyer-{tail}",
            "facts_as_of": now,
        }
        stored = self.call("PUT", f"/orders/{order_no}", json=body)
        assert stored["order_no"] == order_no
        self.last4 = tail[-4:]
        return order_no

    def upload_proof(self) -> str:
        picture = BytesIO()
        Image.effect_noise((64, 96), 90).convert("RGB").save(picture, "JPEG")
        stored = self.call(
            "POST",
            "/evidence",
            files={"file": ("付款截图.jpg", picture.getvalue(), "image/jpeg")},
            data={"kind": "payment_screenshot"},
        )
        return str(stored["id"])

    def file_dispute(self, order_no: str) -> str:
        opened = self.call(
            "POST",
            "/tickets",
            json={
                "order_no": order_no,
                "account_last4": self.last4,
                "category": "non_arrival",
                "description": "付款成功但未收到到账短信，运营商查询无充值记录。",
                "contact": {"name": "陈小姐"},
                "evidence": [self.upload_proof()],
            },
        )
        return str(opened["number"])

    def ticket(self, number: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.call("GET", f"/tickets/{number}", role="supervisor")
        return answer

    def events(self, number: str) -> list[dict[str, Any]]:
        answer = self.call("GET", f"/tickets/{number}/events?limit=200", role="supervisor")
        return list(answer["results"])

    def mails_to(self, recipient: str) -> list[str]:
        folder = self.folder / "mail"
        texts = [path.read_text(errors="replace") for path in sorted(folder.glob("*.eml"))]
        return [text for text in texts if recipient in text]

    # Harm.

    def kill(self, child: str) -> None:
        """kill -9, and wait until another process stands in the dead one's place."""
        before = self.desk.children()[child]
        os.kill(before, signal.SIGKILL)
        self.wait_for(
            f"{child} restarted",
            lambda: self.desk.children().get(child, before) != before,
            60,
        )
