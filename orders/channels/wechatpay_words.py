"""What WeChat Pay's words say of the money: statuses of refunds and trades, codes of errors."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from orders.channels.base import ChannelAnswer, Outcome, TradeAnswer, TradeState
from orders.channels.wechatpay_wire import Said, read_text
from orders.wire import mask_payload

UNCERTAIN = (Outcome.UNKNOWN, True)
FOR_PEOPLE = (Outcome.UNKNOWN, False)
LATER = (Outcome.REJECTED, True)
FINAL = (Outcome.REJECTED, False)
#: What a refund's status says. One that is not here is for people.
STATUSES = {
    "PROCESSING": (Outcome.ACCEPTED, False),
    "SUCCESS": (Outcome.SUCCEEDED, False),
    "CLOSED": FINAL,
    "ABNORMAL": FOR_PEOPLE,
}
#: What an error of a request says of the money, and whether the same may be sent again. A code that
#: is not here is neither a refusal nor harmless. Too many requests: WeChat Pay does not say whether
#: this one was taken in.
REFUND_CODES = {
    "SYSTEM_ERROR": UNCERTAIN,
    "FREQUENCY_LIMITED": UNCERTAIN,
    "FREQUENCY_LIMIT_EXCEED": UNCERTAIN,
    "RATELIMIT_EXCEEDED": UNCERTAIN,
    "SIGN_ERROR": UNCERTAIN,
    "NOT_ENOUGH": LATER,
    "PARAM_ERROR": FINAL,
    "INVALID_REQUEST": FINAL,
    "USER_ACCOUNT_ABNORMAL": FINAL,
    "RESOURCE_NOT_EXISTS": FINAL,
    "ORDER_NOT_EXIST": FINAL,
    "MCH_NOT_EXISTS": FINAL,
    "NO_AUTH": FINAL,
}
NOT_FOUND_CODES = {"RESOURCE_NOT_EXISTS", "ORDER_NOT_EXIST", "REFUND_NOT_EXISTS"}
#: An account of this kind is the merchant's own: the customer has nothing.
MERCHANT_ACCOUNT = "商户"
#: What of an answer or a notify is kept; the rest is about the buyer.
KEPT = frozenset(
    (
        *("refund_id", "out_refund_no", "transaction_id", "out_trade_no", "channel", "status"),
        *("refund_status", "create_time", "success_time", "funds_account", "amount", "code"),
        *("message", "detail", "trade_state", "trade_state_desc", "event_type", "mchid"),
    )
)


def read_refund(said: Said, *, refund_no: str, amount_fen: int | None = None) -> ChannelAnswer:
    """This function will read an answer about one refund. A refund that is another's, or of
    another amount than asked, is unknown and not repeated."""
    status, told_fen = said.text("status"), read_fen(said.node, "refund")
    answer = make_answer(said, STATUSES.get(status, FOR_PEOPLE), status or "NO_STATUS")
    answer = replace(
        answer,
        channel_refund_no=said.text("refund_id"),
        amount_fen=told_fen,
        needs_new_number=status == "CLOSED",
    )
    differs = said.text("out_refund_no") != refund_no or told_fen is None
    if differs or amount_fen not in (None, told_fen):
        return for_people(answer, "ANSWER_DIFFERS")
    if status == "SUCCESS" and said.text("user_received_account").startswith(MERCHANT_ACCOUNT):
        # Where apply_abnormal_refund sent it: people now owe the customer a transfer.
        return for_people(answer, "RETURNED_TO_MERCHANT")
    return answer


def read_trade(said: Said) -> TradeAnswer:
    """This function will read the answer to a trade query."""
    state_word, paid_fen = said.text("trade_state"), read_fen(said.node, "total")
    states = {
        "SUCCESS": TradeState.PAID,
        "REFUND": TradeState.PAID,
        "NOTPAY": TradeState.UNPAID,
        "CLOSED": TradeState.UNPAID,
        "REVOKED": TradeState.UNPAID,
        "USERPAYING": TradeState.UNPAID,
        "PAYERROR": TradeState.UNPAID,
    }
    state = states.get(state_word, TradeState.UNKNOWN) if said.is_ok else TradeState.UNKNOWN
    if said.status == 404 and said.text("code") in NOT_FOUND_CODES:
        state = TradeState.NOT_FOUND
    if state == TradeState.PAID and paid_fen is None:
        state = TradeState.UNKNOWN
    is_paid = state == TradeState.PAID
    return TradeAnswer(
        state=state,
        paid_fen=paid_fen or 0 if is_paid else 0,
        refunded_fen=1 if is_paid and state_word == "REFUND" else 0,
        paid_at=read_instant(said.node, "success_time"),
        code=state_word or said.text("code"),
        message=said.text("message"),
        request_id=said.request_id,
        raw=keep(said.node),
    )


def read_refusal(said: Said) -> tuple[Outcome, bool]:
    known = REFUND_CODES.get(said.text("code"))
    if known is not None:
        return known
    # Not said, or new: the money may have moved where the fault is theirs or the hurry ours, and
    # where it is no refusal at all.
    in_doubt = said.status >= 500 or said.status == 429 or said.status < 300
    return UNCERTAIN if in_doubt else FOR_PEOPLE


def for_people(answer: ChannelAnswer, code: str) -> ChannelAnswer:
    """This function will turn an answer into one that only people can conclude from."""
    return replace(
        answer, outcome=Outcome.UNKNOWN, retryable=False, needs_new_number=False, code=code
    )


def make_answer(said: Said, rule: tuple[Outcome, bool], code: str) -> ChannelAnswer:
    outcome, retryable = rule
    return ChannelAnswer(
        outcome=outcome,
        retryable=retryable,
        code=code or f"HTTP_{said.status}",
        message=said.text("message"),
        request_id=said.request_id,
        raw=keep(said.node),
    )


def keep(node: Mapping[str, Any]) -> dict[str, Any]:
    return mask_payload({name: value for name, value in node.items() if name in KEPT})


def read_fen(node: Mapping[str, Any], name: str) -> int | None:
    amount = node.get("amount")
    value = amount.get(name) if isinstance(amount, dict) else None
    return value if type(value) is int and value > 0 else None


def read_instant(node: Mapping[str, Any], name: str) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(read_text(node, name))
    except ValueError:
        return None
    return parsed if parsed.tzinfo is not None else None
