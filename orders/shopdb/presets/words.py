"""What both scripts leave to be found out: money, times, the account in a form's answers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

#: What a form calls the account that is topped up, the surest first.
ACCOUNT_LABELS = (
    re.compile(r"充值|account|帐号|账号|帐户|账户", re.IGNORECASE),
    re.compile(r"手机|电话|号码|phone|mobile", re.IGNORECASE),
    re.compile(r"qq|uid|steam|邮箱|e-?mail|\bid\b", re.IGNORECASE),
)
#: Never an account, and never read into our database.
SECRET_LABELS = re.compile(r"密码|口令|pass|卡密|secret|token|验证码", re.IGNORECASE)
PHONE = re.compile(r"\+?[0-9][0-9 -]{4,30}")


class UnreadableRow(Exception):
    """What one field of a shop's row says has no meaning here."""

    def __init__(self, field: str, code: str, detail: str) -> None:
        super().__init__(detail)
        self.field, self.code, self.detail = field, code, detail


@dataclass(frozen=True)
class Local:
    """What this installation says about its shop."""

    zone: ZoneInfo
    #: The shop's names of ways to pay -> our channels.
    channels: dict[str, str]
    manual_arrival: str
    facts_as_of: datetime


def to_fen(amount: Any, field: str) -> int:
    """This function will turn yuan into fen exactly.

    :raises UnreadableRow: not an amount, or a fraction of a fen.
    """
    fen = amount * 100 if isinstance(amount, Decimal | int) else None
    if fen is None or fen != int(fen):
        raise UnreadableRow(
            field, "invalid", _("“%(shown)s” is no amount in yuan.") % {"shown": amount}
        )
    return int(fen)


def to_moment(value: Any, field: str, zone: ZoneInfo) -> str:
    """This function will read a time without a zone as the shop's own, and write it with one.

    :raises UnreadableRow: no time, such as MySQL's 0000-00-00.
    """
    if not isinstance(value, datetime):
        raise UnreadableRow(field, "invalid", _("“%(shown)s” is no time.") % {"shown": value})
    return value.replace(tzinfo=zone).isoformat()


def find_channel(names: Iterable[str], known: dict[str, str]) -> str:
    """This function will find the channel of a payment; what nobody named is paid back by hand."""
    return next((known[name] for name in names if name in known), "offline")


def find_account(answers: Iterable[tuple[str, str]]) -> str:
    """This function will choose the account among a form's (label, value) pairs: by its label,
    else the first that is no password."""
    open_ones = [
        (label, value.strip())
        for label, value in answers
        if value.strip() and not SECRET_LABELS.search(label)
    ]
    for pattern in ACCOUNT_LABELS:
        for label, value in open_ones:
            if pattern.search(label):
                return value
    return open_ones[0][1] if open_ones else ""


def to_customer(*contacts: Any) -> dict[str, str]:
    """This function will sort contacts into e-mail and telephone; anything else says nothing."""
    customer: dict[str, str] = {}
    for contact in (str(value or "").strip() for value in contacts):
        if is_email(contact):
            customer.setdefault("email", contact)
        elif PHONE.fullmatch(contact):
            customer.setdefault("phone", contact)
    return customer


def is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= 254


def unknown_status(status: Any) -> UnreadableRow:
    return UnreadableRow(
        "status", "invalid_choice", _("“%(shown)s” is no status we know.") % {"shown": status}
    )
