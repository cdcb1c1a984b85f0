"""The shop's own refund endpoint: its wallet, and aggregators that only the shop can reach.

docs/shop-refund-endpoint.md is the protocol. JSON signed with HMAC-SHA256 in three headers, both
ways, over one line each: for a request timestamp, nonce, method, path with query, body; for an
answer timestamp, our nonce, HTTP status, body. So an answer can be neither old nor another's.
"""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from orders.channels.base import (
    BILL_TIMEOUT_S,
    READ_TIMEOUT_S,
    Capabilities,
    ChannelAnswer,
    ChannelError,
    ChannelNotConfigured,
    NoBill,
    Outcome,
    TradeAnswer,
    TradeRef,
)
from orders.wire import (
    ANSWER_LIMIT,
    BILL_LIMIT,
    Answer,
    Endpoint,
    NoAnswer,
    exchange,
    mask_payload,
    read_simulator,
)

CAPABILITIES = Capabilities()
CLOCK_TOLERANCE_S = 300
#: The fact in an answer, and whether the same call may be repeated. Anything else is unknown, and
#: CONFLICT too: the number was used with other facts.
STATUSES = {
    "SUCCEEDED": (Outcome.SUCCEEDED, False),
    "PROCESSING": (Outcome.ACCEPTED, False),
    "REJECTED": (Outcome.REJECTED, False),
    "NOT_FOUND": (Outcome.NOT_FOUND, True),
    "UNKNOWN": (Outcome.UNKNOWN, True),
}
#: Refusals that pass by themselves or when somebody tops up the account.
PASSING_CODES = {"RATE_LIMITED", "BALANCE_NOT_ENOUGH"}


def is_configured() -> bool:
    """This function will say whether this shop has an endpoint of its own."""
    given = (settings.SHOP_REFUND_URL, settings.SHOP_REFUND_SECRET)
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
    """This function will ask the shop to give back amount_fen of a payment.

    :raises ChannelError: no usable answer; the outcome is unknown.
    """
    numbers = {"trade_no": trade.channel_trade_no, "merchant_trade_no": trade.merchant_trade_no}
    body = {
        "refund_no": refund_no,
        **{name: number for name, number in numbers.items() if number},
        "amount_fen": amount_fen,
        "total_fen": total_fen,
        "reason": reason[:200],
    }
    said = _call("POST", json.dumps(body, ensure_ascii=False).encode(), timeout=timeout)
    answer = read_refund(said, refund_no=refund_no, amount_fen=amount_fen)
    if answer.outcome == Outcome.NOT_FOUND:
        # To a request that means a payment which is not there.
        return _answer(said, (Outcome.REJECTED, False), answer.code)
    return answer


def query(*, refund_no: str, trade: TradeRef, timeout: float = READ_TIMEOUT_S) -> ChannelAnswer:
    """This function will ask the shop what became of a refund.

    :raises ChannelError: no usable answer.
    """
    said = _call("GET", query={"refund_no": refund_no}, timeout=timeout)
    answer = read_refund(said, refund_no=refund_no)
    if answer.outcome == Outcome.REJECTED and said.get("refund_no") != refund_no:
        # A refused question is no refusal of the refund.
        return _answer(said, (Outcome.UNKNOWN, True), answer.code)
    return answer


def query_trade(*, trade: TradeRef, timeout: float = READ_TIMEOUT_S) -> TradeAnswer:
    """This function will refuse: the endpoint knows refunds, payments are told by the shop's API.

    :raises ChannelError: always (see CAPABILITIES.can_query_trade).
    """
    raise ChannelError(
        "The shop's endpoint tells nothing of payments.", retryable=False, code="NOT_OFFERED"
    )


def fetch_bill(*, day: date, timeout: float = BILL_TIMEOUT_S) -> bytes:
    """This function will fetch the bill of one day, where the shop's endpoint has any: JSON.

    :raises NoBill: it has none, or offers none at all.
    :raises ChannelError: no usable answer.
    """
    said = _call("GET", query={"bill_date": day.isoformat()}, timeout=timeout, limit=BILL_LIMIT)
    if "lines" not in said:
        message = _text(said, "message") or _text(said, "status")
        raise NoBill(message, request_id=_text(said, "request_id"))
    bill = {name: said.get(name) for name in ("date", "lines", "payments", "refunds")}
    return json.dumps(bill, ensure_ascii=False).encode()


def read_refund(
    said: Mapping[str, Any], *, refund_no: str, amount_fen: int | None = None
) -> ChannelAnswer:
    """This function will read an answer about one refund. A refund that is another's, or of
    another amount than asked, is unknown and not repeated."""
    rule = STATUSES.get(_text(said, "status"), (Outcome.UNKNOWN, False))
    code, told_fen = _text(said, "code"), said.get("amount_fen")
    if rule[0] == Outcome.REJECTED:
        rule = (Outcome.REJECTED, code in PASSING_CODES)
    if rule[0] in (Outcome.SUCCEEDED, Outcome.ACCEPTED):
        is_ours = said.get("refund_no") == refund_no
        is_told = type(told_fen) is int and told_fen > 0 and amount_fen in (None, told_fen)
        if not (is_ours and is_told):
            rule, code = (Outcome.UNKNOWN, False), "ANSWER_DIFFERS"
    return _answer(said, rule, code)


def _answer(said: Mapping[str, Any], rule: tuple[Outcome, bool], code: str) -> ChannelAnswer:
    outcome, retryable = rule
    told_fen = said.get("amount_fen")
    return ChannelAnswer(
        outcome=outcome,
        retryable=retryable,
        channel_refund_no=_text(said, "channel_refund_no"),
        amount_fen=told_fen if type(told_fen) is int and told_fen > 0 else None,
        code=code,
        message=_text(said, "message"),
        request_id=_text(said, "request_id"),
        raw=mask_payload(said),
    )


def _call(
    method: str,
    content: bytes = b"",
    *,
    query: Mapping[str, str] | None = None,
    timeout: float,
    limit: int = ANSWER_LIMIT,
) -> dict[str, Any]:
    endpoint = _get_endpoint()
    url = f"{endpoint.url}?{urlencode(query)}" if query else endpoint.url
    parts = urlsplit(url)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
    headers = {
        "Content-Type": "application/json",
        "X-Desk-Timestamp": timestamp,
        "X-Desk-Nonce": nonce,
        "X-Desk-Signature": sign(endpoint.secret, timestamp, nonce, method, target, content),
    }
    try:
        answer = exchange(
            method, url, content=content, headers=headers, timeout=timeout, limit=limit
        )
    except NoAnswer as error:
        raise ChannelError(str(error)) from error
    return _open(endpoint, answer, nonce)


def _get_endpoint() -> Endpoint:
    url, secret = settings.SHOP_REFUND_URL, settings.SHOP_REFUND_SECRET
    if url and secret:
        return Endpoint(url, secret)
    if url or secret or not settings.DEMO:
        raise ChannelNotConfigured(_("SHOP_REFUND_URL and SHOP_REFUND_SECRET are not both set."))
    try:
        simulated, keys = read_simulator()
        return Endpoint(f"{simulated}/shop/refund", keys["shop_secret"])
    except (NoAnswer, KeyError) as error:
        raise ChannelError("The gateway simulator is not running.") from error


def _open(endpoint: Endpoint, answer: Answer, nonce: str) -> dict[str, Any]:
    timestamp = answer.headers.get("X-Desk-Timestamp", "")
    expected = sign(endpoint.secret, timestamp, nonce, str(answer.status), answer.body)
    given = answer.headers.get("X-Desk-Signature", "")
    said = answer.json()
    if not hmac.compare_digest(given.encode(), expected.encode()) or said is None:
        # An error page of a proxy ends here too: whoever wrote it was not the shop.
        code = f"HTTP_{answer.status}" if answer.status >= 500 else "BAD_SIGNATURE"
        raise ChannelError(f"HTTP {answer.status} without the shop's signature.", code=code)
    is_number = timestamp.isascii() and timestamp.isdigit()
    if not is_number or abs(time.time() - int(timestamp)) > CLOCK_TOLERANCE_S:
        raise ChannelError("The answer's timestamp is more than 300 s off.", code="STALE_ANSWER")
    return said


def sign(secret: str, *parts: str | bytes) -> str:
    """This function will sign lines: HMAC-SHA256 in lower-case hex."""
    joined = b"\n".join(part.encode() if isinstance(part, str) else part for part in parts)
    return hmac.new(secret.encode(), joined, hashlib.sha256).hexdigest()


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name, "")
    return value if isinstance(value, str) else ""
