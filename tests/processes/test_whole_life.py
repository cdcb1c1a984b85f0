"""One dispute's whole life on a running desk: real web, worker, beat, broker and simulator.

No clock is mocked: the policy promises seconds instead of hours.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.desk import Desk, fresh_database
from tests.processes.shop import Shop


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder: Path = tmp_path_factory.mktemp("life") / "data"
    folder.mkdir(mode=0o700)
    with fresh_database() as database_url:
        running = Desk(folder, database_url)
        try:
            running.start()
            shop = Shop(running)
            shop.wait_for("the desk says that it is up", running.is_up, 240)
            yield shop
        finally:
            running.stop()


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["kind"] for event in events]


def resolved(desk: Shop, number: str, *, within: float) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        ticket = desk.ticket(number)
        return ticket if ticket["status"] == "resolved" else None

    return desk.wait_for(f"{number} resolved", look, within)


def deadline(ticket: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(d for d in ticket["deadlines"] if d["kind"] == kind)


def test_nobody_acts_and_the_desk_keeps_the_promise_itself(desk: Shop) -> None:
    desk.set_policy()
    number = desk.file_dispute(desk.place_order())

    ticket = resolved(desk, number, within=120)

    assert ticket["outcome"] == "refunded"
    assert ticket["level"] == "supervisor"
    assert deadline(ticket, "commitment")["state"] == "met"
    assert deadline(ticket, "commitment")["late_by_s"] == 0
    (refund,) = ticket["refunds"]
    assert refund["state"] == "succeeded"
    (effect,) = desk.effects(refund["refund_no"])
    assert effect["amount_fen"] == refund["amount_fen"] == 9980
    happened = kinds(desk.events(number))
    steps = ["opened", "escalated", "commitment_warned", "commitment_enforced"]
    steps += ["refund_requested", "refund_settled", "resolved"]
    assert [kind for kind in happened if kind in steps].count("escalated") == 1
    for step in steps:
        assert happened.count(step) == 1, (step, happened)
    desk.wait_for("mail to the customer", lambda: desk.mails_to(number), 60)


def test_a_rejected_refund_breaks_the_promise_in_the_open(desk: Shop) -> None:
    desk.set_policy()
    number = desk.file_dispute(desk.place_order())
    desk.simulator(
        "POST",
        "/faults",
        json={"target": "sandbox.refund", "mode": "reject:TRADE_FROZEN", "times": 1},
    )

    ticket = desk.wait_for(
        "referred", lambda: (t := desk.ticket(number))["level"] == "referred" and t, 120
    )

    assert ticket["status"] == "in_progress"
    assert deadline(ticket, "commitment")["state"] == "fired"
    assert "commitment" in [breach["kind"] for breach in ticket["breaches"]]
    (refund,) = ticket["refunds"]
    assert refund["state"] == "rejected"
    assert desk.effects(refund["refund_no"]) == []
    happened = kinds(desk.events(number))
    for step in ("refund_rejected", "commitment_broken", "referred"):
        assert happened.count(step) == 1, (step, happened)


def test_killing_every_process_changes_nothing_in_the_end(desk: Shop) -> None:
    desk.set_policy(
        enforce_lead="PT28S",
        referral_grace="PT60S",
        clocks={
            "first_reply": {"within": "PT2S", "clock": "staffed"},
            "agent_resolution": {"within": "PT4S", "clock": "staffed"},
            "supervisor_resolution": {"within": "PT4S", "clock": "staffed"},
            "commitment_warning": {"within": "PT10S", "clock": "wall"},
            "commitment": {"within": "PT40S", "clock": "wall"},
            "referral": {"within": "PT90S", "clock": "wall"},
        },
    )
    numbers = [desk.file_dispute(desk.place_order()) for _i in range(3)]

    for child in ("worker", "beat", "valkey", "web", "timers", "worker"):
        desk.kill(child)

    for number in numbers:
        ticket = resolved(desk, number, within=180)
        assert ticket["outcome"] == "refunded"
        (refund,) = ticket["refunds"]
        assert len(desk.effects(refund["refund_no"])) == 1
        fired = [e for e in desk.events(number) if e["kind"] == "deadline_fired"]
        assert len(fired) == len({event["data"]["kind"] for event in fired})
