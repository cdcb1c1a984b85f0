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
CLOCK = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
AMOUNT = re.compile(r"([+-]?)([0-9]{1,12})(?:\.([0-9]{1,2})0*)?", re.ASCII)


class UnableToReadStatement(Exception):
    """The file is no bill of this channel, or not all of one; the text says why, and as far as
    that is known in which file, line and column."""

    def __init__(self, why: str, *, line: int = 0, column: str = "", file: str = "") -> None:
        super().__init__(why)
        self.why, self.line, self.column, self.file = why, line, column, file

    def __str__(self) -> str:
        place = (
            self.file,
            _("line %(line)d") % {"line": self.line} if self.line else "",
            _("column “%(name)s”") % {"name": self.column} if self.column else "",
        )
        where = ", ".join(filter(None, place))
        return f"{where}: {self.why}" if where else self.why


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


def read_fen(text: str, *, line: int, column: str = "") -> int:
    """This function will read yuan as exact fen; a sign is kept.

    :raises UnableToReadStatement: no amount, or one with fractions of a fen.
    """
    match = AMOUNT.fullmatch(text.strip())
    if match is None:
        raise UnableToReadStatement(
            _("“%(text)s” is no amount in yuan.") % {"text": text.strip()[:40]},
            line=line,
            column=column,
        )
    sign, yuan, cents = match.groups()
    fen = int(yuan) * 100 + int((cents or "").ljust(2, "0"))
    return -fen if sign == "-" else fen


def read_instant(text: str, *, line: int, column: str = "") -> datetime:
    """This function will read the time of a row, which bills state in Beijing time.

    :raises UnableToReadStatement: it is none.
    """
    text = text.strip()
    try:
        if not CLOCK.fullmatch(text):
            raise ValueError(text)
        return datetime.fromisoformat(text).replace(tzinfo=BEIJING)
    except ValueError as error:
        raise UnableToReadStatement(
            _("“%(text)s” is no time such as 2026-11-24 14:30:00.") % {"text": text[:40]},
            line=line,
            column=column,
        ) from error


def agree_on_day(found: set[date], day: date | None) -> date:
    """This function will say of which day a bill is that does not say it itself, but whose rows
    do.

    :raises UnableToReadStatement: of several, of another than `day`, or nobody can tell.
    """
    if len(found) > 1:
        raise UnableToReadStatement(_("The rows are of several days."))
    if not found and day is None:
        raise UnableToReadStatement(_("The bill is empty and does not say of which day it is."))
    require_day(next(iter(found)) if found else day, day)
    return next(iter(found)) if found else day or date.min


def require_day(found: date | None, wanted: date | None) -> None:
    """This function will refuse another day's bill.

    :raises UnableToReadStatement: it is one.
    """
    if found is not None and wanted is not None and found != wanted:
        raise UnableToReadStatement(
            _("This is the bill of %(found)s, not of %(wanted)s.")
            % {"found": found.isoformat(), "wanted": wanted.isoformat()}
        )


def day_of(at: datetime) -> date:
    return at.astimezone(BEIJING).date()


def refuse_width(found: int, width: int, *, line: int) -> UnableToReadStatement:
    """This function will say that a row has more or fewer cells than the header."""
    return UnableToReadStatement(
        _("%(cells)d cells instead of %(width)d.") % {"cells": found, "width": width}, line=line
    )


def count_lines(text: str) -> Iterator[tuple[int, str]]:
    """This function will walk through a text's lines as an editor numbers them."""
    for number, line in enumerate(text.split("\n"), start=1):
        yield number, line.rstrip("\r")


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
