"""Our side of a bill, one payment or refund at a time."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from orders.reconciling.statement import LineKind, day_of

ONE_DAY = timedelta(days=1)


class Standing(StrEnum):
    """Where our entry stands."""

    #: Paid, or given back through this channel.
    DONE = "done"
    UNDER_WAY = "under_way"
    #: Never paid; planned, or refused for good.
    NOT_DONE = "not_done"
    #: Given back, but in another way.
    DONE_OTHERWISE = "done_otherwise"


@dataclass(frozen=True, slots=True)
class Entry:
    """One payment or refund of ours."""

    kind: LineKind
    pk: int
    #: For refunds what went back, or is to go back; in fen.
    amount_fen: int
    standing: Standing
    #: What people call its state.
    state: str = ""
    trade_no: str = ""
    merchant_trade_no: str = ""
    refund_no: str = ""
    #: When it should be posted; None where we do not know.
    at: datetime | None = None
    #: The first and last instant at which it may have happened.
    first_at: datetime | None = None
    last_at: datetime | None = None

    @property
    def name(self) -> str:
        return self.refund_no or self.trade_no or self.merchant_trade_no

    def is_around(self, day: date) -> bool:
        first, last = self.first_at or self.at, self.last_at or self.at
        if first is None or last is None:
            return True
        return day_of(first) - ONE_DAY <= day <= day_of(last) + ONE_DAY
