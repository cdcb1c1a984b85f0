"""The sandbox channel: JSON signed with HMAC-SHA256 in three headers, both ways.

The signature covers, one to a line, for a request: timestamp, nonce, method, path, body; for an
answer: timestamp, our nonce, HTTP status, body. So an answer can be neither old nor another's.
"""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import quote, urlsplit

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
    TradeState,
)
from orders.wire import (
    ANSWER_LIMIT,
    BILL_LIMIT,
    Answer,
    Endpoint,
    NoAnswer,
    exchange,
    get_endpoint,
    mask_payload,
)

CAPABILITIES = Capabilities(can_query_trade=True)
CLOCK_TOLERANCE_S = 300

#: The fact in an answer, and whether the same call may be repeated. Anything else is unknown.
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
    """This function will say whether this desk knows a sandbox."""
    given = (settings.SANDBOX_URL, settings.SANDBOX_SECRET)
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
    """This function will ask the sandbox to give back amount_fen of a payment.

    :raises ChannelError: no usable answer; the outcome is unknown.
    """
    numbers = (
        {"trade_no": trade.channel_trade_no}
        if trade.channel_trade_no
        else {"merchant_trade_no": trade.merchant_trade_no}
    )
    body = {
        "refund_no": refund_no,
        **numbers,
        "amount_fen": amount_fen,
        "total_fen": total_fen,
        "reason": reason[:200],
    }
    said = _call("POST", "/sandbox/refund", body, timeout=timeout)
    return read_refund(said, refund_no=refund_no, amount_fen=amount_fen)


def query(*, refund_no: str, trade: TradeRef, timeout: float = READ_TIMEOUT_S) -> ChannelAnswer:
    """This function will ask the sandbox what became of a refund.

    :raises ChannelError: no usable answer.
    """
    said = _call("GET", f"/sandbox/refund/{quote(refund_no, safe='')}", timeout=timeout)
    return read_refund(said, refund_no=refund_no)


def query_trade(*, trade: TradeRef, timeout: float = READ_TIMEOUT_S) -> TradeAnswer:
    """This function will ask the sandbox what was paid and how much of it went back.

    :raises ChannelError: no usable answer.
    """
    said = _call("GET", f"/sandbox/trade/{quote(trade.trade_no, safe='')}", timeout=timeout)
    states = {"PAID": TradeState.PAID, "NOT_FOUND": TradeState.NOT_FOUND}
    state = states.get(_text(said, "status"), TradeState.UNKNOWN)
    paid_fen, refunded_fen = _fen(said, "amount_fen"), _fen(said, "refunded_fen")
    if state == TradeState.PAID and (paid_fen is None or refunded_fen is None):
        state = TradeState.UNKNOWN
    return TradeAnswer(
        state=state,
        paid_fen=paid_fen or 0,
        refunded_fen=refunded_fen or 0,
        paid_at=_instant(said, "paid_at"),
        code=_text(said, "code"),
        message=_text(said, "message"),
        request_id=_text(said, "request_id"),
        raw=mask_payload(said),
    )


def fetch_bill(*, day: date, timeout: float = BILL_TIMEOUT_S) -> bytes:
    """This function will fetch the bill of one day: JSON, its signature verified.

    :raises NoBill: the day has not begun yet.
    :raises ChannelError: no usable answer.
    """
    path = f"/sandbox/bill?date={day.isoformat()}"
    said = _call("GET", path, timeout=timeout, limit=BILL_LIMIT)
    if _text(said, "code") == "NO_BILL":
        raise NoBill(_text(said, "message"), request_id=_text(said, "request_id"))
    # What is asked for is not part of the signature; what is answered is.
    if _text(said, "date") != day.isoformat():
        raise ChannelError("The answer is no bill of that day.", code="ANSWER_DIFFERS")
    return json.dumps(said, ensure_ascii=False).encode()


def read_refund(
    said: Mapping[str, Any], *, refund_no: str, amount_fen: int | None = None
) -> ChannelAnswer:
    """This function will read an answer about one refund. A refund that is another's, or of
    another amount than asked, is unknown and not repeated."""
    outcome, retryable = STATUSES.get(_text(said, "status"), (Outcome.UNKNOWN, False))
    code, told_fen = _text(said, "code"), _fen(said, "amount_fen")
    if outcome == Outcome.REJECTED:
        retryable = code in PASSING_CODES
    if outcome in (Outcome.SUCCEEDED, Outcome.ACCEPTED):
        is_ours = said.get("refund_no") == refund_no
        if not is_ours or told_fen is None or amount_fen not in (None, told_fen):
            outcome, retryable, code = Outcome.UNKNOWN, False, "ANSWER_DIFFERS"
    return ChannelAnswer(
        outcome=outcome,
        retryable=retryable,
        channel_refund_no=_text(said, "channel_refund_no"),
        amount_fen=told_fen,
        code=code,
        message=_text(said, "message"),
        request_id=_text(said, "request_id"),
        raw=mask_payload(said),
    )


def _call(
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    timeout: float,
    limit: int = ANSWER_LIMIT,
) -> dict[str, Any]:
    endpoint = _get_endpoint()
    content = json.dumps(body, ensure_ascii=False).encode() if body is not None else b""
    url = endpoint.url + path
    timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
    signature = _sign(endpoint, timestamp, nonce, method, urlsplit(url).path, content)
    headers = {
        "Content-Type": "application/json",
        "X-Sandbox-Timestamp": timestamp,
        "X-Sandbox-Nonce": nonce,
        "X-Sandbox-Signature": signature,
    }
    try:
        answer = exchange(
            method, url, content=content, headers=headers, timeout=timeout, limit=limit
        )
    except NoAnswer as error:
        raise ChannelError(str(error)) from error
    return _open(endpoint, answer, nonce)


def _get_endpoint() -> Endpoint:
    try:
        endpoint = get_endpoint(
            url_setting="SANDBOX_URL", secret_setting="SANDBOX_SECRET", secret_key="sandbox_secret"
        )
    except NoAnswer as error:
        raise ChannelError(str(error)) from error
    if endpoint is None:
        raise ChannelNotConfigured(_("SANDBOX_URL and SANDBOX_SECRET are not both set."))
    return endpoint


def _open(endpoint: Endpoint, answer: Answer, nonce: str) -> dict[str, Any]:
    timestamp = answer.headers.get("X-Sandbox-Timestamp", "")
    expected = _sign(endpoint, timestamp, nonce, str(answer.status), answer.body)
    given = answer.headers.get("X-Sandbox-Signature", "")
    said = answer.json()
    if not hmac.compare_digest(given.encode(), expected.encode()) or said is None:
        # An error page of a proxy ends here too: whoever wrote it was not the channel.
        code = f"HTTP_{answer.status}" if answer.status >= 500 else "BAD_SIGNATURE"
        message = f"HTTP {answer.status} without the channel's signature."
        raise ChannelError(message, code=code)
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > CLOCK_TOLERANCE_S:
        raise ChannelError("The answer's timestamp is more than 300 s off.", code="STALE_ANSWER")
    return said


def _sign(endpoint: Endpoint, *parts: str | bytes) -> str:
    joined = b"\n".join(part.encode() if isinstance(part, str) else part for part in parts)
    return hmac.new(endpoint.secret.encode(), joined, hashlib.sha256).hexdigest()


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name, "")
    return value if isinstance(value, str) else ""


def _fen(said: Mapping[str, Any], name: str) -> int | None:
    value = said.get(name)
    return value if type(value) is int and value >= 0 else None


def _instant(said: Mapping[str, Any], name: str) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(_text(said, name))
    except ValueError:
        return None
    return parsed if parsed.tzinfo is not None else None
