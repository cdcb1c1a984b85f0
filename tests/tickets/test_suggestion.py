"""What is offered first: credit while there is time for it, money back otherwise, else words."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tickets.suggestion import TIME_FOR_ANOTHER_TRY, Situation, suggest

TICK = timedelta(microseconds=1)
#: Paid 98 yuan, one attempt failed for certain, 20 hours of the promise left.
FAILED_ONCE = Situation(
    status="in_progress",
    category="non_arrival",
    cause="supplier_fault",
    is_open=True,
    decision_waits=False,
    may_decide=False,
    paid_fen=9800,
    owed_fen=9800,
    reserved_fen=0,
    refunded_fen=0,
    is_delivered=False,
    proof_is_complete=True,
    can_be_sent=True,
    top_up_states=["failed"],
    time_left=timedelta(hours=20),
)


def verb(**changes) -> str:
    return suggest(replace(FAILED_ONCE, **changes)).verb


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "redeliver"),
        ({"top_up_states": []}, "redeliver"),
        ({"time_left": None}, "redeliver"),
        ({"time_left": TIME_FOR_ANOTHER_TRY}, "redeliver"),
        ({"time_left": TIME_FOR_ANOTHER_TRY - TICK}, "refund"),
        ({"top_up_states": ["failed", "failed"]}, "refund"),
        ({"top_up_states": ["unknown"]}, "refund"),
        ({"can_be_sent": False}, "refund"),
        ({"cause": "customer_input"}, "refund"),
        ({"category": "duplicate_charge"}, "refund"),
        ({"category": "card_code"}, "refund"),
    ],
)
def test_credit_while_there_is_time_and_money_back_otherwise(changes, expected):
    assert verb(**changes) == expected


def test_with_nothing_owed_the_case_is_ended_or_explained():
    assert verb(owed_fen=0, is_delivered=True) == "resolve"
    assert verb(owed_fen=0, refunded_fen=9800) == "resolve"
    assert verb(owed_fen=0, is_delivered=True, category="wrong_account") == "reply"


def test_an_unknown_payment_has_to_be_proven():
    assert verb(owed_fen=0, paid_fen=0, proof_is_complete=False) == "request_evidence"
    assert verb(owed_fen=0, paid_fen=0) == "reply"


def test_who_waits_for_somebody_else_is_offered_nothing():
    for waiting in ({"status": "waiting_customer"}, {"status": "remedy_pending"}):
        assert verb(**waiting) == ""
    assert verb(is_open=False) == ""
    assert verb(decision_waits=True) == ""
    assert verb(decision_waits=True, may_decide=True) == "approve"
