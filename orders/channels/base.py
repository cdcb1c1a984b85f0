"""What every payment channel's module offers, whatever its provider calls things.

Outcome says what happened to the money, `retryable` whether the same call may be made again with
the same number and amount. They are independent:

    unknown   + retryable      query first; the same number may be sent again
    unknown   + not retryable  query, then a person
    rejected  + retryable      the same number later (limits, balance)
    rejected  + not retryable  final: another route, a person
    not_found + retryable      the channel does not have it: the same number may be sent again

A code that a module does not know is unknown, never rejected. So is every answer that is missing,
broken, late, or whose signature is wrong: the money may have moved.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from orders.news import NoticeRefused, NoticeReply

__all__ = [
    "Capabilities",
    "Channel",
    "ChannelAnswer",
    "ChannelError",
    "ChannelNotConfigured",
    "ChannelNotice",
    "NoBill",
    "NoticeRefused",
    "NoticeReply",
    "Outcome",
    "TradeAnswer",
    "TradeRef",
    "TradeState",
]

READ_TIMEOUT_S = 10.0
BILL_TIMEOUT_S = 30.0


class Outcome(StrEnum):
    #: Taken in; the money moves later or not at all: ask again.
    ACCEPTED = "accepted"
    SUCCEEDED = "succeeded"
    #: Certainly not done.
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    #: Queries only: the channel has no such refund.
    NOT_FOUND = "not_found"


class TradeState(StrEnum):
    PAID = "paid"
    UNPAID = "unpaid"
    NOT_FOUND = "not_found"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TradeRef:
    """A payment at its channel. The channel's number wins when both are given."""

    channel_trade_no: str = ""
    merchant_trade_no: str = ""

    def __post_init__(self) -> None:
        if not self.trade_no:
            raise ValueError("A trade needs one of its two numbers.")

    @property
    def trade_no(self) -> str:
        return self.channel_trade_no or self.merchant_trade_no


@dataclass(frozen=True, slots=True)
class ChannelAnswer:
    """What a channel said about one refund."""

    outcome: Outcome
    retryable: bool = False
    channel_refund_no: str = ""
    #: This refund's amount in fen as the channel has it; None when it does not say.
    amount_fen: int | None = None
    code: str = ""
    message: str = ""
    request_id: str = ""
    #: Rejected for good under this number; the same refund may be asked for under a new one.
    needs_new_number: bool = False
    #: The answer's body with accounts, names and signatures masked.
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TradeAnswer:
    """What a channel said about one payment."""

    state: TradeState
    paid_fen: int = 0
    #: All refunds of this payment so far, whoever asked for them; at least this much where the
    #: channel only says that there were some.
    refunded_fen: int = 0
    paid_at: datetime | None = None
    code: str = ""
    message: str = ""
    request_id: str = ""
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChannelNotice:
    """A notify whose signature, age and receiver were right. What is believed of it, and what
    is then asked of the channel, says orders.callbacks."""

    #: The provider's own id of this piece of news: the same when it is sent again.
    notice_id: str
    #: Ours; empty for news about a payment rather than about a refund.
    refund_no: str = ""
    trade: TradeRef | None = None
    outcome: Outcome = Outcome.UNKNOWN
    #: This refund's amount in fen; None when the notify does not say.
    amount_fen: int | None = None
    #: The payment's amount, and all refunds of it together; None when the notify does not say.
    total_fen: int | None = None
    refunded_fen: int | None = None
    channel_refund_no: str = ""
    #: When the provider says that it happened.
    at: datetime | None = None
    code: str = ""
    #: The notify's body with accounts, names and signatures masked.
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """A channel's manners, for whoever schedules calls to it."""

    can_query_trade: bool = False
    sends_notifies: bool = False
    #: A refund that got stuck at the customer's bank can be sent elsewhere.
    can_apply_abnormal: bool = False
    #: Refunds of one payment, partial ones counted; None where there is no limit.
    max_refunds: int | None = None
    #: A query earlier than this after the request proves nothing.
    min_query_wait: timedelta = timedelta(0)
    #: Between two refunds of one payment.
    refund_spacing: timedelta = timedelta(0)
    #: From payment to the last refund; None where the channel has no limit of its own.
    refund_window: timedelta | None = None
    #: Requests a second over all payments; None where none is known.
    rate_limit: int | None = None

    def can_refund(self, *, paid_at: datetime, now: datetime) -> bool:
        return self.refund_window is None or now - paid_at <= self.refund_window


class ChannelError(Exception):
    """A call brought no usable answer. Unless said otherwise the outcome is unknown."""

    def __init__(
        self,
        message: object,
        *,
        outcome: Outcome = Outcome.UNKNOWN,
        retryable: bool = True,
        code: str = "NO_ANSWER",
        request_id: str = "",
        raw: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.retryable = retryable
        self.code = code
        self.request_id = request_id
        self.raw = raw or {}


class ChannelNotConfigured(ChannelError):
    """This desk cannot talk to that channel: nothing was sent, and waiting does not help.

    The outcome is unknown rather than rejected on purpose: an earlier attempt with the same
    number may have been made while the channel was configured. The refund goes to people's hands
    and keeps its amount reserved.
    """

    def __init__(self, message: object) -> None:
        super().__init__(message, retryable=False, code="NOT_CONFIGURED")


class NoBill(ChannelError):
    """The channel has no bill of that day: nothing happened, or it is not made yet."""

    def __init__(self, message: object, *, request_id: str = "") -> None:
        super().__init__(message, code="NO_BILL", request_id=request_id)


class Channel(Protocol):
    """The functions of every channel module. All raise ChannelError; none touches the database.

    `timeout` is in seconds, for the answer; connecting has 3 s of its own.
    """

    CAPABILITIES: Capabilities

    def is_configured(self) -> bool:
        """This function will say whether this desk has an account with the channel. Whether its
        keys are good is another matter (see orders.checks)."""

    def request(
        self,
        *,
        refund_no: str,
        trade: TradeRef,
        amount_fen: int,
        total_fen: int,
        reason: str,
        timeout: float = READ_TIMEOUT_S,
    ) -> ChannelAnswer:
        """This function will ask for a refund of amount_fen of a payment of total_fen. The same
        refund_no with the same amount pays once, however often it is sent."""

    def query(
        self, *, refund_no: str, trade: TradeRef, timeout: float = READ_TIMEOUT_S
    ) -> ChannelAnswer:
        """This function will ask what became of a refund."""

    def query_trade(self, *, trade: TradeRef, timeout: float = READ_TIMEOUT_S) -> TradeAnswer:
        """This function will ask what was paid and how much of it went back."""


class NotifyingChannel(Channel, Protocol):
    """A channel that also sends news by itself, to /callbacks/channels/<code>/."""

    def parse_notify(
        self, *, body: bytes, headers: Mapping[str, str], now: datetime
    ) -> ChannelNotice:
        """This function will verify a notify and read it. `body` is what came, byte for byte;
        `headers` ignores case.

        :raises NoticeRefused: wrong signature, stale, another account's, or unreadable.
        """

    def answer_notify(self, *, taken: bool) -> NoticeReply:
        """This function will say in the channel's words whether a notify was taken in."""


class BillingChannel(Channel, Protocol):
    """A channel whose daily bills can be fetched."""

    def fetch_bill(self, *, day: date, timeout: float = BILL_TIMEOUT_S) -> bytes:
        """This function will fetch the bill of one day, Beijing time, as the channel hands it
        out; orders.reconciling.statements reads it.

        :raises NoBill: there is none of that day, or not yet.
        """
