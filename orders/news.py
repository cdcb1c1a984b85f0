"""News that providers send by themselves: how it is turned away, and what they want to hear."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class NoticeReply:
    """What a provider wants to hear; anything but its word for "taken" has the notify repeated."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


class NoticeRefused(Exception):
    """A notify that changes nothing: not from the channel, too old, or not meant for us."""

    class Reason(StrEnum):
        BAD_SIGNATURE = "bad_signature"
        STALE = "stale"
        OTHER_ACCOUNT = "other_account"
        UNREADABLE = "unreadable"
        NOT_CONFIGURED = "not_configured"

    def __init__(self, message: object, *, reason: Reason) -> None:
        super().__init__(message)
        self.reason = reason
