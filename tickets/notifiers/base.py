"""What every way out offers, whatever its provider calls things.

    is_configured()   whether there is such a way here
    send(letter)      hand one message over; returns the provider's reference, or ""
    was_sent(letter)  after an unknown outcome: whether the provider has it; None: it cannot say

A code that a module does not know is "not sent, final": another attempt would say the same. An
answer that is missing, late or broken is unknown: the message may be on its way.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orders.masking import mask_account, mask_email
from orders.wire import Answer, NoAnswer, NotConnected, exchange

#: Addresses with a key in them must not stand in a log or in the admin.
SECRET_IN_URL = re.compile(r"((?:key|access_token|sign|Signature)=|/hook/)[^&\s'\"]+")
MOBILE = re.compile(r"(?<!\d)(?:\+?86)?1[3-9]\d{9}(?!\d)")
CARD = re.compile(r"(?<![\dA-Za-z])\d{12,19}(?![\dA-Za-z])")
ADDRESS = re.compile(r"[^\s@<>,;:]+@[^\s@<>,;]+\.[A-Za-z]{2,}")


class UnableToSend(Exception):
    """The message did not leave the building, or nobody knows. ``retryable``: another attempt may
    succeed. ``unknown``: it may have arrived all the same."""

    def __init__(self, message: object, *, retryable: bool = True, unknown: bool = False) -> None:
        super().__init__(SECRET_IN_URL.sub(r"\1…", str(message)))
        self.retryable = retryable
        self.unknown = unknown


@dataclass(frozen=True, slots=True)
class Letter:
    """One message with its words, and what a provider wants besides."""

    #: The same at every attempt.
    key: str
    recipient: str
    subject: str
    body: str
    #: The instant of this attempt: signatures are made of it.
    at: datetime
    #: Since when it may have been handed over before.
    since: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    template: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


def post_json(url: str, body: bytes, *, headers: Mapping[str, str] | None = None) -> Answer:
    """This function will post and return the answer of a provider that answered with 200.

    :raises UnableToSend: not sent, or unknown.
    """
    sent = {"Content-Type": "application/json; charset=utf-8"} | dict(headers or {})
    return ask(lambda: exchange("POST", url, content=body, headers=sent))


def ask(call: Callable[[], Answer]) -> Answer:
    try:
        answer = call()
    except NotConnected as error:
        raise UnableToSend(error) from error
    except NoAnswer as error:
        raise UnableToSend(error, unknown=True) from error
    if answer.status >= 500:
        raise UnableToSend(f"HTTP {answer.status}", unknown=True)
    if answer.status == 429:
        raise UnableToSend("HTTP 429")
    return answer


def read_code(answer: Answer, name: str) -> tuple[Any, str, dict[str, Any]]:
    """This function will read the provider's verdict: its code, its words, the whole body.

    :raises UnableToSend: no JSON object, or one without the code.
    """
    body = answer.json()
    if body is None or name not in body:
        words = answer.body[:200].decode("utf-8", "replace")
        if answer.status >= 400:
            raise UnableToSend(f"HTTP {answer.status}: {words}", retryable=False)
        raise UnableToSend(f"not understood: {words}", unknown=True)
    words = str(body.get("Message") or body.get("errmsg") or body.get("msg") or "")
    return body[name], words[:300], body


def mask_text(text: str) -> str:
    """This function will mask telephone numbers, bank cards and addresses in free text: a group's
    robot speaks to whoever is in the group."""
    text = ADDRESS.sub(lambda found: mask_email(found[0]), text)
    text = MOBILE.sub(lambda found: mask_account(found[0][-11:]), text)
    return CARD.sub(lambda found: mask_account(found[0]), text)
