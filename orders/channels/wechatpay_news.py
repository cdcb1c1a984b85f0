"""News that WeChat Pay sends: signed, sealed, repeated for a day until it is answered."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orders.channels.base import (
    ChannelError,
    ChannelNotice,
    NoticeRefused,
    NoticeReply,
    Outcome,
    TradeRef,
)
from orders.channels.wechatpay_account import get_account
from orders.channels.wechatpay_wire import (
    is_fresh,
    is_signed,
    open_resource,
    read_text,
)
from orders.channels.wechatpay_words import (
    FOR_PEOPLE,
    MERCHANT_ACCOUNT,
    STATUSES,
    keep,
    read_fen,
    read_instant,
)
from orders.wire import read_object

Reason = NoticeRefused.Reason


def parse_notify(*, body: bytes, headers: Mapping[str, str], now: datetime) -> ChannelNotice:
    """This function will verify a notify, unseal it and read it.

    :raises NoticeRefused: wrong signature, stale, another merchant's, or unreadable.
    """
    try:
        account = get_account()
    except ChannelError as error:
        raise NoticeRefused(str(error), reason=Reason.NOT_CONFIGURED) from error
    if not is_signed(account, headers, body):
        raise NoticeRefused("The notify's signature is wrong.", reason=Reason.BAD_SIGNATURE)
    if not is_fresh(headers.get("Wechatpay-Timestamp", ""), now_s=now.timestamp()):
        raise NoticeRefused("The notify is more than 5 minutes off.", reason=Reason.STALE)
    letter = read_object(body) or {}
    resource = letter.get("resource")
    if not isinstance(resource, dict) or not read_text(letter, "id"):
        raise NoticeRefused("The notify has no id or tells nothing.", reason=Reason.UNREADABLE)
    try:
        told = open_resource(account, resource)
    except ValueError as error:
        message = f"The notify is not sealed for us: {error}"
        raise NoticeRefused(message, reason=Reason.OTHER_ACCOUNT) from error
    if read_text(told, "mchid") != account.mch_id:
        raise NoticeRefused("The notify is for another merchant.", reason=Reason.OTHER_ACCOUNT)
    return _read_notice(letter, told)


def _read_notice(letter: Mapping[str, Any], told: Mapping[str, Any]) -> ChannelNotice:
    numbers = {
        "channel_trade_no": read_text(told, "transaction_id"),
        "merchant_trade_no": read_text(told, "out_trade_no"),
    }
    if not any(numbers.values()):
        raise NoticeRefused("The notify names no trade.", reason=Reason.UNREADABLE)
    status = read_text(told, "refund_status")
    outcome, _retryable = STATUSES.get(status, FOR_PEOPLE)
    if read_text(told, "user_received_account").startswith(MERCHANT_ACCOUNT):
        outcome = Outcome.UNKNOWN
    is_refund = read_text(letter, "event_type").startswith("REFUND.")
    return ChannelNotice(
        notice_id=read_text(letter, "id"),
        refund_no=read_text(told, "out_refund_no") if is_refund else "",
        trade=TradeRef(**numbers),
        outcome=outcome if is_refund else Outcome.UNKNOWN,
        amount_fen=read_fen(told, "refund") if is_refund else None,
        total_fen=read_fen(told, "total"),
        channel_refund_no=read_text(told, "refund_id"),
        at=read_instant(told, "success_time") or read_instant(letter, "create_time"),
        code=status or read_text(told, "trade_state"),
        raw=keep({**told, "event_type": read_text(letter, "event_type")}),
    )


def answer_notify(*, taken: bool) -> NoticeReply:
    """This function will say 204, or anything else to have the notify repeated."""
    if taken:
        return NoticeReply(204)
    body = json.dumps({"code": "FAIL", "message": "refused"}).encode()
    return NoticeReply(400, body, "application/json")
