"""The signed HTTP protocol that most suppliers share; what differs is given to HttpSupplier.

POST of flat JSON with app_id, timestamp, nonce and sign: all parameters received but `sign` and
empty ones, sorted, joined as k=v&k=v, HMAC-SHA256 in upper-case hex. Suppliers add parameters
without notice, so the sign covers whatever came.
"""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from orders.suppliers.base import (
    NOT_FOUND_PROVES_AFTER,
    READ_TIMEOUT_S,
    NoticeRefused,
    NoticeReply,
    SupplierAnswer,
    SupplierError,
    SupplierState,
)
from orders.wire import Endpoint, NoAnswer, exchange, mask_payload, read_object

Reason = NoticeRefused.Reason
CLOCK_TOLERANCE_S = 300


@dataclass(frozen=True, kw_only=True)
class HttpSupplier:
    """One supplier: where it is, and what its words mean. The tables are never shared."""

    code: str
    app_id: str
    #: Raises SupplierError when the supplier cannot be reached from here.
    get_endpoint: Callable[[], Endpoint]
    #: Its `status` values.
    statuses: Mapping[str, SupplierState]
    #: Its `code` values for "no such order" and for refusals after which nothing will arrive.
    not_found_codes: frozenset[str]
    failed_codes: frozenset[str]
    query_spacing: timedelta = timedelta(seconds=30)
    #: Its paths under the endpoint.
    paths: Mapping[str, str] = field(
        default_factory=lambda: {
            name: f"/{name}" for name in ("submit", "query", "cancel", "balance")
        }
    )

    def submit(
        self,
        *,
        top_up_no: str,
        account: str,
        product: str,
        face_value_fen: int,
        notify_url: str = "",
        timeout: float = READ_TIMEOUT_S,
    ) -> SupplierAnswer:
        """This function will ask for a delivery. The same top_up_no delivers once.

        :raises SupplierError: no usable answer; it may deliver all the same.
        """
        params = {
            "number": top_up_no,
            "account": account,
            "product": product,
            "amount_fen": face_value_fen,
            "notify_url": notify_url,
        }
        said = self._call("submit", params, timeout=timeout)
        return self._read(said, top_up_no, refusals=self.failed_codes)

    def query(
        self,
        *,
        top_up_no: str,
        submitted_at: datetime,
        now: datetime,
        timeout: float = READ_TIMEOUT_S,
    ) -> SupplierAnswer:
        """This function will ask what became of an order. Not found within 5 minutes of the
        submission is unknown: the order may still be on its way through the supplier.

        :raises SupplierError: no usable answer.
        """
        said = self._call("query", {"number": top_up_no}, timeout=timeout)
        return self._read(said, top_up_no, is_old=now - submitted_at >= NOT_FOUND_PROVES_AFTER)

    def cancel(self, *, top_up_no: str, timeout: float = READ_TIMEOUT_S) -> SupplierAnswer:
        """This function will ask the supplier not to deliver. Only FAILED says that it will not.

        :raises SupplierError: no usable answer.
        """
        return self._read(self._call("cancel", {"number": top_up_no}, timeout=timeout), top_up_no)

    def balance(self, *, timeout: float = READ_TIMEOUT_S) -> int:
        """This function will return our balance in fen.

        :raises SupplierError: no usable answer.
        """
        balance_fen = _fen(self._call("balance", {}, timeout=timeout), "balance_fen")
        if balance_fen is None:
            raise SupplierError("The answer has no balance.", code="BAD_ANSWER")
        return balance_fen

    def parse_notify(
        self, *, body: bytes, headers: Mapping[str, str], now: datetime
    ) -> SupplierAnswer:
        """This function will verify a notify and read it. It may come twice, late, or after a
        newer one: `changed_at` tells.

        :raises NoticeRefused: wrong signature, stale, another account's, or unreadable.
        """
        said = read_object(body)
        if said is None:
            raise NoticeRefused("The notify is not JSON.", reason=Reason.UNREADABLE)
        try:
            secret = self.get_endpoint().secret
        except SupplierError as error:
            raise NoticeRefused(str(error), reason=Reason.NOT_CONFIGURED) from error
        if not _is_signed(secret, said):
            raise NoticeRefused("The notify's sign is wrong.", reason=Reason.BAD_SIGNATURE)
        if said.get("app_id") != self.app_id:
            raise NoticeRefused("The notify is for another app.", reason=Reason.OTHER_ACCOUNT)
        if not _is_fresh(said, now_s=now.timestamp()):
            raise NoticeRefused("The notify is more than 5 minutes off.", reason=Reason.STALE)
        if not _text(said, "number"):
            raise NoticeRefused("The notify names no order.", reason=Reason.UNREADABLE)
        return self._read(said, _text(said, "number"))

    def answer_notify(self, *, taken: bool) -> NoticeReply:
        """This function will say "success", or anything else to have the notify repeated."""
        return NoticeReply(200, b"success") if taken else NoticeReply(400, b"fail")

    def _read(
        self,
        said: Mapping[str, Any],
        top_up_no: str,
        *,
        refusals: frozenset[str] = frozenset(),
        is_old: bool = False,
    ) -> SupplierAnswer:
        code, status = _text(said, "code"), _text(said, "status")
        state = SupplierState.UNKNOWN
        if status:
            state = self.statuses.get(status, SupplierState.UNKNOWN)
        elif code in refusals:
            state = SupplierState.FAILED
        elif code in self.not_found_codes and is_old:
            state = SupplierState.NOT_FOUND
        amount_fen, delivered_fen = _fen(said, "amount_fen"), _fen(said, "delivered_fen")
        is_ours = not status or said.get("number") == top_up_no
        if not is_ours or not _adds_up(state, amount_fen, delivered_fen):
            state, code = SupplierState.UNKNOWN, "BAD_ANSWER"
        return SupplierAnswer(
            state=state,
            top_up_no=top_up_no,
            voucher_no=_text(said, "voucher_no"),
            supplier_order_no=_text(said, "supplier_order_no"),
            amount_fen=amount_fen,
            delivered_fen=delivered_fen,
            notice_id=_text(said, "notify_id"),
            changed_at=_instant(said, "changed_at"),
            code=code,
            message=_text(said, "message"),
            raw=mask_payload(said),
        )

    def _call(self, name: str, params: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        endpoint = self.get_endpoint()
        sent = {
            **params,
            "app_id": self.app_id,
            "timestamp": int(time.time()),
            "nonce": secrets.token_hex(8),
        }
        sent["sign"] = sign_params(endpoint.secret, sent)
        try:
            answer = exchange(
                "POST",
                endpoint.url + self.paths[name],
                content=json.dumps(sent, ensure_ascii=False).encode(),
                headers={"Content-Type": "application/json"},
                timeout=timeout,
            )
        except NoAnswer as error:
            raise SupplierError(str(error)) from error
        said = answer.json()
        is_theirs = said is not None and _is_signed(endpoint.secret, said)
        if said is None or not is_theirs or not _is_fresh(said, now_s=time.time()):
            message = f"HTTP {answer.status} without the supplier's signature."
            raise SupplierError(message, code=f"HTTP_{answer.status}")
        return said


def sign_params(secret: str, params: Mapping[str, Any]) -> str:
    """This function will sign flat parameters, all but `sign` and empty ones."""
    kept = [
        f"{name}={value}"
        for name, value in sorted(params.items())
        if name != "sign" and value is not None and value != ""
    ]
    return hmac.new(secret.encode(), "&".join(kept).encode(), hashlib.sha256).hexdigest().upper()


def _is_signed(secret: str, params: Mapping[str, Any]) -> bool:
    if any(isinstance(value, dict | list) for value in params.values()):
        return False
    given = str(params.get("sign", "")).encode()
    return hmac.compare_digest(given, sign_params(secret, params).encode())


def _is_fresh(params: Mapping[str, Any], *, now_s: float) -> bool:
    timestamp = params.get("timestamp")
    return type(timestamp) is int and abs(now_s - timestamp) <= CLOCK_TOLERANCE_S


def _adds_up(state: SupplierState, amount_fen: int | None, delivered_fen: int | None) -> bool:
    """A part is some of it and not all; a success is all of it, where the supplier says both."""
    if state == SupplierState.PARTIAL and not delivered_fen:
        return False
    if amount_fen is None or delivered_fen is None:
        return True
    if state == SupplierState.PARTIAL:
        return delivered_fen < amount_fen
    return state != SupplierState.SUCCEEDED or delivered_fen == amount_fen


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
