"""What people write into cells, made exact: yuan, times, yes and no, numbers Excel has damaged."""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

#: Times without a zone in a Chinese shop's file are Beijing time.
SHANGHAI = ZoneInfo("Asia/Shanghai")
#: Excel keeps 15 digits of a number; the rest become zeros without a word.
EXCEL_DIGITS = 15

SCIENTIFIC = re.compile(r"[+-]?\d(\.\d+)?[eE][+-]?\d+")
#: Ways in which exports protect digits from Excel: ="0123", '0123, a leading tab.
PROTECTED = re.compile(r"""^=?"(.*)"$|^['`](.*)$""", re.DOTALL)
MONEY = re.compile(r"[¥￥]?\s*(-?\d[\d,]*(?:\.\d+)?)\s*(?:元|yuan|RMB|CNY)?", re.IGNORECASE)
LOOSE_TIME = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[T\s]+(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2})秒?)?分?)?"
)
LENGTH = re.compile(r"(\d{1,5})\s*(分钟|小时|天|min|minutes?|h|hours?|d|days?)", re.IGNORECASE)
UNITS = {"分": "minutes", "m": "minutes", "小": "hours", "h": "hours", "天": "days", "d": "days"}
YES = {"是", "y", "yes", "true", "1", "有"}
NO = {"否", "n", "no", "false", "0", "无", ""}


class BadCell(Exception):
    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def read_text(cell: Any) -> str:
    """This function will read a name or number as text, refusing what Excel has damaged.

    :raises BadCell: scientific notation, or a numeric cell of more than 15 digits.
    """
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return read_number_as_text(cell)
    text = str(cell).strip()
    if found := PROTECTED.match(text):
        text = (found[1] or found[2] or "").strip()
    if SCIENTIFIC.fullmatch(text):
        raise damaged(text)
    return text


def read_number_as_text(cell: int | float) -> str:
    if not float(cell).is_integer():
        return f"{cell:.15g}"
    if abs(cell) >= 10**EXCEL_DIGITS:
        raise damaged(f"{cell:.14E}")
    return str(int(cell))


def damaged(shown: str) -> BadCell:
    return BadCell(
        _(
            "“%(shown)s” was a longer number: Excel keeps only 15 digits of it, the others are "
            "lost. Format the column as text, fill it anew and export again."
        )
        % {"shown": shown},
        "damaged_number",
    )


def read_fen(cell: Any) -> int:
    """This function will turn yuan into fen exactly; a fraction of a fen is refused."""
    text = f"{cell:.15g}" if isinstance(cell, float) else read_plain(cell)
    found = MONEY.fullmatch(text)
    try:
        fen = Decimal(found[1].replace(",", "")) * 100 if found else None
    except InvalidOperation:
        fen = None
    if fen is None:
        raise BadCell(_("“%(text)s” is no amount in yuan.") % {"text": text[:50]}, "invalid")
    if fen != fen.to_integral_value():
        raise BadCell(
            _("“%(text)s” has a fraction of a fen.") % {"text": text[:50]}, "fraction_of_fen"
        )
    return int(fen)


def read_whole(cell: Any) -> int:
    """This function will read an amount that is in fen already."""
    text = f"{cell:.15g}" if isinstance(cell, float) else read_plain(cell)
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise BadCell(_("“%(text)s” is no whole number of fen.") % {"text": text[:50]}, "invalid")
    return int(text)


def read_plain(cell: Any) -> str:
    text = str(cell).strip()
    found = PROTECTED.match(text)
    return (found[1] or found[2] or "").strip() if found else text


def read_time(cell: Any) -> datetime:
    """This function will read a time; without a zone it is Beijing time."""
    if isinstance(cell, datetime):
        return with_zone(cell)
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day, tzinfo=SHANGHAI)
    text = read_plain(cell)
    try:
        parsed = parse_datetime(text) or parse_loosely(text)
    except ValueError:
        parsed = None
    if parsed is None:
        raise BadCell(
            _("“%(text)s” is no time such as 2026-11-24 14:30:00.") % {"text": text[:50]}, "invalid"
        )
    return with_zone(parsed)


def parse_loosely(text: str) -> datetime | None:
    found = LOOSE_TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    return datetime(year, month, day, hour, minute, second, tzinfo=SHANGHAI)


def with_zone(value: datetime) -> datetime:
    return value.replace(tzinfo=SHANGHAI) if value.tzinfo is None else value


def read_length(cell: Any) -> str:
    """This function will read a length of time and write it in ISO 8601."""
    text = read_plain(cell)
    if isinstance(cell, timedelta):
        return f"PT{int(cell.total_seconds())}S"
    if found := LENGTH.fullmatch(text):
        length = timedelta(**{UNITS[found[2][0].lower()]: int(found[1])})
        return f"PT{int(length.total_seconds())}S"
    return text


def read_yes_no(cell: Any) -> bool:
    if isinstance(cell, bool):
        return cell
    text = read_plain("" if cell is None else cell).lower()
    if text not in YES | NO:
        raise BadCell(_("“%(text)s” is neither yes nor no.") % {"text": text[:50]}, "invalid")
    return text in YES
