"""Refunds while workers are killed outright, the broker is emptied and every third call goes wrong:
each wish is paid once, and both books say so. `./run bench refunds` does the same in large.

And the judge itself: a bench whose judge is blind proves nothing.
"""

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from bench.faultmix import count_hits, list_faults
from bench.oracle import compare
from bench.refunds import require_something_happened
from bench.torture import Course, Plan, torture
from tests.desk import Desk, fresh_database, wait_until

SMALL = Plan(
    refunds=40,
    seed=20261124,
    per_second=6.0,
    extra_workers=1,
    long_waits=False,
    kill_every_s=1.5,
    most_kills=3,
    flush_after_s=3.0,
    patience_s=240.0,
    aftermath_s=0.0,
    query_now_after_s=0.0,
    channels=("alipay", "shop", "sandbox"),
)


def test_each_wish_is_paid_once_whatever_happens(tmp_path: Path) -> None:
    course = run(tmp_path / "data", SMALL)

    # Something did happen: kills, a flush, and every kind of fault.
    require_something_happened(course)
    assert course.kills.total() - course.kills["missed"] == 3
    assert course.flushes == 1
    assert course.fault_share > 0.15
    # And changed nothing in the end.
    assert dict(course.findings.wrong) == {}
    assert set(course.findings.states) == {"succeeded"}
    assert course.findings.states["succeeded"] == len(course.intended) >= 40
    assert course.findings.effects == len(course.intended)
    assert course.unscheduled == 0
    assert set(course.reconciled) == {"alipay", "sandbox", "shop"}
    assert all(matched > 0 for matched in course.reconciled.values())


def run(data: Path, plan: Plan) -> Course:
    data.mkdir(mode=0o700)
    with fresh_database() as database_url:
        desk = Desk(data, database_url)
        try:
            desk.start()
            wait_until(desk.is_up, 240)
            return torture(desk, plan)
        finally:
            desk.stop()


# --- The judge ----------------------------------------------------------------------------------

WANTED = {"T1": 300, "T2": 500}


def ours(**changes: Any) -> dict[str, Any]:
    refunds = [
        {"number": f"R{n}", "intent": f"o{n}", "trade_no": trade_no, "amount_fen": fen}
        | {"state": "succeeded", "channel": "sandbox"}
        for n, (trade_no, fen) in enumerate(WANTED.items(), 1)
    ]
    books = {
        "refunds": refunds,
        "known_numbers": ["R1", "R2"],
        "refunded_fen": 800,
        "ledger_paid_fen": 800,
        "reserved_fen": 0,
        "overdrawn": 0,
        "ledger_differences": [],
        "reconciled": {"differences": []},
    }
    return books | changes


def effect(number: str, trade_no: str, fen: int) -> dict[str, Any]:
    return {"target": "sandbox.refund", "number": number, "trade_no": trade_no, "amount_fen": fen}


def theirs() -> dict[str, Any]:
    calls = [{"number": number, "outcome": "succeeded"} for number in ("R1", "R2")]
    return {"calls": calls, "effects": [effect("R1", "T1", 300), effect("R2", "T2", 500)]}


def test_the_judge_has_nothing_to_say_about_books_that_agree() -> None:
    found = compare(WANTED, ours(), theirs())
    assert dict(found.wrong) == {}
    assert (found.effects, found.effects_fen) == (2, 800)


def paid_twice(_desk: Any, simulator: Any) -> None:
    simulator["effects"].append(effect("R1", "T1", 300))


def paid_under_a_second_number(desk: Any, simulator: Any) -> None:
    desk["refunds"].append(desk["refunds"][0] | {"number": "R3"})
    desk["known_numbers"].append("R3")
    simulator["effects"].append(effect("R3", "T1", 300))


def never_paid(_desk: Any, simulator: Any) -> None:
    del simulator["effects"][0]


def paid_another_amount(_desk: Any, simulator: Any) -> None:
    simulator["effects"][0]["amount_fen"] = 299


def paid_for_nobody(_desk: Any, simulator: Any) -> None:
    simulator["effects"].append(effect("R9", "T9", 1))


def refused_by_the_desk_alone(desk: Any, simulator: Any) -> None:
    desk["refunds"][0]["state"] = "rejected"
    del simulator["effects"][0]


def refused_and_yet_paid(desk: Any, _simulator: Any) -> None:
    desk["refunds"][0]["state"] = "rejected"


def counted_too_little(desk: Any, _simulator: Any) -> None:
    desk["refunded_fen"] -= 1


def booked_too_little(desk: Any, _simulator: Any) -> None:
    desk["ledger_paid_fen"] -= 1


def reserved_for_ever(desk: Any, _simulator: Any) -> None:
    desk["reserved_fen"] = 300


def overdrawn(desk: Any, _simulator: Any) -> None:
    desk["overdrawn"] = 1


def differs_from_the_bill(desk: Any, _simulator: Any) -> None:
    desk["reconciled"] = {"differences": ["sandbox: theirs_only refund R9"]}


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (paid_twice, "paid more than once"),
        (paid_under_a_second_number, "paid under more than one number"),
        (never_paid, "wanted and never paid"),
        (never_paid, "called paid, and nothing moved"),
        (paid_another_amount, "paid with another amount"),
        (paid_another_amount, "another amount or payment than the desk has"),
        (paid_for_nobody, "paid and never wanted"),
        (paid_for_nobody, "money moved under a number that the desk does not know"),
        (refused_by_the_desk_alone, "called refused, and the channel never said so"),
        (refused_and_yet_paid, "called refused, and money moved"),
        (counted_too_little, "sums differ: payments"),
        (booked_too_little, "sums differ: ledger"),
        (reserved_for_ever, "sums differ: reservations"),
        (overdrawn, "payments refunded beyond what was paid"),
        (differs_from_the_bill, "reconcile finds a difference"),
    ],
)
def test_the_judge_sees(spoil: Callable[[Any, Any], None], kind: str) -> None:
    desk, simulator = deepcopy(ours()), deepcopy(theirs())
    spoil(desk, simulator)
    assert compare(WANTED, desk, simulator).count(kind) > 0


def test_every_mode_is_armed_at_least_once_and_its_hits_are_counted_when_it_is_spent() -> None:
    armed = list(list_faults(["alipay", "shop"], share=0.3, long_waits=True, seed=7))
    assert len({fault.seed for fault in armed}) == len(armed)
    once = [fault for fault in armed if fault.times == 1]
    assert {fault.kind for fault in once} == {fault.kind for fault in armed}
    # The simulator forgets a fault that is spent; the others tell how often they hit.
    standing = [{"seed": fault.seed, "hits": 2} for fault in armed if fault.times is None]
    hits = count_hits(armed, standing)
    kinds = Counter(fault.kind for fault in armed if fault.times is None)
    for kind, number in kinds.items():
        spent = sum(fault.kind == kind for fault in once)
        assert sum(n for (_target, k), n in hits.items() if k == kind) == 2 * number + spent
