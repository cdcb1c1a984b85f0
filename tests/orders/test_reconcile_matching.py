"""A bill against our entries: whatever can be wrong, once each."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from orders.reconciling.matching import Comparison, Entry, Standing, compare
from orders.reconciling.statement import BEIJING, Line, LineKind

NOV_23 = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=BEIJING)
DAY = timedelta(days=1)

PAYMENT = Line(LineKind.PAYMENT, 1, 9950, NOON, trade_no="T1", merchant_trade_no="LT1")
REFUND = Line(LineKind.REFUND, 2, 9950, NOON, trade_no="T1", refund_no="RF1")
OUR_PAYMENT = Entry(LineKind.PAYMENT, 1, 9950, Standing.DONE, trade_no="T1", at=NOON)
OUR_REFUND = Entry(LineKind.REFUND, 7, 9950, Standing.DONE, trade_no="T1", refund_no="RF1", at=NOON)


def weigh(*lines: Line, ours: tuple[Entry, ...] = (), **more: Any) -> Comparison:
    facts = {"around": (), "expected": ours, "is_next_read": True, **more}
    return compare(day=NOV_23, lines=lines, entries=ours, **facts)


def kinds(comparison: Comparison) -> list[str]:
    return [str(difference.kind) for difference in comparison.differences]


def test_what_agrees_is_counted_and_summed():
    result = weigh(PAYMENT, REFUND, ours=(OUR_PAYMENT, OUR_REFUND))
    assert (result.matched, result.differences) == (2, [])
    assert (result.matched_payments_fen, result.matched_refunds_fen) == (9950, 9950)


def test_a_payment_and_its_refund_are_two_things():
    assert kinds(weigh(PAYMENT, ours=(OUR_PAYMENT, OUR_REFUND))) == ["ours_only"]
    assert kinds(weigh(PAYMENT, REFUND, ours=(OUR_PAYMENT,))) == ["theirs_only"]


@pytest.mark.parametrize("name", ["trade_no", "merchant_trade_no"])
def test_a_payment_is_found_by_either_number(name: str):
    numbers = {"trade_no": "", "merchant_trade_no": "", name: getattr(PAYMENT, name)}
    assert weigh(PAYMENT, ours=(replace(OUR_PAYMENT, **numbers),)).matched == 1


def test_the_channels_number_wins_over_ours():
    other = replace(OUR_PAYMENT, pk=2, trade_no="T2", merchant_trade_no="LT1")
    result = weigh(PAYMENT, ours=(other, OUR_PAYMENT))
    assert result.matched == 1
    assert [d.entry for d in result.differences] == [other]


def test_one_fen_is_a_difference():
    assert kinds(weigh(replace(REFUND, amount_fen=9949), ours=(OUR_REFUND,))) == ["amount_differs"]


@pytest.mark.parametrize(
    ("standing", "is_final", "agrees"),
    [
        (Standing.DONE, True, True),
        (Standing.UNDER_WAY, True, False),
        (Standing.NOT_DONE, True, False),
        (Standing.DONE_OTHERWISE, True, False),
        (Standing.DONE, False, True),
        (Standing.UNDER_WAY, False, True),
        (Standing.NOT_DONE, False, True),
        (Standing.DONE_OTHERWISE, False, False),
    ],
)
def test_what_the_channel_paid_must_stand_as_paid_with_us(
    standing: Standing, is_final: bool, agrees: bool
):
    ours = replace(OUR_REFUND, standing=standing)
    result = weigh(replace(REFUND, is_final=is_final), ours=(ours,), expected=())
    assert kinds(result) == ([] if agrees else ["state_differs"])


def test_a_refund_of_another_payment_is_a_difference():
    result = weigh(replace(REFUND, trade_no="T9"), ours=(OUR_REFUND,))
    assert kinds(result) == ["payment_differs"]


def test_the_same_row_twice_is_a_duplicate_once():
    result = weigh(REFUND, replace(REFUND, number=3), ours=(OUR_REFUND,))
    assert (result.matched, kinds(result)) == (1, ["duplicate"])
    assert result.differences[0].line == replace(REFUND, number=3)


def test_two_rows_that_are_not_ours_are_theirs_and_a_duplicate():
    assert kinds(weigh(REFUND, replace(REFUND, number=3))) == ["theirs_only", "duplicate"]


def test_refunds_without_a_number_of_ours_are_not_each_others_duplicates():
    made_by_hand = replace(REFUND, refund_no="")
    result = weigh(made_by_hand, replace(made_by_hand, number=3), ours=(OUR_REFUND,))
    assert kinds(result) == ["theirs_only", "theirs_only", "ours_only"]


def test_an_unknown_row_is_reported():
    assert kinds(weigh(replace(PAYMENT, kind=LineKind.UNKNOWN))) == ["unknown_row"]


@pytest.mark.parametrize(("days", "agrees"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_the_posting_day_may_be_one_off(days: int, agrees: bool):
    ours = replace(OUR_PAYMENT, at=NOON + days * DAY)
    result = weigh(PAYMENT, ours=(ours,), expected=())
    assert kinds(result) == ([] if agrees else ["day_differs"])


def test_a_refund_that_took_days_may_be_on_any_bill_of_them():
    ours = replace(OUR_REFUND, first_at=NOON - 3 * DAY, last_at=NOON + 5 * DAY, at=NOON + 5 * DAY)
    assert weigh(REFUND, ours=(ours,), expected=()).differences == []


def test_what_is_on_a_neighbouring_bill_is_not_missing():
    midnight = replace(OUR_PAYMENT, at=NOON.replace(hour=23, minute=59, second=58))
    result = weigh(ours=(midnight,), around=[replace(PAYMENT, at=NOON + DAY)])
    assert (result.posted_elsewhere, result.differences) == (1, [])


@pytest.mark.parametrize(
    ("time", "is_next_read", "waits"),
    [("23:59:58", False, True), ("22:00:00", False, True), ("21:59:59", False, False),
     ("23:59:58", True, False)],
)  # fmt: skip
def test_the_last_hours_wait_for_the_next_bill(time: str, is_next_read: bool, waits: bool):
    at = datetime.fromisoformat(f"2026-11-23 {time}").replace(tzinfo=BEIJING)
    result = weigh(ours=(replace(OUR_PAYMENT, at=at),), is_next_read=is_next_read)
    assert [(d.kind, d.is_waiting) for d in result.differences] == [("ours_only", waits)]


def test_every_line_and_entry_is_counted_once():
    lines = [replace(PAYMENT, number=n, trade_no=f"T{n}", amount_fen=n) for n in range(1, 51)]
    ours = tuple(
        replace(OUR_PAYMENT, pk=n, trade_no=f"T{n}", amount_fen=n + (n % 7 == 0))
        for n in range(11, 61)
    )
    result = weigh(*lines, ours=ours)
    found = kinds(result)
    assert found.count("theirs_only") == found.count("ours_only") == 10
    assert result.matched + found.count("amount_differs") == 40
    assert found.count("amount_differs") == len([n for n in range(11, 51) if n % 7 == 0])
