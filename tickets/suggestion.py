"""What an agent would most likely do next, from the facts alone. A suggestion, never a verdict."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Verb = Literal["refund", "redeliver", "resolve", "request_evidence", "reply", "approve", ""]

#: A second delivery needs time to fail once more before money has to be back.
TIME_FOR_ANOTHER_TRY = timedelta(hours=4)
#: One failed attempt may be bad luck; two are an answer.
TRIES = 1
#: Statuses in which somebody else has to act.
WAITING = frozenset({"waiting_customer", "remedy_pending"})
FAILED = frozenset({"failed", "reversed"})


@dataclass(frozen=True)
class Situation:
    """What is known of a dispute; statuses and states as the models name them."""

    status: str
    category: str
    cause: str
    is_open: bool
    #: A second person's decision is waiting, and whether the reader may take it.
    decision_waits: bool
    may_decide: bool
    paid_fen: int
    owed_fen: int
    reserved_fen: int
    refunded_fen: int
    is_delivered: bool
    proof_is_complete: bool
    #: The desk can send the order to its supplier again, as far as the order alone tells.
    can_be_sent: bool
    top_up_states: Collection[str]
    #: Until the 24-hour promise; None while it has not started.
    time_left: timedelta | None


@dataclass(frozen=True)
class Suggestion:
    verb: Verb
    #: Code of why; tickets.admin.suggesting has the words.
    why: str


def suggest(case: Situation) -> Suggestion:
    """This function will name the verb to offer first, and why; an empty verb is to wait."""
    if not case.is_open:
        return Suggestion("", "over")
    if case.decision_waits:
        return Suggestion("approve" if case.may_decide else "", "decision_waits")
    if case.status in WAITING or case.reserved_fen:
        return Suggestion("", case.status if case.status in WAITING else "remedy_pending")
    if case.owed_fen:
        return suggest_remedy(case)
    if not case.paid_fen:
        return no_payment_is_known(case)
    if case.refunded_fen and case.category != "wrong_amount":
        return Suggestion("resolve", "refunded")
    if case.is_delivered and case.category == "non_arrival":
        return Suggestion("resolve", "delivered")
    return Suggestion("reply", "nothing_owed")


def suggest_remedy(case: Situation) -> Suggestion:
    """This function will choose between credit and money back."""
    failed = all(state in FAILED for state in case.top_up_states)
    in_time = case.time_left is None or case.time_left >= TIME_FOR_ANOTHER_TRY
    may_help = case.category == "non_arrival" and case.cause != "customer_input"
    if case.can_be_sent and failed and may_help and in_time:
        if not case.top_up_states:
            return Suggestion("redeliver", "never_sent")
        if len(case.top_up_states) <= TRIES:
            return Suggestion("redeliver", "failed_once")
    if case.category == "duplicate_charge":
        return Suggestion("refund", "paid_twice")
    if not in_time:
        return Suggestion("refund", "promise_is_near")
    return Suggestion("refund", "owed")


def no_payment_is_known(case: Situation) -> Suggestion:
    if case.proof_is_complete:
        return Suggestion("reply", "payment_not_found")
    return Suggestion("request_evidence", "payment_not_proven")
