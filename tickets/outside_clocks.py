"""By when an outside case wants to be answered and settled. Pure: no database.

Each rule has the days of receipt (or acceptance) it holds for, and where it comes from: rules of
authorities change, and a complaint keeps the one of its day.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
Unit = Literal["hour", "working_day", "calendar_day"]
#: Whether somebody works on a day (worked weekends counted), and whether that rests on a guess.
IsWorked = Callable[[date], tuple[bool, bool]]


@dataclass(frozen=True)
class Rule:
    code: str
    channel: str
    stage: Literal["reply", "settle", "accepted"]
    length: int
    unit: Unit
    basis: str
    valid_from: date = date.min
    valid_to: date = date.max


RULES = (
    Rule("WX_FIRST_REPLY", "wechat", "reply", 24, "hour", "kf.qq.com: first answer to a complaint"),
    Rule("WX_COMPLETE", "wechat", "settle", 72, "hour", "kf.qq.com: complaint completed"),
    Rule("ODR_SETTLE", "odr", "settle", 10, "working_day", "12315 ODR rules"),
    # Until the authority decides whether it takes the complaint, the shop can still settle.
    Rule("SAMR_ACCEPT", "samr", "settle", 7, "working_day", "Consumer Protection Law art. 46"),
    Rule(
        "SAMR_MEDIATE_OLD",
        "samr",
        "accepted",
        45,
        "working_day",
        "SAMR Order 20 art. 21",
        valid_to=date(2026, 4, 14),
    ),
    Rule(
        "SAMR_MEDIATE",
        "samr",
        "accepted",
        60,
        "calendar_day",
        "SAMR Order 121 art. 23",
        valid_from=date(2026, 4, 15),
    ),
)


@dataclass(frozen=True)
class Due:
    at: datetime
    rule: str
    provisional: bool = False


class NoRule(Exception):
    """Nothing says when this is due: somebody has to."""


def find_rule(channel: str, stage: str, on: date) -> Rule | None:
    fits = (r for r in RULES if r.channel == channel and r.stage == stage)
    return next((r for r in fits if r.valid_from <= on <= r.valid_to), None)


def compute_due(
    channel: str, stage: str, start: datetime, *, tz: ZoneInfo, is_worked: IsWorked
) -> Due:
    """This function will say when a stage that began at ``start`` is due.

    Hours are natural hours. Of days the first is not counted, and the last ends at midnight; a
    count of calendar days that ends on a day off goes on to the next worked day (Civil Code
    art. 201 and 203).

    :raises NoRule: the stage has no rule of its own.
    """
    day = start.astimezone(tz).date()
    rule = find_rule(channel, stage, day)
    if rule is None:
        raise NoRule(f"{channel} {stage}")
    if rule.unit == "hour":
        return Due(start + timedelta(hours=rule.length), rule.code)
    count = count_working_days if rule.unit == "working_day" else count_calendar_days
    last, provisional = count(day, rule.length, is_worked)
    return Due(end_of(last, tz), rule.code, provisional)


def count_working_days(day: date, length: int, is_worked: IsWorked) -> tuple[date, bool]:
    provisional = False
    while length:
        day += DAY
        worked, guessed = is_worked(day)
        provisional |= guessed
        length -= worked
    return day, provisional


def count_calendar_days(day: date, length: int, is_worked: IsWorked) -> tuple[date, bool]:
    day += length * DAY
    worked, provisional = is_worked(day)
    while not worked:
        day += DAY
        worked, guessed = is_worked(day)
        provisional |= guessed
    return day, provisional


def end_of(day: date, tz: ZoneInfo) -> datetime:
    """Midnight at the end of a day: due from that instant on, in time before it."""
    return datetime.combine(day + DAY, time.min, tz)
