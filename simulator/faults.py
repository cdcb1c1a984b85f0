"""Faults that a test or an operator asks for: which call goes wrong next, and how."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator.messages import Refusal, read_seconds, read_text
from simulator.store import Store

#: Faults of the transport: they hit any call.
CALL_MODES = {
    "timeout_after_effect",
    "timeout_before_effect",
    "http_500",
    "http_500_after_effect",
    "slow",
}
#: Faults of the news about a result, and the target that holds them.
NOTIFY_MODES = {"duplicate_notify", "late_notify", "out_of_order_notify"}
DEFAULT_SECONDS = {
    "timeout_after_effect": 30.0,
    "timeout_before_effect": 30.0,
    "slow": 3.0,
    "late_notify": 5.0,
}


@dataclass(frozen=True, slots=True)
class Fault:
    mode: str
    code: str = ""
    seconds: float = 0.0


NO_FAULT = Fault("none")


def add_fault(
    store: Store, body: Mapping[str, Any], targets: Mapping[str, set[str]]
) -> dict[str, Any]:
    """This function will arm a fault for the next `times` calls of a target.

    `targets` holds each target and the notify modes that make sense for it. Without `times` the
    fault hits once; with `"times": null` it stays until the next reset. With `probability` it hits
    only some of the calls that come by, chosen by `seed`; the others go on to the next armed fault.

    :raises Refusal: for an unknown target, mode or a mode that the target cannot have.
    """
    target = read_text(body, "target")
    mode, _, code = read_text(body, "mode", limit=128).partition(":")
    _check_mode(target, mode, code, targets)
    remaining = body.get("times", 1)
    if remaining is not None and not (type(remaining) is int and 1 <= remaining <= 1_000_000):
        raise Refusal(400, "PARAM_ERROR", "times must be 1 to 1000000, or null.", field="times")
    seconds = read_seconds(body, "seconds", DEFAULT_SECONDS.get(mode, 0.0))
    probability, seed = _read_chance(body)
    store.execute(
        "INSERT INTO faults (target, mode, code, remaining, seconds, probability, seed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        target,
        mode,
        code,
        remaining,
        seconds,
        probability,
        seed,
    )
    armed = {"target": target, "mode": mode, "code": code, "times": remaining, "seconds": seconds}
    return armed if probability is None else {**armed, "probability": probability, "seed": seed}


def _read_chance(body: Mapping[str, Any]) -> tuple[float | None, int]:
    probability, seed = body.get("probability"), body.get("seed", 0)
    if probability is not None and not (type(probability) in (int, float) and 0 < probability <= 1):
        message = "probability must be above 0 and at most 1."
        raise Refusal(400, "PARAM_ERROR", message, field="probability")
    if type(seed) is not int or abs(seed) >= 2**63:
        raise Refusal(400, "PARAM_ERROR", "seed must be a 64-bit integer.", field="seed")
    return probability, seed


def _check_mode(target: str, mode: str, code: str, targets: Mapping[str, set[str]]) -> None:
    if target not in targets:
        known = ", ".join(sorted(targets))
        raise Refusal(400, "PARAM_ERROR", f"Unknown target; there are {known}.", field="target")
    allowed = CALL_MODES | {"reject"} | targets[target]
    if mode not in allowed:
        known = ", ".join(sorted(allowed))
        raise Refusal(400, "PARAM_ERROR", f"{target} takes the modes {known}.", field="mode")
    if (mode == "reject") != bool(code):
        raise Refusal(400, "PARAM_ERROR", "reject takes a code: reject:<code>.", field="mode")


def take_fault(store: Store, target: str, *, notify: bool = False) -> Fault:
    """This function will take the oldest armed fault of a target that hits, and count it down.

    `notify` chooses between the faults of a call and those of its later notify.
    """
    marks = ", ".join("?" for _ in NOTIFY_MODES)
    operator = "IN" if notify else "NOT IN"
    with store.transaction():
        armed = store.rows(
            f"SELECT * FROM faults WHERE target = ? AND mode {operator} ({marks}) ORDER BY id",
            target,
            *sorted(NOTIFY_MODES),
        )
        found = next((row for row in armed if _hits(store, row)), None)
        if found is None:
            return NO_FAULT
        if found["remaining"] == 1:
            store.execute("DELETE FROM faults WHERE id = ?", found["id"])
        else:  # NULL - 1 stays NULL: armed until the next reset.
            store.execute(
                "UPDATE faults SET remaining = remaining - 1, hits = hits + 1 WHERE id = ?",
                found["id"],
            )
    return Fault(found["mode"], found["code"], found["seconds"])


def _hits(store: Store, fault: sqlite3.Row) -> bool:
    """The draws are counted in the store: a simulator that is started again goes on with them."""
    if fault["probability"] is None:
        return True
    store.execute("UPDATE faults SET draws = draws + 1 WHERE id = ?", fault["id"])
    drawn = random.Random(f"{fault['seed']}:{fault['draws']}").random()
    return drawn < float(fault["probability"])
