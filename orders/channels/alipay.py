"""Alipay: alipay.trade.refund, its query, the trade query, and the notify of the payment.

What makes it dangerous: code 10000 says only that the request was read; `refund_fee` is the sum
of all refunds of the trade, not this one; a repeat of a done refund says fund_change=N; and the
notify of a partial refund says TRADE_SUCCESS, as the payment's did.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings

from orders.channels.alipay_bills import fetch_bill
from orders.channels.alipay_wire import (
    Said,
    call,
    fen_to_yuan,
    get_account,
    is_signed,
    join_params,
    read_instant,
    yuan_to_fen,
)
from orders.channels.base import (
    READ_TIMEOUT_S,
    Capabilities,
    ChannelAnswer,
    ChannelError,
    ChannelNotice,
    NoticeRefused,
    NoticeReply,
    Outcome,
    TradeAnswer,
    TradeRef,
    TradeState,
)
from orders.wire import clean_text, mask_payload

__all__ = [
    "CAPABILITIES",
    "answer_notify",
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
    min_query_wait=timedelta(seconds=10),
    refund_spacing=timedelta(seconds=3),
    refund_window=settings.ALIPAY_REFUND_WINDOW,
)
#: Alipay repeats a notify for about 24 h 22 min; what is older was kept back by somebody.
NOTIFY_AGE = timedelta(hours=25)
CLOCK_TOLERANCE = timedelta(minutes=5)
NOTIFY_PARAMS = 100
Reason = NoticeRefused.Reason

UNCERTAIN = (Outcome.UNKNOWN, True)
FOR_PEOPLE = (Outcome.UNKNOWN, False)
LATER = (Outcome.REJECTED, True)
FINAL = (Outcome.REJECTED, False)
#: What an error of alipay.trade.refund says of the money, and whether the same may be sent again.
#: Anything that is not here is for people: it is neither a refusal nor harmless.
REFUND_CODES = {
    "ACQ.SYSTEM_ERROR": UNCERTAIN,
    "AQC.SYSTEM_ERROR": UNCERTAIN,  # so spelt in Alipay's own table
    "ACQ.REFUND_CHARGE_ERROR": UNCERTAIN,
    # This number did succeed, with another amount.
    "ACQ.DISCORDANT_REPEAT_REQUEST": FOR_PEOPLE,
    "ACQ.SELLER_BALANCE_NOT_ENOUGH": LATER,
    "ACQ.TRADE_HAS_FINISHED": FINAL,
    "ACQ.TRADE_HAS_CLOSE": FINAL,
    "ACQ.TRADE_NOT_EXIST": FINAL,
    "ACQ.INVALID_PARAMETER": FINAL,
    "ACQ.REASON_TRADE_REFUND_FEE_ERR": FINAL,
    "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL": FINAL,
    "ACQ.REFUND_FEE_ERROR": FINAL,
    "ACQ.TRADE_STATUS_ERROR": FINAL,
    "ACQ.NOT_ALLOW_PARTIAL_REFUND": FINAL,
    "ACQ.BUYER_NOT_EXIST": FINAL,
    "ACQ.BUYER_ERROR": FINAL,
    "ACQ.BUYER_ENABLE_STATUS_FORBID": FINAL,
    "ACQ.CUSTOMER_VALIDATE_ERROR": FINAL,
    "ACQ.REASON_TRADE_BEEN_FREEZEN": FINAL,
    "ACQ.USER_NOT_MATCH_ERR": FINAL,
}
#: Errors of the gateway itself, whatever the sub_code. Ours that a repair of the settings ends
#: (a wrong key, a clock that is off, an app without the right) wait for that repair.
GATEWAY_CODES = {"20000": UNCERTAIN, "40005": LATER, "40006": UNCERTAIN}
REFUND_CODES |= dict.fromkeys(
    (
        *("isv.invalid-app-id", "isv.invalid-signature", "isv.invalid-signature-type"),
        *("isv.missing-signature", "isv.missing-signature-key", "isv.missing-signature-config"),
        *("isv.invalid-timestamp", "isv.missing-app-id", "isv.app-cert-sn-is-invalid"),
    ),
    UNCERTAIN,
)
#: Refusals that an earlier arrival of the very same request may have caused: the query tells.
ASK_AGAIN_CODES = {
    "ACQ.DISCORDANT_REPEAT_REQUEST",
    "ACQ.TRADE_HAS_CLOSE",
    "ACQ.TRADE_STATUS_ERROR",
    "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL",
    "ACQ.REFUND_FEE_ERROR",
    "ACQ.REASON_TRADE_REFUND_FEE_ERR",
}
#: What of an answer or a notify is kept; the rest is about the buyer.
KEPT = frozenset(
    {
        *("code", "msg", "sub_code", "sub_msg", "trade_status", "notify_id", "notify_time"),
        *("app_id", "seller_id", "trade_no", "out_trade_no", "out_request_no", "out_biz_no"),
        *("total_amount", "fund_change", "refund_fee", "refund_amount", "refund_status"),
        *("send_back_fee", "deposit_back_info", "send_pay_date"),
        *("gmt_payment", "gmt_refund", "gmt_refund_pay", "gmt_close"),
    }
)


def is_configured() -> bool:
    """This function will say whether this desk has an account with Alipay."""
    given = (settings.ALIPAY_APP_ID, settings.ALIPAY_PRIVATE_KEY, settings.ALIPAY_PUBLIC_KEY)
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
    """This function will ask Alipay to give back amount_fen of a payment. The buyer reads the
    reason.

    :raises ChannelError: no usable answer; the outcome is unknown.
    """
    biz_content = {
        **_name_trade(trade),
        "out_request_no": refund_no,
        "refund_amount": fen_to_yuan(amount_fen),
        "refund_reason": reason[:256],
    }
    said = call("alipay.trade.refund", biz_content, timeout=timeout)
    answer = read_refund(said, trade=trade, amount_fen=amount_fen)
    if answer.code not in ASK_AGAIN_CODES:
        return answer
    return _ask_again(answer, refund_no=refund_no, trade=trade, timeout=timeout)


def _ask_again(
    answer: ChannelAnswer, *, refund_no: str, trade: TradeRef, timeout: float
) -> ChannelAnswer:
    """A trade may be closed or emptied by this very refund, and a number that was used with
    another amount has a real one, which counts: all this is only known from the query."""
    try:
        asked = query(refund_no=refund_no, trade=trade, timeout=timeout)
    except ChannelError:
        return replace(answer, outcome=Outcome.UNKNOWN, retryable=True)
    return answer if asked.outcome == Outcome.NOT_FOUND else asked


def query(*, refund_no: str, trade: TradeRef, timeout: float = READ_TIMEOUT_S) -> ChannelAnswer:
    """This function will ask Alipay what became of a refund. Within 10 s of the request
    "nothing" proves nothing (Capabilities.min_query_wait).

    :raises ChannelError: no usable answer.
    """
    biz_content = {
        **_name_trade(trade),
        "out_request_no": refund_no,
        "query_options": ["gmt_refund_pay", "deposit_back_info"],
    }
    said = call("alipay.trade.fastpay.refund.query", biz_content, timeout=timeout)
    return read_query(said, refund_no=refund_no, trade=trade)


def query_trade(*, trade: TradeRef, timeout: float = READ_TIMEOUT_S) -> TradeAnswer:
    """This function will ask Alipay what was paid. Of refunds it tells only when all went back.

    :raises ChannelError: no usable answer.
    """
    return read_trade(call("alipay.trade.query", _name_trade(trade), timeout=timeout))


def _name_trade(trade: TradeRef) -> dict[str, str]:
    if trade.channel_trade_no:
        return {"trade_no": trade.channel_trade_no}
    return {"out_trade_no": trade.merchant_trade_no}


def read_refund(said: Said, *, trade: TradeRef, amount_fen: int) -> ChannelAnswer:
    """This function will read the answer to a refund."""
    if not said.is_success:
        rule = GATEWAY_CODES.get(said.text("code")) or REFUND_CODES.get(said.text("sub_code"))
        return _answer(said, rule or FOR_PEOPLE, said.error_code)
    if not _is_about(said, trade):
        return _answer(said, FOR_PEOPLE, "ANSWER_DIFFERS")
    sum_fen = said.fen("refund_fee")
    if said.text("fund_change") == "Y" and sum_fen is not None and sum_fen >= amount_fen:
        return _answer(said, (Outcome.SUCCEEDED, False), "SUCCESS")
    # Done before, still under way, or not told: only the query knows.
    return _answer(said, (Outcome.ACCEPTED, False), "FUND_CHANGE_N")


def read_query(said: Said, *, refund_no: str, trade: TradeRef) -> ChannelAnswer:
    """This function will read the answer to a refund query. A refused question is no refusal of
    the refund."""
    if said.text("sub_code") == "ACQ.TRADE_NOT_EXIST":
        return _answer(said, (Outcome.NOT_FOUND, True), said.error_code)
    if not said.is_success:
        return _answer(said, UNCERTAIN, said.error_code)
    status, amount_fen = said.text("refund_status"), said.fen("refund_amount")
    if not status and amount_fen is None:
        return _answer(said, (Outcome.NOT_FOUND, True), "NO_REFUND")
    # Older answers have no status: they tell of a refund only when it is done.
    if status not in ("", "REFUND_SUCCESS"):
        return _answer(said, UNCERTAIN, status)
    is_ours = said.text("out_request_no") == refund_no and _is_about(said, trade)
    if not is_ours or not amount_fen:
        return _answer(said, FOR_PEOPLE, "ANSWER_DIFFERS")
    return replace(_answer(said, (Outcome.SUCCEEDED, False), "SUCCESS"), amount_fen=amount_fen)


def read_trade(said: Said) -> TradeAnswer:
    """This function will read the answer to a trade query."""
    status, paid_fen = said.text("trade_status"), said.fen("total_amount")
    paid_at = said.instant("send_pay_date")
    refunded_fen = 0
    if said.text("sub_code") == "ACQ.TRADE_NOT_EXIST":
        state = TradeState.NOT_FOUND
    elif not said.is_success or paid_fen is None:
        state = TradeState.UNKNOWN
    elif status in ("TRADE_SUCCESS", "TRADE_FINISHED"):
        state = TradeState.PAID
    elif status == "TRADE_CLOSED" and paid_at is not None:
        # Closed after it was paid: everything went back.
        state, refunded_fen = TradeState.PAID, paid_fen
    elif status in ("TRADE_CLOSED", "WAIT_BUYER_PAY"):
        state = TradeState.UNPAID
    else:
        state = TradeState.UNKNOWN
    return TradeAnswer(
        state=state,
        paid_fen=paid_fen or 0 if state == TradeState.PAID else 0,
        refunded_fen=refunded_fen,
        paid_at=paid_at,
        code=status if said.is_success else said.error_code,
        message=said.text("sub_msg") or said.text("msg"),
        request_id=said.request_id,
        raw=_keep(said.node),
    )


def _answer(said: Said, rule: tuple[Outcome, bool], code: str) -> ChannelAnswer:
    outcome, retryable = rule
    return ChannelAnswer(
        outcome=outcome,
        retryable=retryable,
        code=code or "NO_CODE",
        message=said.text("sub_msg") or said.text("msg"),
        request_id=said.request_id,
        raw=_keep(said.node),
    )


def _is_about(said: Said, trade: TradeRef) -> bool:
    if trade.channel_trade_no:
        return said.text("trade_no") == trade.channel_trade_no
    return said.text("out_trade_no") == trade.merchant_trade_no


def _keep(said: Mapping[str, Any]) -> dict[str, Any]:
    return mask_payload({name: value for name, value in said.items() if name in KEPT})


def parse_notify(*, body: bytes, headers: Mapping[str, str], now: datetime) -> ChannelNotice:
    """This function will verify a notify and read it. Only `out_biz_no` marks news of a refund;
    its own amount is not told, `refund_fee` is the trade's sum.

    :raises NoticeRefused: wrong signature, stale, another app's, or unreadable.
    """
    params = _read_form(body)
    try:
        account = get_account()
    except ChannelError as error:
        raise NoticeRefused(str(error), reason=Reason.NOT_CONFIGURED) from error
    signature = params.get("sign", "")
    signed = {name: value for name, value in params.items() if name not in ("sign", "sign_type")}
    is_rsa2 = params.get("sign_type") == "RSA2"
    if not is_rsa2 or not is_signed(account.alipay_public_key, join_params(signed), signature):
        raise NoticeRefused("The notify's sign is wrong.", reason=Reason.BAD_SIGNATURE)
    seller_id = settings.ALIPAY_SELLER_ID
    is_ours = not seller_id or params.get("seller_id") == seller_id
    if params.get("app_id") != account.app_id or not is_ours:
        raise NoticeRefused("The notify is for another app or seller.", reason=Reason.OTHER_ACCOUNT)
    sent_at = read_instant(params.get("notify_time", ""))
    if sent_at is None or not now - NOTIFY_AGE <= sent_at <= now + CLOCK_TOLERANCE:
        raise NoticeRefused("The notify is not of today.", reason=Reason.STALE)
    return _read_notice(params)


def _read_notice(params: Mapping[str, str]) -> ChannelNotice:
    numbers = {
        "channel_trade_no": params.get("trade_no", ""),
        "merchant_trade_no": params.get("out_trade_no", ""),
    }
    if not params.get("notify_id") or not any(numbers.values()):
        raise NoticeRefused("The notify has no id or names no trade.", reason=Reason.UNREADABLE)
    is_refund = bool(params.get("gmt_refund") or params.get("refund_fee"))
    # A refund without a number of its own goes by the merchant's number of the trade.
    refund_no = params.get("out_biz_no", "") or numbers["merchant_trade_no"]
    happened = params.get("gmt_refund") if is_refund else params.get("gmt_payment")
    return ChannelNotice(
        notice_id=params["notify_id"],
        refund_no=refund_no if is_refund else "",
        trade=TradeRef(**numbers),
        outcome=Outcome.SUCCEEDED if is_refund else Outcome.UNKNOWN,
        total_fen=yuan_to_fen(params.get("total_amount")),
        refunded_fen=yuan_to_fen(params.get("refund_fee")),
        at=read_instant(happened or ""),
        code=params.get("trade_status", ""),
        raw=_keep(params),
    )


def _read_form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=NOTIFY_PARAMS,
        )
    except ValueError as error:
        raise NoticeRefused("The notify is no form.", reason=Reason.UNREADABLE) from error
    params = {clean_text(name): clean_text(value) for name, value in pairs}
    if not pairs or len(params) != len(pairs) or params.get("charset", "utf-8").lower() != "utf-8":
        # Two values under one name are two readings of one signature.
        raise NoticeRefused("The notify is ambiguous.", reason=Reason.UNREADABLE)
    return params


def answer_notify(*, taken: bool) -> NoticeReply:
    """This function will say "success", or anything else to have the notify repeated."""
    return NoticeReply(200, b"success") if taken else NoticeReply(400, b"fail")
