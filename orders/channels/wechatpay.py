"""WeChat Pay, API v3, as a direct merchant: refunds, their query, the trade query, the notify.

What makes it dangerous: the answer to a request says only that it was taken in. CLOSED is final for
its number but not for the refund, which needs a new number; ABNORMAL is not final at all: the
money is kept until the merchant says where else it shall go. INVALID_REQUEST says that something
differs, and not what: also that this very number was already used.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings

from orders.channels.base import (
    READ_TIMEOUT_S,
    Capabilities,
    ChannelAnswer,
    ChannelError,
    Outcome,
    TradeAnswer,
    TradeRef,
)
from orders.channels.wechatpay_account import SETTINGS, get_account
from orders.channels.wechatpay_bills import fetch_bill
from orders.channels.wechatpay_news import answer_notify, parse_notify
from orders.channels.wechatpay_wire import call, seal_field
from orders.channels.wechatpay_words import (
    NOT_FOUND_CODES,
    UNCERTAIN,
    for_people,
    make_answer,
    read_refund,
    read_refusal,
    read_trade,
)

__all__ = [
    "CAPABILITIES",
    "BankCard",
    "answer_notify",
    "apply_abnormal_refund",
    "fetch_bill",
    "is_configured",
    "parse_notify",
    "query",
    "query_trade",
    "request",
]

CAPABILITIES = Capabilities(
    can_query_trade=True,
    sends_notifies=True,
    can_apply_abnormal=True,
    max_refunds=50,
    min_query_wait=timedelta(minutes=1),
    refund_spacing=timedelta(minutes=1),
    refund_window=timedelta(days=365),
    rate_limit=150,
)
NOTIFY_PATH = "/callbacks/channels/wechatpay/"
REFUNDS = "/v3/refund/domestic/refunds"
#: Refusals that may be about an earlier arrival of the same number: the query tells.
ASK_AGAIN_CODES = {"INVALID_REQUEST", "PARAM_ERROR"}
ASK_AGAIN_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class BankCard:
    """A customer's debit card, used once for one refund and kept nowhere."""

    #: As WeChat Pay names the bank, such as ICBC_DEBIT.
    bank_type: str
    number: str = field(repr=False)
    holder: str = field(repr=False)


def is_configured() -> bool:
    """This function will say whether this desk has an account with WeChat Pay."""
    given = [getattr(settings, name) for name in SETTINGS]
    return all(given) or (settings.DEMO and not any(given))


def request(
    *,
    refund_no: str,
    trade: TradeRef,
    amount_fen: int,
    total_fen: int,
    reason: str,
    timeout: float = READ_TIMEOUT_S,
) -> ChannelAnswer:
    """This function will ask WeChat Pay to give back amount_fen of a payment of total_fen. At
    best it is accepted. The buyer reads the reason.

    :raises ChannelError: no usable answer; the outcome is unknown.
    """
    body = {
        **_name_trade(trade),
        "out_refund_no": refund_no,
        "reason": reason[:80],
        "notify_url": get_notify_url(),
        "amount": {"refund": amount_fen, "total": total_fen, "currency": "CNY"},
    }
    if not reason:
        del body["reason"]
    said = call("POST", REFUNDS, body, timeout=timeout)
    if not said.is_ok:
        answer = make_answer(said, read_refusal(said), said.text("code"))
        if answer.code not in ASK_AGAIN_CODES:
            return answer
        return _ask_again(answer, refund_no=refund_no, trade=trade)
    return _only_accepted(read_refund(said, refund_no=refund_no, amount_fen=amount_fen))


def _ask_again(answer: ChannelAnswer, *, refund_no: str, trade: TradeRef) -> ChannelAnswer:
    """A number that was used before may have paid, were it another amount: then what it paid
    counts, and not the refusal."""
    try:
        asked = query(refund_no=refund_no, trade=trade, timeout=ASK_AGAIN_TIMEOUT_S)
    except ChannelError:
        return replace(answer, outcome=Outcome.UNKNOWN, retryable=True)
    return answer if asked.outcome == Outcome.NOT_FOUND else asked


def _only_accepted(answer: ChannelAnswer) -> ChannelAnswer:
    """A request's own answer proves no payment, whatever status it shows: the query does."""
    if answer.outcome == Outcome.SUCCEEDED:
        return replace(answer, outcome=Outcome.ACCEPTED)
    return answer


def query(*, refund_no: str, trade: TradeRef, timeout: float = READ_TIMEOUT_S) -> ChannelAnswer:
    """This function will ask WeChat Pay what became of a refund, however old it is.

    :raises ChannelError: no usable answer.
    """
    said = call("GET", f"{REFUNDS}/{quote(refund_no, safe='')}", timeout=timeout)
    code = said.text("code")
    if said.status == 404 and code in NOT_FOUND_CODES:
        return make_answer(said, (Outcome.NOT_FOUND, True), code)
    if not said.is_ok:
        # A refused question is no refusal of the refund.
        return make_answer(said, UNCERTAIN, code or f"HTTP_{said.status}")
    answer = read_refund(said, refund_no=refund_no)
    if trade.channel_trade_no and said.text("transaction_id") != trade.channel_trade_no:
        return for_people(answer, "ANSWER_DIFFERS")
    return answer


def apply_abnormal_refund(
    *,
    refund_no: str,
    channel_refund_no: str,
    card: BankCard | None,
    timeout: float = READ_TIMEOUT_S,
) -> ChannelAnswer:
    """This function will send an ABNORMAL refund elsewhere: to the customer's debit card, or, with
    None, back to the merchant, who then pays the customer by bank transfer.

    :raises ChannelError: no usable answer; the refund may be under way again.
    """
    body: dict[str, Any] = {"out_refund_no": refund_no, "type": "MERCHANT_BANK_CARD"}
    if card is not None:
        account = get_account()
        body |= {
            "type": "USER_BANK_CARD",
            "bank_type": card.bank_type,
            "bank_account": seal_field(account, card.number),
            "real_name": seal_field(account, card.holder),
        }
    path = f"{REFUNDS}/{quote(channel_refund_no, safe='')}/apply-abnormal-refund"
    said = call("POST", path, body, timeout=timeout)
    if not said.is_ok:
        # Whatever was refused here was this other way: the refund itself is where it was.
        return make_answer(said, UNCERTAIN, said.text("code"))
    return _only_accepted(read_refund(said, refund_no=refund_no))


def query_trade(*, trade: TradeRef, timeout: float = READ_TIMEOUT_S) -> TradeAnswer:
    """This function will ask WeChat Pay what was paid. Of refunds it tells only that there were
    some: then at least one fen went back or is about to.

    :raises ChannelError: no usable answer.
    """
    kind = "id" if trade.channel_trade_no else "out-trade-no"
    mch_id = quote(get_account().mch_id, safe="")
    path = f"/v3/pay/transactions/{kind}/{quote(trade.trade_no, safe='')}?mchid={mch_id}"
    return read_trade(call("GET", path, timeout=timeout))


def get_notify_url() -> str:
    """This function will say where WeChat Pay shall tell what became of a refund."""
    return settings.WECHATPAY_NOTIFY_URL or settings.SITE_URL + NOTIFY_PATH


def _name_trade(trade: TradeRef) -> dict[str, Any]:
    if trade.channel_trade_no:
        return {"transaction_id": trade.channel_trade_no}
    return {"out_trade_no": trade.merchant_trade_no}
