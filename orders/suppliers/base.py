"""What every supplier's adapter offers. Each has a status table of its own: the same number means
success at one supplier and failure at another.

Only FAILED means that nothing will arrive. A missing or broken answer, an unknown status or code,
a number the supplier says it has already, and an order it does not find so soon after the
submission are UNKNOWN: ask again, never submit under another number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from orders.news import NoticeRefused, NoticeReply

__all__ = [
    "NOT_FOUND_PROVES_AFTER",
    "READ_TIMEOUT_S",
    "NoticeRefused",
    "NoticeReply",
    "Supplier",
    "SupplierAnswer",
    "SupplierError",
    "SupplierNotConfigured",
    "SupplierState",
]

READ_TIMEOUT_S = 10.0
#: "No such order" proves nothing before an order is this old at the supplier.
NOT_FOUND_PROVES_AFTER = timedelta(minutes=5)


class SupplierState(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PARTIAL = "partial"
    UNKNOWN = "unknown"
    #: Queries only, and old enough to be believed: may be treated as failed.
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class SupplierAnswer:
    """What a supplier said about one of our orders with it."""

    state: SupplierState
    #: Our number for the attempt.
    top_up_no: str = ""
    #: The operator's serial number. Success without it is a claim (L1), with it proof (L2).
    voucher_no: str = ""
    supplier_order_no: str = ""
    #: What was ordered, and what of it arrived, in fen of face value; None when the supplier does
    #: not say.
    amount_fen: int | None = None
    delivered_fen: int | None = None
    #: When the supplier's own state changed: an older notify after a newer one is old news.
    changed_at: datetime | None = None
    #: A notify's own id, the same when it is sent again; empty where the supplier gives none.
    notice_id: str = ""
    code: str = ""
    message: str = ""
    #: The answer's parameters with accounts and signatures masked.
    raw: dict[str, Any] = field(default_factory=dict)


class SupplierError(Exception):
    """A call brought no usable answer: what the supplier did is unknown."""

    def __init__(self, message: object, *, retryable: bool = True, code: str = "NO_ANSWER") -> None:
        super().__init__(message)
        self.state = SupplierState.UNKNOWN
        self.retryable = retryable
        self.code = code


class SupplierNotConfigured(SupplierError):
    """This desk cannot talk to that supplier: nothing was sent, and waiting does not help."""

    def __init__(self, message: object) -> None:
        super().__init__(message, retryable=False, code="NOT_CONFIGURED")


class Supplier(Protocol):
    """All but parse_notify raise SupplierError; none touches the database. `timeout` in seconds."""

    @property
    def code(self) -> str: ...

    @property
    def query_spacing(self) -> timedelta:
        """The least time between two queries of one order."""

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
        """This function will ask for a delivery. The same top_up_no delivers once."""

    def query(
        self,
        *,
        top_up_no: str,
        submitted_at: datetime,
        now: datetime,
        timeout: float = READ_TIMEOUT_S,
    ) -> SupplierAnswer:
        """This function will ask what became of an order."""

    def cancel(self, *, top_up_no: str, timeout: float = READ_TIMEOUT_S) -> SupplierAnswer:
        """This function will ask not to deliver any more. Only FAILED says that it worked."""

    def balance(self, *, timeout: float = READ_TIMEOUT_S) -> int:
        """This function will return our balance at the supplier in fen."""

    def parse_notify(
        self, *, body: bytes, headers: Mapping[str, str], now: datetime
    ) -> SupplierAnswer:
        """This function will verify a notify and read it. `body` is what came, byte for byte.

        :raises NoticeRefused: wrong signature, stale, another account's, or unreadable.
        """

    def answer_notify(self, *, taken: bool) -> NoticeReply:
        """This function will say in the supplier's words whether a notify was taken in; anything
        but its word for yes has it repeated."""
