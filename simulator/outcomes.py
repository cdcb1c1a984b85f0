"""What the supplier will do with an order: chosen by a test, or a delivery after a second."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from simulator.messages import Refusal, read_fen, read_seconds, read_text
from simulator.store import Store

STATES = ("pending", "success", "fail", "partial")


@dataclass(frozen=True, slots=True)
class Outcome:
    state: str = "success"
    #: Seconds between the submission and this state; "pending" stays for good.
    after_s: float = 1.0
    #: Credit that arrives when the state is partial.
    delivered_fen: int = 0
    #: False: the supplier claims success and has no voucher number to show.
    voucher: bool = True
    code: str = ""
    #: False: the supplier answers a cancel with "too late" although nothing arrived yet.
    cancellable: bool = True

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def read_outcome(body: Mapping[str, Any]) -> Outcome:
    """This function will read an outcome as /control/outcomes takes it.

    :raises Refusal: naming the field and what is wrong with it.
    """
    state = read_text(body, "state")
    if state not in STATES:
        raise Refusal(
            400, "PARAM_ERROR", f"state must be one of {', '.join(STATES)}.", field="state"
        )
    for name in ("voucher", "cancellable"):
        if not isinstance(body.get(name, True), bool):
            raise Refusal(400, "PARAM_ERROR", f"{name} must be true or false.", field=name)
    partial = state == "partial"
    return Outcome(
        state=state,
        after_s=read_seconds(body, "after_s", 0.0),
        delivered_fen=read_fen(body, "delivered_fen") if partial else 0,
        voucher=body.get("voucher", True),
        code=read_text(body, "code", required=False) or ("FAILED" if state == "fail" else ""),
        cancellable=body.get("cancellable", True),
    )


def set_outcome(store: Store, number: str, outcome: Outcome) -> None:
    """This function will choose the outcome of one coming order, or of all when number is ""."""
    store.execute("INSERT OR REPLACE INTO outcomes VALUES (?, ?)", number, outcome.to_json())


def get_outcome(store: Store, number: str) -> Outcome:
    found = store.row(
        "SELECT outcome FROM outcomes WHERE number IN (?, '') ORDER BY number DESC LIMIT 1", number
    )
    return Outcome(**json.loads(found["outcome"])) if found else Outcome()
