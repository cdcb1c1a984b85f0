"""What every channel's bill is once it has been read."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

#: The channels' days begin and end here, wherever the server stands.
BEIJING = ZoneInfo("Asia/Shanghai")
AMOUNT = re.compile(r"([+-]?)([0-9]{1,12})(?:\.([0-9]{1,2})0*)?", re.ASCII)


class UnableToReadStatement(Exception):
    """The file is no bill of this channel, or not all of one; the text says why."""


class LineKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"
    #: Neither: a row of a kind that this reader does not know.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Line:
    """One movement on a bill. Amounts are fen and never negative."""

    kind: LineKind
    #: Where it stands in the file: the first line is 1.
    number: int
    amount_fen: int
    at: datetime
    trade_no: str = ""
    merchant_trade_no: str = ""
    #: Ours, for refunds.
    refund_no: str = ""
    #: What the bill calls it.
    state: str = ""
    #: False: the channel had taken it in when it made the bill, and nothing more.
    is_final: bool = True

    @property
    def name(self) -> str:
        """The number by which people find it."""
        if self.kind == LineKind.REFUND and self.refund_no:
            return self.refund_no
        return self.trade_no or self.merchant_trade_no


@dataclass(frozen=True, slots=True)
class Statement:
    day: date
    lines: list[Line]
    #: The merchant's account as the bill names it.
    account: str = ""
    sha256: str = field(default="", compare=False)


def read_fen(text: str, *, line: int) -> int:
    """This function will read yuan as exact fen; a sign is kept.

    :raises UnableToReadStatement: no amount, or one with fractions of a fen.
    """
    match = AMOUNT.fullmatch(text.strip())
    if match is None:
        raise UnableToReadStatement(
            _("Line %(line)d: “%(text)s” is no amount in yuan.")
            % {"line": line, "text": text.strip()[:40]}
        )
    sign, yuan, cents = match.groups()
    fen = int(yuan) * 100 + int((cents or "").ljust(2, "0"))
    return -fen if sign == "-" else fen


def read_instant(text: str, *, line: int) -> datetime:
    """This function will read the time of a row, which bills state in Beijing time.

    :raises UnableToReadStatement: it is none.
    """
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)
    except ValueError as error:
        raise UnableToReadStatement(
            _("Line %(line)d: “%(text)s” is no time.") % {"line": line, "text": text.strip()[:40]}
        ) from error


def day_of(at: datetime) -> date:
    return at.astimezone(BEIJING).date()


def count_lines(text: str) -> Iterator[tuple[int, str]]:
    """This function will walk through a text's lines as an editor numbers them."""
    for number, line in enumerate(text.split("\n"), start=1):
        yield number, line.rstrip("\r")


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
