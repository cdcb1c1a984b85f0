"""The likely cause and how sure the desk is of it, from facts alone."""

from dataclasses import replace

import pytest

from tests.stories import MINUTE, OPENING
from tickets.diagnosis import Facts, diagnose

PAID_LATELY = Facts(
    order_status="recharging",
    paid_at=OPENING - 5 * MINUTE,
    top_up_states=["pending"],
    arrival_within=10 * MINUTE,
)


@pytest.mark.parametrize(
    ("changes", "cause", "confidence"),
    [
        ({}, "undetermined", "low"),
        ({"paid_at": None}, "payment_delay", "medium"),
        ({"order_status": "paid", "top_up_states": []}, "platform_fault", "high"),
        ({"top_up_states": ["failed"]}, "supplier_fault", "high"),
        ({"top_up_states": ["unknown"]}, "supplier_fault", "medium"),
        ({"order_status": "failed", "top_up_states": []}, "supplier_fault", "high"),
        ({"paid_at": OPENING - 11 * MINUTE}, "supplier_fault", "medium"),
        (
            {"top_up_states": ["failed"], "messages": ["NUMBER_PORTED 号码已携号转网"]},
            "customer_input",
            "high",
        ),
        ({"top_up_states": ["failed"], "messages": ["OUT_OF_STOCK"]}, "supplier_fault", "high"),
    ],
)
def test_the_cause_and_how_sure_we_are(changes, cause, confidence):
    diagnosis = diagnose(replace(PAID_LATELY, **changes), now=OPENING)
    assert (diagnosis.cause, diagnosis.confidence) == (cause, confidence)
