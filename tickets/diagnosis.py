"""Which of the four causes is likely, from the order's facts alone. A hint, never a verdict."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Confidence = Literal["high", "medium", "low"]

#: States of an attempt in which the fault lies with the supplier.
SUPPLIER_FAULTS = frozenset({"failed", "reversed", "unknown"})
CERTAIN_FAULTS = frozenset({"failed", "reversed"})
#: Codes with which suppliers refuse the account itself: no second attempt would fare better.
ACCOUNT_REFUSED = ("ACCOUNT_INVALID", "NUMBER_PORTED", "PARAM_ERROR")


@dataclass(frozen=True)
class Facts:
    """What the records say of one order; states as orders names them."""

    order_status: str
    #: The first payment that came in; None when no payment is known.
    paid_at: datetime | None
    top_up_states: Collection[str]
    arrival_within: timedelta
    #: What suppliers said of their attempts: a code, a space, words.
    messages: Collection[str] = ()


@dataclass(frozen=True)
class Diagnosis:
    cause: str
    #: Codes of the facts it rests on, strongest first.
    reasons: tuple[str, ...]
    confidence: Confidence = "low"


def diagnose(facts: Facts, *, now: datetime) -> Diagnosis:
    """This function will name the likely cause and the facts that speak for it."""
    if facts.paid_at is None:
        return Diagnosis("payment_delay", ("no_payment_known",), "medium")
    if facts.order_status == "paid" and not facts.top_up_states:
        return Diagnosis("platform_fault", ("paid_but_never_sent",), "high")
    if any(message.startswith(ACCOUNT_REFUSED) for message in facts.messages):
        return Diagnosis("customer_input", ("account_refused", "supplier_attempt_failed"), "high")
    if SUPPLIER_FAULTS.intersection(facts.top_up_states):
        certain = CERTAIN_FAULTS.intersection(facts.top_up_states)
        confidence: Confidence = "high" if certain else "medium"
        return Diagnosis("supplier_fault", ("supplier_attempt_failed",), confidence)
    if facts.order_status in ("failed", "unknown"):
        return Diagnosis("supplier_fault", ("top_up_failed",), "high")
    if facts.order_status == "recharging" and now > facts.paid_at + facts.arrival_within:
        return Diagnosis("supplier_fault", ("later_than_promised",), "medium")
    return Diagnosis("undetermined", ())
