"""A refund the desk makes while the supplier may still deliver is made all the same, and marked."""

import pytest

from tests.stories import Desk

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("answer", "at_risk"),
    [
        ({"answered": True, "state": "failed"}, False),
        ({"answered": True, "state": "not_found"}, False),
        ({"answered": True, "state": "pending"}, True),
        ({"answered": False, "final": True}, True),
    ],
)
def test_what_the_supplier_says_of_the_attempt_marks_the_refund(
    desk: Desk, answer: dict[str, object], at_risk: bool
) -> None:
    ticket = desk.open()
    check = desk.enforce(ticket, {"source": "supplier", "code": "sandbox", **answer})
    assert check.decision == "refunded"
    (refund,) = desk.refunds(ticket)
    assert refund.at_risk is at_risk
